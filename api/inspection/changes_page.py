"""`/inspection`: what changed since an earlier state of knowledge, for inspectors."""

from datetime import timedelta
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, Clocks, CursorText, learn, ledger_at, today
from api.asking.filters import Dimension, Filtered
from api.asking.knowledge import earlier
from api.asking.paging import Limit
from api.asking.paging import page as page_of
from api.asking.questions import shows
from api.inspection import changes as changes_api
from api.inspection.changes import told_moves
from api.site.addresses import Value, address
from api.site.base import Page, Paged, tidy
from api.site.figures import filtered
from api.web.parts import Parts, parts_of
from domain.figures.comparison import Pair, pairs, rate_differences
from domain.ledger.rates import RATES, Filters, Rate, rates
from domain.values.terms import KINDS, RateName
from services.assessment.campaigns import knowledge_on
from services.inspection.changes import changes
from services.ledger.known import Known

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

# The pages of inspection: the text `inspection.NAME` and the path.
SECTIONS: Final = (
    ("changes", "/inspection"),
    ("vintage", "/inspection/vintage"),
    ("signals", "/inspection/signals"),
    ("events", "/inspection/events"),
    ("anomalies", "/inspection/anomalies"),
    ("evidence", "/inspection/evidence"),
)
# Where the date asked for has just begun, nothing has changed since its end: so many days are looked back.
LOOKED_BACK: Final = timedelta(30)
# Beyond this an organization's events are counted, and its history has them all.
EVENTS_SHOWN: Final = 4
# A table of more groups would be a page of megabytes; the API has them all.
GROUPS_SHOWN: Final = 300
BY: Final = ("region:6", "kind", "category", "measure", "formation")


class Side(NamedTuple):
    """One rate on one side of the comparison, and the address parameters of what is behind it; None without a row."""

    rate: Rate | None
    behind: dict[str, Value]


class Compared(NamedTuple):
    """One rate of one group: before, after, and the difference in percentage points."""

    key: str | None
    name: str
    before: Side
    after: Side
    difference: str | None


async def since(
    request: Request,
    clocks: Asked,
    since: Annotated[
        str | None,
        Query(
            description="The earlier state of knowledge: a position, or an RFC 3339 instant. Left out: what was known "
            "when `as_of` ended, or 30 days before where it has not ended.",
            max_length=40,
        ),
    ] = None,
) -> Known:
    """The earlier state of knowledge, settled."""
    if since is not None:
        return await earlier(request, clocks, since)
    parts = parts_of(request)
    position = await run_in_threadpool(_when_it_ended, parts, clocks)
    return await learn(parts, position)


def _when_it_ended(parts: Parts, clocks: Clocks) -> int:
    day = clocks.as_of if clocks.as_of < today() else max(clocks.as_of, today()) - LOOKED_BACK
    return min(knowledge_on(parts.queries, parts.recorder, [day])[day], clocks.position)


@router.get("/inspection", response_model=None)
@shows(changes_api.get)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    earlier_: Annotated[Known, Depends(since)],
    filters: Filtered,
    *,
    group_by: Annotated[Dimension, Query(description="What the rate is broken down by.")] = "region:6",
    rate: Annotated[RateName, Query(description="The rate that is broken down.")] = "organization_coverage",
    limit: Limit = 30,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/changes` tells, to be read."""
    del cursor  # the clocks carry it
    ledger = ledger_at(request, clocks)
    earlier = ledger.as_known_at(earlier_.position)
    left, right = (each.rates((group_by,), filters) for each in (earlier, ledger))
    after = str(clocks.after[0]) if clocks.after else None
    found = changes(ledger, earlier_.position, filters, after=after, limit=limit + 1)
    shown, following = page_of(request, clocks, found.page, limit, lambda each: (each.org,))
    sides = _Sides(page, clocks, earlier_, filters)
    groups = list(pairs(right.groups, left.groups).items())
    return page.render(
        "changes.html",
        clocks=clocks._replace(known=ledger.queries.learned_since(earlier_.position, clocks.known)),
        sections=SECTIONS,
        kinds=KINDS,
        since=earlier_,
        filters=filters,
        group_by=group_by,
        rate=rate,
        all_rates=tuple(RATES),
        all_by=BY,
        total=[sides.compared(None, Pair(right.total, left.total), name, {}) for name in RATES],
        groups=[sides.compared(key, pair, rate, {group_by: _or_null(key)}) for (key,), pair in groups[:GROUPS_SHOWN]],
        groups_count=len(groups),
        found=found,
        shown=[(each, told_moves(each, earlier.policy, ledger.policy)) for each in shown],
        events_shown=EVENTS_SHOWN,
        next=following,
        api=address(
            "/v1/changes",
            page.pinned(clocks) | {"since": earlier_.position, "group_by": group_by} | filtered(filters),
        ),
    )


class _Sides:
    """Both sides' figures, each with what leads to the organizations behind it."""

    def __init__(self, page: Page, clocks: Clocks, since: Known, filters: Filters) -> None:
        self._after = page.pinned(clocks) | filtered(filters)
        self._before: dict[str, Any] = {**self._after, "known_at": since.position}

    def compared(self, key: str | None, pair: Pair, name: str, own: dict[str, Value]) -> Compared:
        """One rate of a group whose key as parameters is `own`."""
        before = None if pair.other is None else rates(pair.other)[name]
        after = None if pair.this is None else rates(pair.this)[name]
        difference = rate_differences(pair)[name]
        return Compared(key, name, Side(before, self._before | own), Side(after, self._after | own), difference)


def _or_null(key: str | None) -> str:
    return "null" if key is None else key
