"""`/search`: whatever is called so or has such a number: organizations, branches, places, sources, events, pages."""

import re
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, ledger_at
from api.asking.questions import shows
from api.ledger import branches as branch_list
from api.ledger import organizations
from api.site.base import NAVIGATION, Paged, tidy
from api.site.formats import Names, ancestors
from api.web.parts import parts_of
from domain.ledger.rates import ANY
from domain.values.scope import regions_of
from services.fieldwork.places import find_places
from services.intake.sources import sources
from services.ledger.branches import BranchLedger, Wanted
from services.ledger.listing import listing

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

SHOWN_MAX: Final = 10
_POSITION: Final = re.compile(r"#?([0-9]{1,18})", re.ASCII)


class Hit(NamedTuple):
    """What was found: its words, what else says which it is, and where it leads."""

    words: str
    more: str
    leads_to: str


@router.get("/search", response_model=None)
@shows(organizations.list_, branch_list.list_)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    q: Annotated[str, Query(description="What to look for.", min_length=1, max_length=100)],
) -> HTMLResponse:
    """The first of each sort, those that have more with a link to all of them."""
    parts, to = parts_of(request), page.addresses.to
    queries = parts.queries
    rows = listing(queries, clocks.as_of, clocks.position, ANY, part=q, limit=SHOWN_MAX + 1)
    found = [Hit(each.row.attributes.name, each.row.org, to(f"/ledger/{each.row.org}")) for each in rows[:SHOWN_MAX]]
    branches = BranchLedger(ledger_at(request, clocks))
    called = branches.found(Wanted(q=q))
    of_branches = [
        Hit(each.name, each.branch, to(f"/branches/{each.branch}")) for each in branches.rows(called[:SHOWN_MAX])
    ]
    regions = parts.regions.at(queries, clocks.position)
    names = Names(page.lang, regions, clocks.as_of)
    places = [
        Hit(
            names.place(each.region),
            " ".join((*map(names.place, ancestors(each.region)[:-1]), each.region)),
            to("/", {"region": each.region}),
        )
        for each in find_places(regions, clocks.as_of, q, SHOWN_MAX)
        if each.region.startswith(regions_of(queries.scope))
    ]
    position = _POSITION.fullmatch(q.strip())
    events = []
    if position is not None and 0 < int(position[1]) <= clocks.position and page.may_open("/events/{position}"):
        events.append(Hit(page.t("event.at", position=position[1]), "", to(f"/events/{position[1]}")))
    told = []
    if page.may_open("/intake"):
        named = {each.source for each in sources(queries)[0] if each.source is not None}
        told = [
            Hit(name, "", to("/inspection/events", {"source": name}))
            for name in sorted(named)
            if q.strip().lower() in name.lower()
        ][:SHOWN_MAX]
    pages = [
        Hit(page.t(f"nav.{name}"), "", to(path))
        for name, path in NAVIGATION
        if page.may_open(path) and q.strip().lower() in page.t(f"nav.{name}").lower()
    ]
    sections = [
        ("organizations", found), ("branches", of_branches), ("places", places), ("sources", told), ("events", events),
        ("pages", pages),
    ]  # fmt: skip
    return page.render(
        "search.html",
        clocks=clocks,
        q=q,
        sections=[each for each in sections if each[1]],
        more=len(rows) > SHOWN_MAX,
        more_branches=len(called) > SHOWN_MAX,
    )
