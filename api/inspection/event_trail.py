"""The trail, and one event exactly as received."""

import base64
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import POSITION_MAX, Asked, Clocks, CursorText, read_date, read_instant, today
from api.asking.cursors import Cursor, encode
from api.asking.paging import Limit
from api.asking.questions import ASK, BY_HTTP, INSPECTING, ONE_RECORD, question
from api.evidence.log import InclusionProof
from api.exports.lists import Sheet, taken_away
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import invalid
from api.web.shapes import KnownAt, WrongClockShape, knowledge
from domain.events.types import EVENT_TYPES
from domain.values.clocks import Basis, basis_of
from domain.values.strict_json import NotJsonError, read_json
from services.evidence.notes.checkpoint import encode_hash
from services.inspection.event_trail import Trail, TrailEvent, audit
from services.ledger.known import Known
from services.ledger.queries import Queries
from services.ledger.sight import Sight
from services.log import tree
from services.log.content import UnreadableError
from services.log.recorder import Recorded, recorded
from services.system.errors import NotFoundError

router = APIRouter(prefix="/v1", tags=["audit"], responses=PROBLEMS)


class TrailEventShape(BaseModel):
    """One event of the log, without its content."""

    position: int
    source: str
    id: str
    type: str
    subject: str | None
    effective_on: date | None
    recorded_at: datetime
    learned_at: datetime = Field(description="of an import, what its sources said; else recorded_at")
    basis: Basis = Field(description="what learned_at rests on")
    publisher: str
    intake: dict[str, Any] = Field(description="the channel and its coordinates")
    raw_sha256: str = Field(description="SHA-256 of the bytes as received, in hex")


class AuditPage(BaseModel):
    """One page of the trail, in order of position."""

    known_at: KnownAt
    events: list[TrailEventShape]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class EventShape(TrailEventShape):
    """One event whole."""

    clock_wrong: list[WrongClockShape] = Field(description="statements by which the database's clock was wrong there")
    attributes: dict[str, str] | None = Field(description="binary mode's CloudEvents attributes; else null")
    event: Any = Field(description="the bytes as received, read as JSON; null where they were changed since")
    raw_base64: str = Field(description="the bytes as received")
    entry: str = Field(
        description="what opens the leaf: canonical JSON (RFC 8785) of what is recorded, in a blinded log with the "
        "value that hides it"
    )
    proof: InclusionProof


def shown_event(event: TrailEvent) -> dict[str, Any]:
    """An event of the trail, as answers show it."""
    return {**event._asdict(), "basis": event.basis, "raw_sha256": event.raw_sha256.hex()}


class TrailAsked(NamedTuple):
    """Which events a question means, the first page from a position on."""

    trail: Trail
    position_from: int


def trail_asked(
    *,
    subject: Annotated[
        str | None,
        Query(
            description="That speak of this organization, member, branch or instructor.",
            max_length=128,
            examples=["uscc:9151010452601815XG"],
        ),
    ] = None,
    source: Annotated[str | None, Query(description="Of this source.", max_length=256)] = None,
    type: Annotated[str | None, Query(description="Of this type.", max_length=100)] = None,  # noqa: A002 - CloudEvents' own name
    effective_from: Annotated[str | None, Query(description="Effective on this date or later.")] = None,
    effective_to: Annotated[str | None, Query(description="Effective on this date or earlier.")] = None,
    recorded_from: Annotated[str | None, Query(description="Recorded at this instant (RFC 3339) or later.")] = None,
    recorded_to: Annotated[str | None, Query(description="Recorded at this instant (RFC 3339) or earlier.")] = None,
    position_from: Annotated[int, Query(ge=1, le=POSITION_MAX, description="At this position or later.")] = 1,
) -> TrailAsked:
    """The conditions, all of which an event must meet."""
    if type is not None and type not in EVENT_TYPES:
        raise invalid("query.type", type, "type_unknown", f"the types are {', '.join(EVENT_TYPES)}")
    trail = Trail(
        subject,
        source,
        type,
        None if effective_from is None else read_date("effective_from", effective_from),
        None if effective_to is None else read_date("effective_to", effective_to),
        None if recorded_from is None else read_instant("recorded_from", recorded_from),
        None if recorded_to is None else read_instant("recorded_to", recorded_to),
    )
    return TrailAsked(trail, position_from)


TrailQuestion = Annotated[TrailAsked, Depends(trail_asked)]


