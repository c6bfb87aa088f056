"""`/assessment/bulletin`: the weekly bulletin, to be read, followed and printed."""

from collections.abc import Mapping
from functools import partial

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked as AskedClocks
from api.asking.clocks import ledger_at
from api.asking.questions import shows
from api.assessment import bulletin as call
from api.assessment.bulletin import DIGITS, Meant, parameters, places_of
from api.exports.bulletin import COLUMNS, cells, heading, notes, title
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.site.formats import Names, percent, points, whole
from api.web.parts import parts_of
from domain.ledger.rates import Rate
from domain.values.terms import KINDS
from services.assessment.bulletin import Asked, Line, bulletin
from services.fieldwork.surveys import all_surveys

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

# What the organizations behind a column are asked by.
_COUNTED = {name: {"count": name} for name in ("excluded", "organizations", "standalone", "joint", "affiliated")}
_BEHIND: Mapping[str, Mapping[str, str]] = {
    **_COUNTED,
    "organization_covered": {"count": "organization_covered"},
    "organization_coverage": {"missing": "organization_coverage"},
    "work_coverage": {"missing": "work_coverage"},
    "eligible_missing": {"missing": "eligible_coverage"},
}


@router.get("/assessment/bulletin", response_model=None)
@shows(call.get_bulletin)
def get_bulletin(request: Request, page: Paged, clocks: AskedClocks, meant: Meant) -> HTMLResponse:
    """What `/v1/bulletin` tells for the same parameters, laid out as offices lay it out."""
    parts = parts_of(request)
    ledger = ledger_at(request, clocks)
    found = bulletin(ledger, meant)
    names = Names(page.lang, parts.regions.at(parts.queries, clocks.position), clocks.as_of)
    return page.render(
        "bulletin.html",
        clocks=clocks,
        asked=meant,
        places=places_of(meant),
        all_places=list(DIGITS),
        kinds=KINDS,
        surveys=all_surveys(ledger.queries, *ledger.clocks),
        title=title(names, found, clocks.as_of),
        columns=COLUMNS,
        heading=partial(heading, page.lang),
        lines=[*found.lines, found.total],
        shown=shown,
        behind=partial(behind, meant),
        notes=notes(names, found, scoped=parts.queries.scope is not None),
        api=address("/v1/bulletin", parameters(meant, clocks)),
    )


def shown(line: Line) -> dict[str, str | None]:
    """A line's cells in words; None where one is open."""
    return {name: None if value is None else _in_words(name, value) for name, value in cells(line).items()}


def _in_words(name: str, value: str | int) -> str:
    if COLUMNS[name] == "percent":
        return percent(Rate(None, 0, str(value)))
    if COLUMNS[name] == "points":
        return points(str(value))
    return f"{value:+d}" if name == "moved_up" and value else whole(int(value))


def behind(meant: Asked, line: Line, name: str) -> tuple[str, dict[str, Value]] | None:
    """The page of what stands behind a cell, and what it is asked by; None where there is none."""
    if name in _BEHIND:
        return "/explain", {**_BEHIND[name], "region": line.region, "kind": meant.kind}
    if name == "term_over":
        return "/branches", {"region": line.region, "term_over": "true"}
    if name == "formed":
        return "/branches", {"region": line.region, "formed_after": meant.previous.isoformat()}
    if name in ("to_visit", "visited") and meant.survey is not None:
        return f"/daily/surveys/{meant.survey}", {}
    return None
