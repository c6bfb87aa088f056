"""`/v1/regions`: the tree and its names at any pair of clocks; rates by the regions of any date."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, read_date
from api.asking.filters import Filtered
from api.asking.questions import ASK, FIGURES_ONLY, READING, Not, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import CountsShape, KnownAt, RateShape, figures
from domain.ledger.rates import Counts
from services.fieldwork.regions import RegionalRates, regional_rates, regions_known

router = APIRouter(prefix="/v1/regions", tags=["regions"], responses=PROBLEMS)

Prefix = Annotated[str | None, Query(max_length=12, pattern="^[0-9]{1,12}$", description="Codes that begin so.")]


class RegionShape(BaseModel):
    """One region."""

    region: str
    name: str | None
    name_en: str | None
    created_on: date | None


class SuccessionShape(BaseModel):
    """A change by which a region ended."""

    day: date
    region: str
    ending: str
    into: str | None
    parts: list[str] = Field(description="after a split the regions that it is in; else the one that it is in")
    children: dict[str, str] = Field(description="codes below it, and their new ones")


class ContradictedShape(BaseModel):
    """A fact without effect."""

    region: str
    contradiction: str
    position: int


class Tree(BaseModel):
    """The regions that are on a date."""

    as_of: date
    known_at: KnownAt
    regions: list[RegionShape] = Field(description="in order of their codes, so that children follow parents")
    successions: list[SuccessionShape] = Field(description="changes known, effective by the date")
    contradictions: list[ContradictedShape]


@router.get("", response_model=None, responses={200: {"model": Tree}}, summary="区划 The tree of regions")
@question(READING, "none", trail=Not("divisions, which name no organization"), command=ASK)
@taken_away(Sheet("regions", RegionShape))
def get(request: Request, clocks: Asked, *, prefix: Prefix = None) -> Response:
    """The regions and their names as they were on a date, as known at a position."""
    known = regions_known(parts_of(request).queries, clocks.position)
    begin = prefix or ""
    found = [each for code, each in known.at(clocks.as_of).items() if code.startswith(begin)]
    fields = ("region", "name", "name_en", "created_on")
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "regions": [{name: getattr(each, name) for name in fields} for each in found],
            "successions": [s for s in known.successions if s.day <= clocks.as_of and s.region.startswith(begin)],
            "contradictions": known.contradictions,
        }
    )


class RegionalGroup(BaseModel):
    """One region's counts and rates."""

    region: str
    name: str | None = Field(description="as it was on `regions_at`")
    counts: CountsShape
    rates: dict[str, RateShape]
    before: dict[str, Any] | None = Field(description="the same at `compare_with`; null if not asked for or nothing")


class UndividedShape(BaseModel):
    """Regions that cannot be told apart."""

    regions: list[str]
    organizations: int


class RegionalAnswer(BaseModel):
    """Rates by the regions of one date."""

    as_of: date
    known_at: KnownAt
    regions_at: date
    compare_with: date | None
    groups: list[RegionalGroup]
    total: dict[str, Any]
    unmapped: dict[str, int] = Field(description="by own code how many organizations no change maps to `regions_at`")
    unmapped_before: dict[str, int]
    undivided: list[UndividedShape] = Field(
        description="organizations of which no change tells in which of several regions they are: back over a merger, "
        "or on over a split, that does not name the part. They are in the total and in no group."
    )
    undivided_before: list[UndividedShape]


@router.get(
    "/rates", response_model=None, responses={200: {"model": RegionalAnswer}}, summary="按区划的覆盖率 Rates by region"
)
@question(READING, "scoped", trail=FIGURES_ONLY, command="regions")
@taken_away(Sheet("groups", RegionalGroup))
def get_rates(
    request: Request,
    clocks: Asked,
    filters: Filtered,
    *,
    digits: Annotated[Literal["2", "4", "6", "9", "12"], Query(description="Digits of the regions.")] = "6",
    regions_at: Annotated[
        str | None, Query(description="The date whose regions are meant; left out: as they were on `as_of`.")
    ] = None,
    compare_with: Annotated[
        str | None, Query(description="Another date, in the same regions: a year before, as a rule.")
    ] = None,
) -> Response:
    """Rates by the regions as they were then, or mapped to those of any other date.

    Organizations keep the codes that their registries gave them; a code means what it meant when it was given, since
    codes are used again, and changes of regions say which code stands for it on `regions_at`. What no change maps is
    counted under `unmapped`, by its own code, what may be in several regions under `undivided`, and both in the total.
    """
    queries = parts_of(request).queries
    known = regions_known(queries, clocks.position)
    target = clocks.as_of if regions_at is None else read_date("regions_at", regions_at)
    other = None if compare_with is None else read_date("compare_with", compare_with)
    length = int(digits)
    now = regional_rates(queries, known, clocks.as_of, clocks.position, length, filters, target)
    before = None
    if other is not None:
        before = regional_rates(queries, known, other, clocks.position, length, filters, target)
    names = known.at(target)
    groups = []
    for code in sorted(now.groups.keys() | (before.groups.keys() if before else set())):
        named = names.get(code)
        past = before.groups.get(code) if before else None
        shown = {"region": code, "name": named.name if named else None, **figures(now.of(code))}
        groups.append({**shown, "before": figures(past) if past else None})
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "regions_at": target,
            "compare_with": other,
            "groups": groups,
            "total": {**figures(now.total), "before": figures(before.total) if before else None},
            "unmapped": _organizations(now.unmapped),
            "unmapped_before": _organizations(before.unmapped) if before else {},
            "undivided": _undivided(now),
            "undivided_before": _undivided(before) if before else [],
        }
    )


def _undivided(found: RegionalRates) -> list[dict[str, Any]]:
    return [{"regions": codes, "organizations": counts.organizations} for codes, counts in found.undivided.items()]


def _organizations(unmapped: dict[str, Counts]) -> dict[str, int]:
    return {code: counts.organizations for code, counts in unmapped.items()}
