"""For operators: is it alive, is it ready and if not which part, and its measures."""

import asyncio
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from psycopg.rows import tuple_row
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.asking.questions import open_to_anyone
from api.web.answers import PROBLEMS, answer
from api.web.metrics import Account, text
from api.web.parts import Parts, parts_of
from api.web.problems import Problem
from services.evidence.witness import seen
from services.evidence.witness.notary import read_witnesses
from services.intake.condition import conditions
from services.intake.sources import sources
from services.ledger import held
from services.ledger.lag import Lag
from services.ledger.ruleset import ruleset
from services.notices.outbox import standings
from services.postgres.chores import chores
from services.postgres.faults import fault_of, refusal
from services.serving.connections import CONNECTIONS
from services.system.logs import logger

router = APIRouter(tags=["operation"])

# How old the first event that the projections lack may be before the service counts as not ready.
LAG_S_MAX: Final = 15.0
CHECK_S_MAX: Final = 5.0
HELD_SHOWN: Final = 20
_LAG: Final = Lag()


class Part(BaseModel):
    """One part: whether it is ready, and what it says."""

    ready: bool
    detail: str


class Readiness(BaseModel):
    """Ready, or which part is not."""

    status: Literal["ready", "degraded", "not ready"] = Field(
        description="degraded: it answers, and a part asks for an operator (some events may have no part in the "
        "answers); `parts` says which and why"
    )
    parts: dict[str, Part]
    position: int | None = Field(description="the log's last position")


@router.get("/health/live", response_model=None, summary="活着 Alive")
@open_to_anyone("monitoring, without a word of any organization")
def live() -> Response:
    """Answers as long as the process serves."""
    return answer({"status": "live"})


@router.get(
    "/health/ready",
    response_model=None,
    responses={200: {"model": Readiness}, 503: {"model": Readiness, "description": "Not ready; `parts` says which"}},
    summary="就绪 Ready, or which part is not",
)
@open_to_anyone("monitoring, without a word of any organization")
async def ready(request: Request) -> Response:
    """Ready when the database answers and can be written, and the projections follow the log.

    The log's signature, its witnesses, Kafka, relay, notices, backup and other chores, disk, clock and events that are
    held are spoken of too: what is wrong there makes it degraded, with its cause in words.
    """
    parts = parts_of(request)
    position: int | None = None
    needed = {"database", "projections", "rules"}
    try:
        async with asyncio.timeout(CHECK_S_MAX):
            position, shown, more = await run_in_threadpool(_examined, parts)
        needed |= more
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the operator asks about
        logger().warning("not ready", part="database", error=str(error))
        why = await run_in_threadpool(_refused, parts)
        shown = {"database": _part(ready=False, detail=why), "edge": _edge(parts)}
    at_fault = {name for name, part in shown.items() if not part["ready"]}
    is_ready = not at_fault & needed
    status = "not ready" if not is_ready else "degraded" if at_fault else "ready"
    body = {"status": status, "parts": shown, "position": position}
    return answer(body, 200 if is_ready else 503, None if is_ready else {"retry-after": "2"})


def _examined(parts: Parts) -> tuple[int, dict[str, Any], set[str]]:
    """The log's last position, each part's condition, and which beside the usual ones nothing works without."""
    position, _ = parts.recorder.head()
    shown = {
        "database": _part(ready=True, detail=f"the log ends at position {position}"),
        "projections": _projections(parts, position),
        "rules": _rules(parts),
        "events": _held(parts),
        "edge": _edge(parts),
    }
    found = list(conditions(parts.recorder, parts.settings.data, parts.queries.wrong_clocks()))
    shown |= {each.part: _part(ready=each.ready, detail=each.detail) for each in found}
    named = [each.key for each in read_witnesses(parts.settings.witnesses or "")]
    with parts.recorder.datastore.get_connection() as connection:
        signed = seen.conditions(seen.signatories(connection, named, parts.settings.checkpoint_seconds))
    shown |= {each.part: _part(ready=each.ready, detail=each.detail) for each in signed}
    return position, shown, {each.part for each in found if each.needed}


def _refused(parts: Parts) -> str:
    """Why the database is of no use, without what it said of itself: anyone may read it."""
    error = refusal(parts.settings.conninfo)
    fault = None if error is None else fault_of(error)
    return "does not answer" if fault is None else fault.remedy


