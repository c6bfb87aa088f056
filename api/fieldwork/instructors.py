"""`/v1/instructors`: how many organizations each instructor looks after, and which have had no contact for long."""

from datetime import date

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, CursorText, ledger_at
from api.asking.filters import Filtered
from api.asking.paging import Limit, page
from api.asking.questions import ASK, READING, question
from api.exports.lists import WHOLE, Sheet, taken_away
from api.exports.table_page import table_page
from api.web.answers import PROBLEMS, answer
from api.web.shapes import KnownAt
from services.fieldwork.instructors import instructed
from services.ledger.listing import names_of

router = APIRouter(tags=["daily work"], responses=PROBLEMS)


class LoadShape(BaseModel):
    """What one instructor or liaison looks after."""

    instructor: str = Field(description="a pseudonym")
    organizations: int
    quiet: int = Field(description="of these without a contact for longer than `uncontacted_days`")
    contacts: int = Field(description="told of since each assignment")
    last_contact: date | None


class Loads(BaseModel):
    """Instructors in order of their pseudonyms."""

    as_of: date
    known_at: KnownAt
    uncontacted_days: int
    decided_by: list[int] = Field(description="the positions that adopted the thresholds; none: the usual ones")
    total: int
    instructors: list[LoadShape]
    next: str | None


@router.get(
    "/v1/instructors", response_model=None, responses={200: {"model": Loads}}, summary="指导员联系情况 Instructors"
)
@question(READING, "scoped", trail="list", command=ASK)
@taken_away(Sheet("instructors", LoadShape, WHOLE))
def get(
    request: Request, clocks: Asked, filters: Filtered, *, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """Instructors and liaisons at active organizations, with the contacts that offices have told of (`contact.made`).

    Example: `/v1/instructors?as_of=2024-12-31&format=xlsx`
    """
    del cursor  # the clocks carry it
    found = instructed(ledger_at(request, clocks), filters)
    loads = found.loads(clocks.as_of)
    rest = [each for each in loads if clocks.after is None or each.instructor > str(clocks.after[0])]
    shown, following = page(request, clocks, rest[: limit + 1], limit, lambda each: (each.instructor,))
    names = ("instructor", "organizations", "quiet", "contacts", "last_contact")
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "uncontacted_days": found.policy.uncontacted_days,
            "decided_by": found.decided_by,
            "total": len(loads),
            "instructors": [dict(zip(names, each, strict=True)) for each in shown],
            "next": following,
        }
    )


class QuietShape(BaseModel):
    """An organization that none of its instructors has been in contact with for long."""

    org: str
    name: str
    region: str
    instructors: list[str] = Field(description="pseudonyms")
    assigned_on: date = Field(description="the earliest of their assignments")
    last_contact: date | None
    quiet_days: int = Field(description="since the last contact, or since the assignment where there was none")


class Quiets(BaseModel):
    """Organizations without contact, in order."""

    as_of: date
    known_at: KnownAt
    uncontacted_days: int
    decided_by: list[int]
    total: int
    organizations: list[QuietShape]
    next: str | None


@router.get(
    "/v1/instructors/uncontacted",
    response_model=None,
    responses={200: {"model": Quiets}},
    summary="久未联系的单位 Organizations without contact",
)
@question(READING, "scoped", trail="list", command=ASK)
@taken_away(Sheet("organizations", QuietShape, WHOLE))
def uncontacted(
    request: Request, clocks: Asked, filters: Filtered, *, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """Active organizations with an instructor, none of whom was in contact for longer than `uncontacted_days`.

    The days are those of the thresholds in force (`signals.adopted`); they count from the last contact, and from the
    assignment where none was told of.

    Example: `/v1/instructors/uncontacted?as_of=2024-12-31&limit=5`
    """
    del cursor  # as above
    ledger = ledger_at(request, clocks)
    found = instructed(ledger, filters)
    quiet = found.quiet(clocks.as_of)
    rest = [each for each in quiet if clocks.after is None or each.org > str(clocks.after[0])]
    shown, following = page(request, clocks, rest[: limit + 1], limit, lambda each: (each.org,))
    called = names_of(ledger.queries, [each.org for each in shown], clocks.as_of, clocks.position)
    listed = [
        {
            "org": each.org, "name": called[each.org], "region": each.region, "instructors": each.instructors,
            "assigned_on": each.since, "last_contact": each.last, "quiet_days": each.days,
        }
        for each in shown
    ]  # fmt: skip
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "uncontacted_days": found.policy.uncontacted_days,
            "decided_by": found.decided_by,
            "total": len(quiet),
            "organizations": listed,
            "next": following,
        }
    )


table_page(router, "/daily/instructors", get)
table_page(router, "/daily/instructors/uncontacted", uncontacted)