def trail_page(
    request: Request, queries: Queries, asked: TrailAsked, clocks: Clocks, limit: int
) -> tuple[list[TrailEvent], str | None]:
    """The events of this page in order of position, and the cursor of the next."""
    after = int(str(clocks.after[0])) if clocks.after else asked.position_from - 1
    sight = Sight(queries, clocks.as_of, clocks.position)
    found = audit(queries, asked.trail, sight, after=after, known_at=clocks.position, limit=limit)
    if found.after is None:
        return found.events, None
    return found.events, encode(Cursor(clocks.as_of, clocks.position, (found.after,)), request)


def known_over(request: Request, asked: TrailAsked, clocks: Clocks) -> Known:
    """The state of knowledge, with where the clock was wrong among the positions asked for."""
    return parts_of(request).queries.learned_since(asked.position_from - 1, clocks.known)


@router.get(
    "/audit", response_model=None, responses={200: {"model": AuditPage}}, summary="数据核查 The trail of events"
)
@question(INSPECTING, "scoped", trail="audit", command=ASK)
@taken_away(Sheet("events", TrailEventShape))
def get_audit(
    request: Request,
    clocks: Asked,
    asked: TrailQuestion,
    *,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """The events known at `known_at` that all the conditions mean, in order of position."""
    del cursor  # the clocks carry it
    events, following = trail_page(request, parts_of(request).queries, asked, clocks, limit)
    known = knowledge(known_over(request, asked, clocks))
    return answer({"known_at": known, "events": [shown_event(event) for event in events], "next": following})


@router.get(
    "/events/{position}",
    response_model=None,
    responses={200: {"model": EventShape}, **NOT_FOUND},
    summary="事件 One event exactly as received",
)
@question(INSPECTING, "scoped", trail="event", command=BY_HTTP, forms=ONE_RECORD)
def get_event(
    request: Request,
    position: Annotated[int, Path(ge=1, le=POSITION_MAX, description="Its position in the log", examples=[1])],
) -> Response:
    """With its metadata, and the proof that it is in the log (RFC 6962; hashes in base64)."""
    queries = parts_of(request).queries
    return answer(whole_event(queries, position, today(), queries.position))


def _in_sight(sight: Sight, event: Recorded) -> bool:
    """Whether all of it is in sight; one whose bytes were changed since it was accepted is for those who see all."""
    try:
        return sight.sees_all(event.event())
    except UnreadableError:
        return sight.is_whole


def _is_kept(raw: bytes) -> bool:
    """Whether the bytes are the JSON that was accepted, and not what somebody put in its place since."""
    try:
        read_json(raw)
    except NotJsonError:
        return False
    return True


def whole_event(queries: Queries, position: int, as_of: date, known_at: int) -> dict[str, Any]:
    """One event as answers show it, with its proof.

    Raises:
        NotFoundError: the log does not reach that far, or the event concerns what is out of sight; in the same words.
    """
    with queries.cursor() as cursor:
        event = recorded(cursor, position)
    if event is None or not _in_sight(Sight(queries, as_of, known_at), event):
        raise NotFoundError(f"the log has no event at position {position} for you; /v1/audit lists those that it has")
    with queries.everywhere().connection() as connection:
        size = tree.LOG.size(connection)
        hashes = tree.LOG.inclusion_proof(connection, position, size)
        root = tree.LOG.root_at(connection, size)
        entry = tree.entry_at(connection, position)
    proof = {
        "position": position,
        "tree_size": size,
        "leaf_hash": encode_hash(event.leaf_hash),
        "root_hash": encode_hash(root),
        "hashes": [encode_hash(each) for each in hashes],
    }
    return {
            "position": event.position, "source": event.source, "id": event.id, "type": event.type,
            "subject": event.subject, "effective_on": event.effective_on, "recorded_at": event.recorded_at,
            "learned_at": event.learned_at, "basis": basis_of(event.intake), "publisher": event.publisher,
            "intake": event.intake, "raw_sha256": event.raw_sha256.hex(),
            "clock_wrong": [each._asdict() for each in queries.learn(position).wrong],
            "attributes": event.attributes, "event": orjson.Fragment(event.raw) if _is_kept(event.raw) else None,
            "raw_base64": base64.b64encode(event.raw).decode(), "entry": entry.decode(), "proof": proof,
    }  # fmt: skip
