"""The overview's map: the regions coloured by a rate or by its gap to the target, at one date or two."""

from datetime import date
from typing import NamedTuple

from api.asking.clocks import Clocks
from api.ledger.overview_table import Row, ratio_of
from api.site import formats, maps
from api.site.base import Page
from api.site.figures import Goal, gap_to
from api.site.formats import Names
from api.site.maps import Map, Painted
from api.web.parts import parts_of
from domain.ledger.rates import Rate
from services.fieldwork.outlines import Outlines


class Maps(NamedTuple):
    """The maps by their dates, and the file whose outlines they have; None for tiles."""

    drawn: list[tuple[date, Map]]
    outlines: Outlines | None


def maps_of(  # noqa: PLR0917 - one drawing
    page: Page, clocks: Clocks, rows: list[Row], paint: str, goal: Goal | None, other: date | None
) -> Maps:
    """The map of the date, and before it that of the date beside."""
    parts = parts_of(page.request)
    codes = [row.key for row in rows if row.key is not None]
    outlines = parts.outlines.at(clocks.as_of)
    drawn_by = None if outlines is None else maps.outlined(outlines.of, codes)
    shapes = drawn_by or maps.tiles(codes)
    days = [(clocks.as_of, [row.rate for row in rows])]
    if other is not None:
        days.insert(0, (other, [row.other or Rate(0, 0, None) for row in rows]))
    ratios = [each for _, found in days for rate in found if (each := ratio_of(rate)) is not None]
    low, high = min(ratios, default=0.0), max(ratios, default=0.0)
    names = Names(page.lang, parts.regions.at(parts.queries, clocks.position), clocks.as_of)
    drawn = []
    for day, found in days:
        painted = []
        for row, rate in zip(rows, found, strict=True):
            if row.key is None or row.key not in shapes.of:
                continue
            gap = None if goal is None else gap_to(goal.target, rate)
            shade = (
                maps.by_gap(None if gap is None else float(gap))
                if paint == "gap"
                else maps.by_rate(ratio_of(rate), low, high)
            )
            name, shown = names.place(row.key), formats.percent(rate)
            told = shown if gap is None else page.t("map.gap", rate=shown, gap=formats.points(gap))
            painted.append(Painted(shapes.of[row.key], shade, name, shown, f"{name} {told}", row.deeper))
        drawn.append((day, Map(shapes.width, shapes.height, shapes.tiles, painted)))
    return Maps(drawn, None if drawn_by is None else outlines)
