"""The witness over HTTP, and its rounds: it serves add-checkpoint, and asks ledgers for their checkpoints by itself."""

import threading
import urllib.parse
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from typing import Any

import anyio.to_thread
import httpx
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.evidence.notes.checkpoint import Checkpoint, parse_hash
from services.evidence.notes.key_history import KeyHistory
from services.evidence.notes.notes import Note, NoteError
from services.evidence.witness.witness import (
    REQUEST_BYTES_MAX,
    AddCheckpoint,
    Witness,
    WitnessForgotError,
    WitnessRefusalError,
)

POLL_TIMEOUT_S = 30

logger = structlog.get_logger(__name__)


def rounds(
    name: str, make: Callable[[], None], interval_s: float
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """A lifespan within which rounds are made in a thread of their own, with so many seconds between."""
    stop = threading.Event()

    def run() -> None:
        while True:
            make()
            if stop.wait(interval_s):
                return

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        yield
        stop.set()
        await anyio.to_thread.run_sync(thread.join, POLL_TIMEOUT_S)

    return lifespan


def create_app(witness: Witness, ledgers: Sequence[str] = (), interval_s: float = 60) -> Starlette:
    """The witness as an ASGI application; with ledgers' addresses, it also makes its rounds while it serves."""

    def round_() -> None:
        for ledger in ledgers:
            poll_in_words(witness, ledger)

    return Starlette(
        routes=Endpoints(witness, witness.add_checkpoint).routes(),
        lifespan=rounds("witness-rounds", round_, interval_s),
    )


class Endpoints:
    """What a witness answers; `add` is what becomes of a checkpoint that somebody brings."""

    def __init__(self, witness: Witness, add: Callable[[bytes], str]) -> None:
        self._witness, self._add = witness, add

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/add-checkpoint", self.add_checkpoint, methods=["POST"]),
            Route("/checkpoint", self.checkpoint),
            Route("/{origin_hash}/checkpoint", self.monitored),
            Route("/refused", self.refused),
            Route("/key", self.key),
        ]

    async def add_checkpoint(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > REQUEST_BYTES_MAX:
                return PlainTextResponse(
                    f"the most is {REQUEST_BYTES_MAX} bytes\n", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                )
        try:
            return PlainTextResponse(await anyio.to_thread.run_sync(self._add, body))
        except WitnessRefusalError as refusal:
            text = str(refusal)
            # As a header, because a media type would get a charset appended.
            headers = {"content-type": refusal.content_type}
            return Response(text if text.endswith("\n") else f"{text}\n", refusal.status, headers)

    async def checkpoint(self, request: Request) -> Response:
        origin = request.query_params.get("origin", "")
        note = await anyio.to_thread.run_sync(self._witness.latest, origin)
        if note is None:
            known = ", ".join(self._witness.origins)
            return PlainTextResponse(f"no checkpoint of origin {origin!r} was cosigned; known: {known}\n", 404)
        return PlainTextResponse(note)

    async def monitored(self, request: Request) -> Response:
        """The same at the path that C2SP tlog-witness has for monitors."""
        origin = self._witness.origin_of(request.path_params["origin_hash"])
        note = await anyio.to_thread.run_sync(self._witness.latest, origin)
        if note is None:
            return PlainTextResponse("no checkpoint of a log whose origin has this SHA-256 was cosigned\n", 404)
        return PlainTextResponse(note)

    async def refused(self, request: Request) -> Response:
        origin = request.query_params.get("origin", "")
        return JSONResponse(await anyio.to_thread.run_sync(self.refusals, origin))

    def refusals(self, origin: str) -> list[dict[str, Any]]:
        """What contradicts the log and bears its signature, oldest first."""
        found = self._witness.refusals(origin)
        return [{"at": at, "reason": reason, "request": body.decode()} for at, body, reason in found]

    async def key(self, _: Request) -> Response:
        return PlainTextResponse(f"{self._witness.key.verifier}\n")


def poll(witness: Witness, ledger: str) -> Checkpoint:
    """Ask one ledger for its checkpoint and cosign it; return what was cosigned.

    Raises:
        WitnessRefusalError: it does not extend what was cosigned before, or is of a log that is not trusted.
        WitnessForgotError: the ledger has a signature of this witness that it does not remember.
        NoteError: what the ledger sent is mangled.
        httpx.HTTPError: the ledger did not answer.
    """
    with httpx.Client(base_url=f"{ledger.rstrip('/')}/v1/log/", timeout=POLL_TIMEOUT_S) as client:
        keys = client.get("keys")
        if keys.status_code == HTTPStatus.OK:
            witness.follow(KeyHistory.read(keys.content))
        cosigned = client.get("checkpoint/cosigned")
        if cosigned.status_code == HTTPStatus.OK:
            witness.require_remembered(cosigned.content)
        note = client.get("checkpoint").raise_for_status().content
        checkpoint = Checkpoint.parse(Note.parse(note).text)
        seen = witness.latest_size(checkpoint.origin)
        if checkpoint.size < seen:
            raise WitnessRefusalError(
                HTTPStatus.CONFLICT,
                f"the log ends at position {checkpoint.size}, this witness signed {seen}: "
                f"positions {checkpoint.size + 1} to {seen} are gone",
            )
        proof: tuple[bytes, ...] = ()
        if 0 < seen < checkpoint.size:
            query = urllib.parse.urlencode({"old_size": seen, "new_size": checkpoint.size})
            answer = client.get(f"proof/consistency?{query}").raise_for_status().json()
            proof = tuple(parse_hash(value) for value in answer["hashes"])
        witness.add_checkpoint(AddCheckpoint(seen, proof, note).to_bytes())
    return checkpoint


def poll_in_words(witness: Witness, ledger: str) -> bool:
    """Ask one ledger and write what came of it to the log; False where it was not cosigned."""
    try:
        checkpoint = poll(witness, ledger)
    except (WitnessRefusalError, WitnessForgotError) as refusal:
        logger.error("ledger_refused", ledger=ledger, reason=str(refusal))  # noqa: TRY400 -- the reason is the message
    except (NoteError, KeyError, TypeError, ValueError) as fault:
        logger.error("ledger_answer_mangled", ledger=ledger, reason=str(fault))  # noqa: TRY400 -- as above
    except httpx.HTTPError as fault:
        logger.warning("ledger_silent", ledger=ledger, reason=str(fault))
    else:
        logger.info("cosigned", ledger=ledger, origin=checkpoint.origin, size=checkpoint.size)
        return True
    return False
