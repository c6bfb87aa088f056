"""`GET /v1/branches`: the branches' ledger."""

from collections import Counter
from datetime import date
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks, CursorText, ledger_at, read_date
from api.asking.filters import is_body
from api.asking.paging import Limit, page
from api.asking.questions import READING, question
from api.exports.lists import WHOLE, Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.problems import invalid
from api.web.shapes import KnownAt
from domain.ledger.living import Lack
from domain.ledger.rates import is_region_prefix
from domain.values.codes import CodeError, check_named
from domain.values.terms import FORMATIONS, TIERS, Formation, Tier
from services.ledger.branches import BranchKey, BranchLedger, Sort, Wanted

router = APIRouter(prefix="/v1/branches", tags=["branches"], responses=PROBLEMS)

MEMBERS_MAX = 10_000_000
DAYS_MAX = 3_660


class BranchRowShape(BaseModel):
    """A formed branch on a date."""

    branch: str
    name: str
    tier: Tier
    formation: Formation = Field(description="its own; what is said of a pair goes before")
    region: str
    parent: str | None = Field(description="the branch that it stands under; `withheld` where that is out of sight")
    groups: int = Field(description="party groups (党小组)")
    formed_on: date
    covers: int = Field(description="active organizations that it covers itself")
    covers_in_all: int = Field(
        description="of a committee or general branch with those that any below it covers, each once"
    )
    full_members: int = Field(description="at all these organizations, as are the other members")
    probationary_members: int
    activists: int
    members_elsewhere: int
    term_from: date
    term_to: date | None = Field(description="the term's last day; null where it has no end")
    vacant_since: date | None = Field(description="since when it is without a secretary")
    in_effect: bool | None = Field(description="null without an activity policy")
    lacks: list[Lack] = Field(description="why it is not in effect")


class BranchesShape(BaseModel):
    """One page of the branches' ledger."""

    as_of: date
    known_at: KnownAt
    total: int = Field(description="on all pages")
    tiers: dict[Tier, int] = Field(description="of these how many of each tier")
    formations: dict[Formation, int] = Field(description="of these how many of each formation of their own")
    in_effect: int | None = Field(description="of these how many are in effect; null without an activity policy")
    branches: list[BranchRowShape]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


def checked(branch: str, place: str = "path.branch") -> str:
    """A branch's identifier; a Problem where it is none."""
    try:
        return check_named(branch, "branch")
    except CodeError as error:
        raise invalid(place, branch, error.rule, str(error)) from None


Days = Annotated[
    int | None, Query(ge=0, le=DAYS_MAX, description="The term is not over, and its last day at most so many days on.")
]
Members = Annotated[int | None, Query(ge=0, le=MEMBERS_MAX, description="Full members, both ends included.")]


async def wanted(  # each is a query parameter of its own
    *,
    tier: Annotated[Tier | None, Query(description="Only of this tier.")] = None,
    formation: Annotated[Formation | None, Query(description="Only of this formation of its own.")] = None,
    region: Annotated[
        str | None, Query(description="The branch's own region begins so.", max_length=12, examples=["5101"])
    ] = None,
    parent: Annotated[
        str | None, Query(description="Only those that stand under this branch or further down.", max_length=71)
    ] = None,
    body: Annotated[
        str | None,
        Query(description="Only those that cover an organization that answers to this body or below.", max_length=69),
    ] = None,
    in_effect: Annotated[
        bool | None,
        Query(description="Only those in effect, or the others; without an activity policy none is either."),
    ] = None,
    lacks: Annotated[Lack | None, Query(description="Only those not in effect for this reason.")] = None,
    term_over: Annotated[bool | None, Query(description="Only those whose term is over, or the others.")] = None,
    term_ends_within: Days = None,
    formed_after: Annotated[str | None, Query(description="Only those formed after this date.", max_length=40)] = None,
    members_from: Members = None,
    members_to: Members = None,
    q: Annotated[
        str | None,
        Query(
            description="Only those whose name or identifier holds each of these words, apart by blanks.",
            min_length=1,
            max_length=100,
            examples=["支部"],
        ),
    ] = None,
) -> Wanted:
    """Which branches this question is about."""
    if region is not None and not is_region_prefix(region):
        raise invalid("query.region", region, "region", "a region prefix is 1 to 12 digits")
    if parent is not None:
        checked(parent, "query.parent")
    if body is not None and not is_body(body):
        raise invalid("query.body", body, "body", "a body is body: and 1 to 64 of A-Z a-z 0-9 _ -")
    return Wanted(
        tier, formation, region, parent, body, in_effect, lacks, term_over, term_ends_within,
        None if formed_after is None else read_date("formed_after", formed_after), members_from, members_to, q,
    )  # fmt: skip


Meant = Annotated[Wanted, Depends(wanted)]
Sorted = Annotated[
    Sort,
    Query(
        description="By identifier, or those first that cover the most organizations in all, have the most full "
        "members, or whose term ends soonest, then so."
    ),
]


@router.get(
    "", response_model=None, responses={200: {"model": BranchesShape}}, summary="党组织台账 The branches' ledger"
)
@question(READING, "scoped", trail="list", command="branches")
@taken_away(Sheet("branches", BranchRowShape, WHOLE))
def list_(  # noqa: PLR0917 - as the query has them
    request: Request,
    clocks: Asked,
    meant: Meant,
    sort: Sorted = "branch",
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Every formed branch that the filters mean; for a caller limited to regions those of which all is there.

    Example: `/v1/branches?as_of=2025-06-30&tier=branch&term_ends_within=90&sort=term_to`
    """
    del cursor  # the clocks carry it
    found, following = listed(request, clocks, meant, sort, limit)
    head = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
    return answer({**head, **found, "next": following})


def listed(
    request: Request, clocks: Clocks, meant: Wanted, sort: Sort, limit: int
) -> tuple[dict[str, Any], str | None]:
    """One page of the list with what is counted of all pages, and the cursor of the next."""
    branches = BranchLedger(ledger_at(request, clocks))
    names = branches.found(meant)
    after = BranchKey(*cast("tuple[int, str]", clocks.after)) if clocks.after else None
    keys, following = page(request, clocks, branches.page(names, sort, after, limit + 1), limit, tuple)
    tiers = Counter(map(branches.tier, names))
    formations = Counter(map(branches.formation, names))
    lives = [branches.is_in_effect(name) for name in names]
    return {
        "total": len(names),
        "tiers": {tier: tiers[tier] for tier in TIERS},
        "formations": {formation: formations[formation] for formation in FORMATIONS},
        "in_effect": sum(map(bool, lives)) if branches.is_judged else None,
        "branches": [each._asdict() for each in branches.rows([key.branch for key in keys])],
    }, following
