"""Maps of regions, drawn on the server: outlines where somebody brought them, else a tile for each region."""

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import Final, NamedTuple

# A tile's sides and what is between two, in the drawing's own units.
_TILE_W, _TILE_H, _GAP = 116.0, 62.0, 6.0
# How many shades there are for rates, and on each side of a target.
SHADES: Final = 8
GAP_SHADES: Final = 4
# Percentage points between two shades of a gap.
_GAP_STEP: Final = 5.0


class Shape(NamedTuple):
    """A region's outline as an SVG path, and where its words stand."""

    path: str
    at: tuple[float, float]


class Shapes(NamedTuple):
    """The outlines of regions by code, and the size of the drawing that they are made for."""

    width: float
    height: float
    of: Mapping[str, Shape]
    tiles: bool


class Painted(NamedTuple):
    """One region of a map: its shape, its shade (a class of the style), its name, its figure, where it leads to."""

    shape: Shape
    shade: str
    name: str
    figure: str
    words: str
    leads_to: str | None


class Map(NamedTuple):
    """One map, ready to be drawn."""

    width: float
    height: float
    tiles: bool
    painted: list[Painted]


def tiles(codes: Sequence[str]) -> Shapes:
    """A tile for each region in the order given, in rows about as wide as they are high."""
    columns = max(1, min(len(codes), ceil(sqrt(len(codes) * _TILE_H / _TILE_W * 2))))
    rows = ceil(len(codes) / columns)
    made = {}
    for n, code in enumerate(codes):
        x, y = (n % columns) * (_TILE_W + _GAP), (n // columns) * (_TILE_H + _GAP)
        path = f"M{x:g} {y:g}h{_TILE_W:g}v{_TILE_H:g}h-{_TILE_W:g}z"
        made[code] = Shape(path, (x + _TILE_W / 2, y + _TILE_H / 2))
    return Shapes(columns * (_TILE_W + _GAP) - _GAP, rows * (_TILE_H + _GAP) - _GAP, made, tiles=True)


def by_rate(value: float | None, low: float, high: float) -> str:
    """The shade of a rate between the lowest and the highest shown."""
    if value is None:
        return "none"
    # Rates that hardly differ must not look as if they did.
    return f"rate-{1 + min(int((value - low) / max(high - low, 0.02) * SHADES), SHADES - 1)}"


def by_gap(points: float | None) -> str:
    """The shade of a gap to the target in percentage points: above or below, the darker the further."""
    if points is None:
        return "none"
    step = min(int(abs(points) / _GAP_STEP), GAP_SHADES - 1) + 1
    return f"{'over' if points >= 0 else 'under'}-{step}"
