"""The mirror over HTTP: what it holds, what it signed, and in words what it refuses; and its rounds."""

from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.evidence.mirror.mirror import Mirror, Outcome
from services.evidence.witness.witness_http import Endpoints, rounds
from services.system.settings import SHANGHAI

_KINDS: Final = {
    "new": "尚未核对", "copying": "正在抄录", "follows": "相符", "refuses": "拒绝签署", "silent": "日志无应答",
    "unable": "镜像自身无法继续",
}  # fmt: skip
_VERDICTS: Final = {"right": "相符", "wrong": "不符", "unjudged": "未判", None: "待判"}


def create_app(mirror: Mirror, interval_s: float) -> Starlette:
    """The mirror as an ASGI application, which makes its rounds while it serves."""

    def round_() -> None:
        try:
            mirror.round()
        except Exception as fault:  # noqa: BLE001 - told where everybody looks, and tried again
            mirror.last = Outcome("unable", f"{type(fault).__name__}: {fault}")

    return Starlette(routes=MirrorEndpoints(mirror).routes(), lifespan=rounds("mirror-rounds", round_, interval_s))


class MirrorEndpoints(Endpoints):
    """A witness's, and what a mirror has judged."""

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(mirror.witness, mirror.add_checkpoint)
        self._mirror = mirror

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            *super().routes(),
            Route("/", self.page),
            Route("/roots", self.roots),
            Route("/roots/{position:int}", self.note),
            Route("/health/ready", self.ready),
        ]

    def refusals(self, origin: str) -> list[dict[str, Any]]:
        """What was refused: by the witness in it, and by the mirror, whose word is signed."""
        found = super().refusals(origin)
        if origin == self._mirror.origin:
            for each in self._mirror.state.refusals():
                own: dict[str, Any] = {"at": each.at, "reason": each.reason, "position": each.position}
                own |= {"ended": each.ended, "note": each.note.decode()}
                if each.evidence is not None:
                    own["request"] = each.evidence.decode()
                found.append(own)
        return found

    async def page(self, _: Request) -> Response:
        return PlainTextResponse(await anyio.to_thread.run_sync(in_words, self._mirror))

    async def roots(self, _: Request) -> Response:
        found = await anyio.to_thread.run_sync(self._mirror.state.judged)
        return JSONResponse([
            {**each._asdict(), "note": None if each.note is None else each.note.decode()} for each in found
        ])  # fmt: skip

    async def note(self, request: Request) -> Response:
        position = request.path_params["position"]
        found = await anyio.to_thread.run_sync(self._mirror.state.judged)
        own = next((each for each in found if each.position == position), None)
        if own is None or own.note is None:
            said = "no roots are stated there" if own is None else own.words or "they are still to be judged"
            return PlainTextResponse(f"nothing is signed of position {position}: {said}\n", HTTPStatus.NOT_FOUND)
        return PlainTextResponse(own.note)

    async def ready(self, _: Request) -> Response:
        last = self._mirror.last
        return JSONResponse(last._asdict(), HTTPStatus.OK if last.good else HTTPStatus.SERVICE_UNAVAILABLE)


def in_words(mirror: Mirror) -> str:
    """All of it for who reads: the state, what was judged, what was refused."""
    verified, last = mirror.state.progress().verified, mirror.last
    lines = [
        f"镜像 Mirror: {mirror.origin}", f"公钥 key: {mirror.witness.key.verifier}",
        f"已抄录并核对 copied and verified: {verified.size:,}", f"{_KINDS[last.kind]} {last.kind}: {last.words}", "",
        "树根 Roots:",
    ]  # fmt: skip
    judged, refused = mirror.state.judged(), mirror.state.refusals()
    lines += [f"  {each.position} {_VERDICTS[each.verdict]} {each.verdict or 'due'}: {each.words}" for each in judged]
    lines += ["", "拒绝 Refusals:"]
    for each in refused:
        ended = "" if each.ended is None else f" (至 until {_shown(each.ended)})"
        where = "-" if each.position is None else each.position
        lines.append(f"  {_shown(each.at)}{ended} 位置 position {where}: {each.reason}")
    return "\n".join(lines) + "\n"


def _shown(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, SHANGHAI).isoformat(timespec="seconds")