def _part(*, ready: bool, detail: str) -> dict[str, Any]:
    return {"ready": ready, "detail": detail}


def _projections(parts: Parts, position: int) -> dict[str, Any]:
    """Behind for a moment is fine; behind for long says that the projector does not keep up, or does not run."""
    reached = parts.queries.position
    if parts.queries.view.fault is not None:
        return _part(ready=False, detail=parts.queries.view.fault)
    detail = f"at position {reached}, {max(position - reached, 0)} behind the log"
    missing = parts.recorder.at(reached + 1) if position > reached else None
    if missing is None:
        return _part(ready=True, detail=detail)
    # Where a clock was ahead, the instant of an event is no measure; how long we have seen it missing always is.
    age_s = max((datetime.now(UTC) - missing.recorded_at).total_seconds(), _LAG.seconds(position, reached))
    return _part(ready=age_s <= LAG_S_MAX, detail=f"{detail}, for {age_s:.1f} s")


def _held(parts: Parts) -> dict[str, Any]:
    """The events that have no part in any answer, since they could not be applied."""
    with parts.queries.everywhere().connection() as connection:
        number = held.count(connection)
        found = held.held(connection, HELD_SHOWN) if number else []
    if not number:
        return _part(ready=True, detail="every event up to the projections' position is applied")
    positions = ", ".join(str(each.position) for each in found) + (", …" if number > HELD_SHOWN else "")
    return _part(ready=False, detail=f"{number} held, at positions {positions}: taizhang held list")


def _edge(parts: Parts) -> dict[str, Any]:
    """Connections and places: who was refused one lately is a reason to look who has them."""
    told = [f"{each.taken} of {each.at_once} {each.what}" for each in parts.places]
    told.append(f"{parts.seats.work.at_work} at work, {parts.seats.work.waiting} wait for their turn")
    if refused := [f"{each.what} ({each.refused} so far)" for each in parts.places if each.refused_lately]:
        told.append(f"in the last minute callers were refused {', '.join(refused)}")
    if crowded := CONNECTIONS.crowded_lately:
        told.append("connections that waited were ended for others")
    detail = f"{len(CONNECTIONS.open)} connections; {'; '.join(told)}"
    return _part(ready=not refused and not crowded, detail=detail)


def _rules(parts: Parts) -> dict[str, Any]:
    """The rules that made the figures; others than the program's are named in every answer, and no fault."""
    version = parts.queries.view.current.version
    if version.is_own:
        return _part(ready=True, detail=f"rule set {ruleset()}")
    return _part(
        ready=True,
        detail=f"answers are by rule set {version.ruleset}, up to position {version.position}, until a rebuild by "
        f"{ruleset()} is in use",
    )


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, 401: PROBLEMS[401]},
    summary="指标 Measures for Prometheus",
)
@open_to_anyone("monitoring, without a word of any organization")
def metrics(request: Request) -> Response:
    """In Prometheus' text format: HTTP, the account by source and Kafka partition, positions, and what is ready.

    Where the operator has set a token, it is asked for (`Authorization: Bearer …`).
    """
    parts = parts_of(request)
    token = parts.settings.metrics_token
    given = request.headers.get("authorization", "").encode()
    if token is not None and not compare_digest(given, f"Bearer {token.get_secret_value()}".encode()):
        told = "these measures ask for the token that the operator has set, as Authorization: Bearer"
        raise Problem("sign-in-needed", told, headers={"www-authenticate": 'Bearer realm="metrics"'})
    account: Account | None = None
    try:
        head, shown, _ = _examined(parts)
        # Whoever asks has not signed in; the counts by source name no organization.
        everywhere = parts.queries.everywhere()
        with everywhere.connection() as connection:
            number = held.count(connection)
        with (
            parts.recorder.datastore.get_connection() as own,
            own.cursor(row_factory=tuple_row) as cursor,
        ):
            ran, outbox = chores(cursor), standings(cursor)
        ready = {name: bool(part["ready"]) for name, part in shown.items()}
        account = Account(*sources(everywhere), head, parts.queries.position, number, ready, ran, outbox)
    except Exception as error:  # noqa: BLE001 - without the database there is still HTTP to measure
        logger().warning("measures without the account", error=str(error))
    return Response(text(parts.places, account), media_type=CONTENT_TYPE_LATEST)
