"""`/v1/visits`: visits entered on a device that had no network then, sent once it has one.

A visit comes as the form of the act has it, and its event is made as the form's is (api.acts.drafts). Its id and its
instant are the device's: the same visit again is the same event, a duplicate, whoever sends it and however often.
"""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.acts.drafts import Named, raw_event
from api.acts.entries import data_of
from api.acts.fields import fields_of
from api.acts.forms import default_source, is_field, placed
from api.acts.offered import may_say
from api.acts.words import Words
from api.admission.callers import Admitted
from api.asking.questions import BY_HTTP, ONE_RECORD, PUBLISHING, Not, act, question
from api.intake.events import EventResult, result
from api.site.texts import Lang
from api.web.answers import PROBLEMS, answer
from api.web.metrics import DISPOSITIONS
from api.web.parts import Parts, parts_of
from api.web.problems import Problem, invalid
from api.web.publishing import submit
from domain.values.fields import IDENTITY_LENGTH_MAX, SOURCE_LENGTH_MAX
from services.access.callers import Holder
from services.log.messages import Receipt
from services.system.settings import SHANGHAI

VISIT: Final = "taizhang.visit.made.v1"
AT_ONCE_MAX: Final = 20
_TEXT_MAX: Final = 1_000

router = APIRouter(prefix="/v1/visits", tags=["daily work"], responses=PROBLEMS)

Entry = Annotated[str, Field(max_length=_TEXT_MAX)]


class SenderShape(BaseModel):
    """Whoever asks, as a device must know it before a visit is entered or sent."""

    holder: str = Field(description="a machine's name, or a person's pseudonym")
    source: str = Field(description="in whose name its visits are told")
    now: datetime = Field(description="by the service's clock, in Asia/Shanghai")


class VisitShape(BaseModel):
    """One visit as it was entered."""

    id: str = Field(min_length=1, max_length=IDENTITY_LENGTH_MAX, description="of the event; made on the device, once")
    source: str = Field(min_length=1, max_length=SOURCE_LENGTH_MAX, description="as the device was told it")
    time: str = Field(max_length=40, description="when it was entered, as the device knew it: RFC 3339 with an offset")
    entries: dict[Annotated[str, Field(max_length=100)], Annotated[list[Entry], Field(max_length=5)]] = Field(
        max_length=40, description="by field of the form what was entered", examples=[{"data.grid": ["grid:880107-1"]}]
    )


class Visits(BaseModel):
    """Some visits, in the order in which they were entered."""

    visits: list[VisitShape] = Field(max_length=AT_ONCE_MAX)


class VisitResult(EventResult):
    """What became of one visit."""

    told: list[str] | None = Field(default=None, description="the reasons for whoever entered it, in `lang`")


class VisitResults(BaseModel):
    """What became of each visit, in order."""

    results: list[VisitResult]


def _may(holder: Holder) -> None:
    """Refuse whoever may enter no visit anywhere.

    Raises:
        Problem: 403.
    """
    if not may_say(holder, VISIT):
        raise Problem("not-allowed", f"no grant of {holder.name} lets it say {VISIT}")


@router.get("/sender", response_model=None, responses={200: {"model": SenderShape}}, summary="走访由谁报送 Who sends")
@question(PUBLISHING, "scoped", trail=Not("the caller's own rights"), command=BY_HTTP, forms=ONE_RECORD)
def get_sender(holder: Admitted) -> Response:
    """Who the caller is, in whose name its visits are told, and what time it is here."""
    _may(holder)
    now = datetime.now(SHANGHAI).isoformat(timespec="milliseconds")
    return answer({"holder": holder.name, "source": default_source(holder, VISIT, None), "now": now})


@router.post("", response_model=None, responses={200: {"model": VisitResults}}, summary="报送走访 Send visits")
@act(PUBLISHING, "scoped", command=BY_HTTP)
async def post(
    request: Request,
    holder: Admitted,
    body: Visits,
    *,
    lang: Annotated[Lang, Query(description="The language of `told`.")] = "zh",
) -> Response:
    """Answers once everything is durable; each visit is accepted, a duplicate, or set aside with the reasons.

    The event is that of the form `/acts/visit.made` filled so, under the visit's id: sending it again does no harm.
    """
    _may(holder)
    events = await run_in_threadpool(_events, parts_of(request), body.visits)
    receipts = await submit(request, holder.publisher(), events) if events else []
    for receipt in receipts:
        DISPOSITIONS.labels(receipt.disposition).inc()
    return answer({"results": [_result(receipt, lang) for receipt in receipts]})


def _events(parts: Parts, visits: list[VisitShape]) -> list[bytes]:
    """The event of each, byte by byte.

    Raises:
        Problem: 400, a visit has a field that the form has not; nothing is stored.
    """
    fields, made = fields_of(VISIT), []
    for number, each in enumerate(visits):
        for name in each.entries:
            if not is_field(name, fields):
                rule = "the form has no such field; load the page again, what was entered stays"
                raise invalid(f"visits.{number}.entries", name, "field", rule)
        data = data_of(fields, each.entries, placed(parts))
        made.append(raw_event(VISIT, each.source, Named(each.id, each.time, 0), data))
    return made


def _result(receipt: Receipt, lang: Lang) -> dict[str, Any]:
    words = Words(lang, VISIT)
    told = {"told": [words.fault(each) for each in receipt.reasons]} if receipt.reasons else {}
    return {**result(receipt), **told}
