"""`POST /v1/events`: intake over HTTP (spec/events.md)."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.message import Message as Header
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import unquote_to_bytes

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from structlog.contextvars import bind_contextvars

from api.admission.callers import admit_once, still
from api.asking.questions import PUBLISHING, act
from api.web.answers import PROBLEMS, answer
from api.web.event_examples import REQUEST_BODY
from api.web.metrics import DISPOSITIONS
from api.web.parts import parts_of
from api.web.problems import Fault, Problem, ProblemDetails, faults, invalid
from api.web.publishing import receipts_of
from api.web.requests import read_body
from domain.events.envelope import EVENT_BYTES_MAX
from domain.values.clocks import IMPORT
from domain.values.reasons import Reason
from domain.values.strict_json import NOT_JSON, NotJsonError, is_json, split_array
from services.access.callers import Holder
from services.intake.account import reasons_json
from services.log.messages import Disposition, Message, Publisher, Receipt

Form = Literal["single", "batch", "either"]

FORMS: Final[dict[str, Form]] = {
    "application/cloudevents+json": "single",
    "application/cloudevents-batch+json": "batch",
    "application/json": "either",
}
# A body longer than this is split outside the event loop.
SPLIT_HERE_BYTES_MAX: Final = 32_768
LOGGED_SOURCES_MAX: Final = 5
SIGNATURE: Final = "event-signature"
HISTORY: Final = "taizhang-import"
HISTORY_LENGTH_MAX: Final = 100
_BINARY_MODE: Final = ("ce-specversion", "ce-id", "ce-source", "ce-type")
# The standard library's reader of parameters takes the square of their length.
TYPE_LENGTH_MAX: Final = 1_000
# All their signatures stand in one header.
SIGNED_EVENTS_MAX: Final = 64

router = APIRouter(prefix="/v1", tags=["events"])


class EventResult(BaseModel):
    """What became of one event."""

    id: str | None = Field(description="the event's id; null where it cannot be read")
    source: str | None = Field(description="the event's source; null where it cannot be read")
    disposition: Disposition
    position: int | None = Field(default=None, description="where the event is in the log: its own, or the first one's")
    quarantine_id: int | None = Field(default=None, description="under which number it is kept")
    reasons: list[Fault] | None = Field(default=None, description="why it is in quarantine")
    warnings: list[Fault] | None = Field(default=None, description="what looks wrong, but is no reason to refuse")


class EventResults(BaseModel):
    """What became of each event, in order."""

    results: list[EventResult]


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": EventResults, "description": "Everything is durable; each event has its disposition"},
    **PROBLEMS,
    408: {"model": ProblemDetails, "description": "The body took too long"},
    413: {"model": ProblemDetails, "description": "The body or the batch is too large; nothing was stored"},
    415: {"model": ProblemDetails, "description": "Not one of the three content types"},
}


@router.post(
    "/events",
    response_model=None,
    responses=_RESPONSES,
    openapi_extra={"requestBody": REQUEST_BODY},
    summary="发布事件 Publish one event or a batch",
)
@act(PUBLISHING, "scoped", command="publish")
async def post_events(request: Request) -> Response:
    """Answers once everything is durable. A batch is stored whole or, at a fault, not at all.

    Every event gets one disposition: `accepted`, `duplicate` (known already, no effect) or `quarantined` (kept whole,
    with the reasons). Sending the same again does no harm. A body that is no JSON is 400, and kept in quarantine too.

    A source for which keys are registered signs its events: `Event-Signature` holds a detached JWS for each (RFC 7515
    appendix F, or RFC 7797), with commas between, over the event's exact bytes; at most 64 events at a time.

    `Taizhang-Import: NAME` brings a history that others recorded (stewards only; a name of up to 100 characters,
    percent-encoded UTF-8). Its positions carry the name in their intake coordinates, and their `learned_at` is what the
    sources said: the latest `time` so far, never before the position before it, never after it was recorded.

    Limits: a body of 16 MiB unpacked (`Content-Encoding: gzip` is understood, in up to 10,000 members), 10,000 events
    in a batch, unless the operator set others; an event of 1 MiB, nested at most 32 deep, an `id` of 128 characters, a
    `source` of 256. Binary mode is not taken over HTTP.
    """
    # Let in by the router already; a dependency of its own would be resolved once more for each event.
    holder = await admit_once(request)
    parts = parts_of(request)
    form = _form_of(request.headers.get("content-type", ""))
    _refuse_binary_mode(request)
    began = time.monotonic()
    body, unpacked = await read_body(request, parts.settings.body_bytes_max)
    sender = (await still(request, holder, began)).publisher()
    coordinates = _history(request, holder)
    if coordinates:
        # One grant alone allows the whole act: a history, and what it says.
        sender = replace(sender, rights=tuple(right for right in sender.rights if right.is_steward))
    if not unpacked:
        raise await _keep(request, body, sender, "the body does not unpack as gzip; pack it again or send it plain")
    try:
        events, refused = await _read(body, form)
    except NotJsonError as error:
        raise await _keep(request, body, sender, str(error)) from None
    if len(events) > parts.settings.batch_events_max:
        raise Problem(
            "too-large",
            f"{len(events)} events in one batch, at most {parts.settings.batch_events_max} may be; nothing was stored, "
            "send them in smaller batches",
        )
    signatures = _signatures(request, len(events))
    receipts = await _submit(request, events, sender, refused, signatures=signatures, coordinates=coordinates)
    if len(receipts) == 1 and form != "batch" and _is_not_json(receipts[0], body):
        raise _not_json(receipts[0])
    return answer({"results": [result(receipt) for receipt in receipts]})


def form_of(content_type: str) -> Form:
    header = Header()
    header["content-type"] = content_type if 0 < len(content_type) <= TYPE_LENGTH_MAX else "none/none"
    form = FORMS.get(header.get_content_type())
    charset = header.get_param("charset", "utf-8")
    if form is None or str(charset).lower() not in ("utf-8", "utf8"):
        raise Problem(
            "unsupported-media-type",
            f"Content-Type {content_type[:100]!r}: send one event as application/cloudevents+json, a JSON array of "
            "events as application/cloudevents-batch+json, or either as application/json; in UTF-8",
            headers={"accept-post": ", ".join(FORMS)},
        )
    return form


# Clients send one or two spellings, again and again; what is refused is not kept.
_form_of: Final = lru_cache(maxsize=64)(form_of)


def _refuse_binary_mode(request: Request) -> None:
    """Attributes in headers beside plain JSON are binary mode (CloudEvents HTTP protocol binding 1.0.2, 3.1)."""
    structured = request.headers.get("content-type", "").lower().startswith("application/cloudevents")
    if not structured and any(name in request.headers for name in _BINARY_MODE):
        raise Problem(
            "unsupported-media-type",
            "events over HTTP come in structured mode, and binary mode (attributes in ce- headers) is not taken: send "
            "the whole event as application/cloudevents+json; nothing was stored",
            headers={"accept-post": ", ".join(FORMS)},
        )


async def _read(body: bytes, form: Form) -> tuple[list[bytes], tuple[Reason, ...]]:
    """The events' exact bytes, and what their form as a whole has against it.

    Raises:
        NotJsonError: the body is no JSON.
    """
    is_array = body.lstrip(b" \t\r\n")[:1] == b"["
    if form == "single" or (form == "either" and not is_array):
        if not is_array:
            return [body], ()
        rule = "one event is one JSON object; send an array as application/cloudevents-batch+json"
        return [body], (Reason("form", "", "array", rule),)
    if not is_array:
        # Beyond an event's limit nothing is looked at: it is set aside in any case.
        if len(body) <= EVENT_BYTES_MAX and not is_json(body):
            raise NotJsonError("the body is no JSON; a batch is a JSON array of events")
        rule = "a batch is a JSON array of events; send one event as application/cloudevents+json"
        return [body], (Reason("form", "", "no array", rule),)
    if len(body) > SPLIT_HERE_BYTES_MAX:
        return await run_in_threadpool(split_array, body), ()
    return split_array(body), ()


async def _submit(
    request: Request,
    events: list[bytes],
    sender: Publisher,
    refused: tuple[Reason, ...],
    *,
    signatures: Sequence[str | None] = (None,),
    coordinates: Mapping[str, str] = MappingProxyType({}),
) -> list[Receipt]:
    if not events:
        return []
    origin = {"channel": "http", "request": request.state.request_id, **coordinates}
    parts = parts_of(request)
    messages = [
        Message(raw, {**origin, "index": index}, sender, None, refused, signature)
        for index, (raw, signature) in enumerate(zip(events, signatures, strict=True))
    ]
    receipts = await receipts_of(parts, messages)
    counts: Counter[str] = Counter(receipt.disposition for receipt in receipts)
    for disposition, count in counts.items():
        DISPOSITIONS.labels(disposition).inc(count)
    # For the request's log line: what became of the events, and where they are in the log.
    sources = sorted({receipt.source for receipt in receipts if receipt.source is not None})
    position = max((receipt.position or 0 for receipt in receipts), default=0)
    bind_contextvars(source=", ".join(sources[:LOGGED_SOURCES_MAX]), position=position or None, **dict(counts))
    return receipts


def _signatures(request: Request, events: int) -> list[str | None]:
    """The detached signature of each event, in order; a header has one for each event or is left out.

    Raises:
        Problem: 400, it has more or fewer, or too many.
    """
    given = [each.strip() for line in request.headers.getlist(SIGNATURE) for each in line.split(",")]
    if not given:
        return [None] * events
    if len(given) != events or events > SIGNED_EVENTS_MAX:
        raise Problem(
            "invalid-request",
            f"{SIGNATURE} has {len(given)} signatures for {events} events; nothing was stored. Send one for each, in "
            f"order, with commas between, and at most {SIGNED_EVENTS_MAX} signed events at a time",
        )
    return [each or None for each in given]


def _history(request: Request, holder: Holder) -> dict[str, str]:
    """The intake coordinate of the history that this request brings; none where it brings none.

    Raises:
        Problem: 403, the sender is no steward; 400, the name is none.
    """
    given = request.headers.getlist(HISTORY)
    if not given:
        return {}
    if "steward" not in holder.roles:
        raise Problem(
            "not-allowed",
            f"a history is brought by stewards ({HISTORY}), since its sources' word counts for when it was learned; "
            f"{holder.name} is none. Nothing was stored",
        )
    # Header fields arrive as Latin-1 (RFC 9110, 5.5).
    name = unquote_to_bytes(given[0].encode("latin-1")).decode(errors="replace").strip()
    if len(given) > 1 or not 0 < len(name) <= HISTORY_LENGTH_MAX or not name.isprintable() or "\ufffd" in name:
        rule = (
            f"one name of 1 to {HISTORY_LENGTH_MAX} characters, without control characters, as percent-encoded UTF-8; "
            "nothing was stored"
        )
        raise invalid(f"header.{HISTORY}", name[:HISTORY_LENGTH_MAX], "import_name", rule)
    return {IMPORT: name}


async def _keep(request: Request, body: bytes, sender: Publisher, why: str) -> Problem:
    """Keep a body that is no JSON in quarantine, and make the problem that says so."""
    (receipt,) = await _submit(request, [body], sender, (Reason("body_unreadable", "", None, why),))
    return _not_json(receipt)


def _not_json(receipt: Receipt) -> Problem:
    detail = receipt.reasons[0].message if receipt.reasons else "the body is no JSON"
    return Problem(
        "not-json",
        f"{detail}. The body is kept in quarantine under {receipt.quarantine_id}; send the event again as it should be",
        errors=faults(receipt.reasons),
        quarantine_id=receipt.quarantine_id,
    )


def _is_not_json(receipt: Receipt, body: bytes) -> bool:
    """Whether it was refused for being no JSON at all, not just JSON that cannot be kept exactly."""
    return any(reason.rule == NOT_JSON for reason in receipt.reasons) and not is_json(body)


def result(receipt: Receipt) -> dict[str, Any]:
    """What became of one event, as answers show it."""
    result: dict[str, Any] = {"id": receipt.id, "source": receipt.source, "disposition": receipt.disposition}
    if receipt.position is not None:
        result["position"] = receipt.position
    if receipt.quarantine_id is not None:
        result["quarantine_id"] = receipt.quarantine_id
    if receipt.reasons:
        result["reasons"] = orjson.Fragment(reasons_json(receipt.reasons))
    if receipt.warnings:
        result["warnings"] = orjson.Fragment(reasons_json(receipt.warnings))
    return result
