"""`/daily/regions`: the regions as they were on a date, what became of them, and rates by the regions of any date."""

from datetime import date, timedelta
from functools import reduce
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, read_date
from api.asking.questions import shows
from api.fieldwork import regions
from api.fieldwork.measures_page import SECTIONS
from api.fieldwork.regions import Prefix
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.site.texts import Lang
from api.web.parts import parts_of
from domain.fieldwork.regions import Region
from domain.figures.comparison import Pair, rate_differences
from domain.ledger.rates import Counts, Filters, Rate, add, nothing, rates
from services.fieldwork.regions import RegionalRates, regional_rates, regions_known

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

LENGTHS: Final = (2, 4, 6, 9, 12)
_RATE: Final = "organization_coverage"


class Group(NamedTuple):
    """One region of the level shown; `before` is its rate on the other date."""

    code: str
    since: date | None
    below: bool
    organizations: int
    now: Rate
    before: Rate | None
    points: str | None


@router.get("/daily/regions", response_model=None)
@shows(regions.get_rates, regions.get)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    *,
    prefix: Prefix = None,
    regions_at: Annotated[str | None, Query(description="The date whose regions are meant.")] = None,
    compare_with: Annotated[str | None, Query(description="Another date, in the same regions.")] = None,
) -> HTMLResponse:
    """What `/v1/regions` and `/v1/regions/rates` tell, to be read: one level below a region at a time."""
    queries = parts_of(request).queries
    known = regions_known(queries, clocks.position)
    target = clocks.as_of if regions_at is None else read_date("regions_at", regions_at)
    other = None if compare_with is None else read_date("compare_with", compare_with)
    regions = known.at(target)
    begin = prefix or ""
    digits = next((length for length in LENGTHS if length > len(begin)), LENGTHS[-1])
    if not begin:
        digits = 6

    def rates_on(day: date) -> RegionalRates:
        return regional_rates(queries, known, day, clocks.position, digits, Filters(), target)

    now = rates_on(clocks.as_of)
    before = None if other is None else rates_on(other)
    counted = now.groups.keys() | (before.groups.keys() if before else set())
    codes = counted | {code for code in regions if len(code) == digits}
    shown = sorted(code for code in codes if code.startswith(begin))
    successions = [s for s in known.successions if s.day <= max(clocks.as_of, target) and s.region.startswith(begin)]
    given: dict[str, Value] = {
        **page.pinned(clocks), "regions_at": regions_at, "compare_with": compare_with, "digits": digits,
    }  # fmt: skip
    return page.render(
        "regions.html",
        clocks=clocks,
        sections=SECTIONS,
        prefix=prefix,
        above=[code for code in (begin[:n] for n in LENGTHS if n <= len(begin)) if code],
        regions_at=target,
        compare_with=other,
        called={code: name for code, each in regions.items() if (name := _name(each, page.lang))},
        groups=[
            _group(code, regions.get(code), now.of(code), before.groups.get(code) if before else None) for code in shown
        ],
        total=_group("", None, _sum(now, shown), _sum(before, shown) if before else None),
        unmapped={code: counts.organizations for code, counts in now.unmapped.items() if code.startswith(begin)},
        undivided={
            codes: counts.organizations
            for codes, counts in now.undivided.items()
            if any(code.startswith(begin) for code in codes)
        },
        successions=successions,
        before_change={s.region: _name(known.at(s.day - timedelta(1)).get(s.region), page.lang) for s in successions},
        contradictions=known.contradictions,
        api=address("/v1/regions/rates", given),
        api_tree=address("/v1/regions", {**page.pinned(clocks), "prefix": prefix}),
    )


def _name(region: Region | None, lang: Lang) -> str | None:
    if region is None:
        return None
    return (region.name_en or region.name) if lang == "en" else region.name


def _group(code: str, region: Region | None, this: Counts, before: Counts | None) -> Group:
    return Group(
        code,
        region.created_on if region else None,
        len(code) < LENGTHS[-1],
        this.organizations,
        rates(this)[_RATE],
        None if before is None else rates(before)[_RATE],
        rate_differences(Pair(this, before))[_RATE],
    )


def _sum(found: RegionalRates, codes: list[str]) -> Counts:
    return reduce(add, map(found.of, codes), nothing(judged=found.total.judged))
