"""Maps of regions, drawn on the server: outlines where somebody brought them, else a tile for each region."""

from collections.abc import Mapping, Sequence
from math import ceil, cos, hypot, radians, sqrt
from typing import Final, NamedTuple

# A tile's sides and what is between two, in the drawing's own units.
_TILE_W, _TILE_H, _GAP = 116.0, 62.0, 6.0
# A map of outlines, and what is too close to be told apart in it.
_WIDTH, _HEIGHT_MAX, _SEEN = 600.0, 520.0, 1.2
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


def outlined(rings_of: Mapping[str, Sequence[Sequence[tuple[float, float]]]], codes: Sequence[str]) -> Shapes | None:
    """The outlines of these regions, north up, from longitudes and latitudes; None where one of them has none.

    Points closer to the one before than a reader could see are left out.
    """
    if not codes or any(code not in rings_of for code in codes):
        return None
    points = [point for code in codes for ring in rings_of[code] for point in ring]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    # A degree of longitude is shorter the further from the equator.
    narrower = cos(radians((south + north) / 2))
    scale = min(_WIDTH / max((east - west) * narrower, 1e-9), _HEIGHT_MAX / max(north - south, 1e-9))

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return (point[0] - west) * narrower * scale, (north - point[1]) * scale

    made = {}
    for code in codes:
        rings = [_thinned([place(point) for point in ring]) for ring in rings_of[code]]
        path = "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "z" for ring in rings)
        made[code] = Shape(path, _middle(max(rings, key=lambda ring: abs(_area(ring)))))
    return Shapes((east - west) * narrower * scale, (north - south) * scale, made, tiles=False)


def _thinned(ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
    kept = ring[:1]
    for point in ring[1:-1]:
        if hypot(point[0] - kept[-1][0], point[1] - kept[-1][1]) >= _SEEN:
            kept.append(point)
    return kept if len(kept) > 2 else ring


def _area(ring: Sequence[tuple[float, float]]) -> float:
    """Twice its area, signed."""
    return sum(x * b - a * y for (x, y), (a, b) in zip(ring, [*ring[1:], ring[0]], strict=True))


def _middle(ring: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The centroid of a ring, or of its points where it has no area."""
    area = _area(ring)
    if abs(area) < 1e-9:
        return sum(x for x, _ in ring) / len(ring), sum(y for _, y in ring) / len(ring)
    pairs = list(zip(ring, [*ring[1:], ring[0]], strict=True))
    x = sum((x + a) * (x * b - a * y) for (x, y), (a, b) in pairs) / (3 * area)
    y = sum((y + b) * (x * b - a * y) for (x, y), (a, b) in pairs) / (3 * area)
    return round(x, 1), round(y, 1)


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
