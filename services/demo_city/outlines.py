"""The invented city's map: each county a piece of a crumpled grid, so that neighbours share their borders."""

import math
import random
from typing import Any, Final

from services.demo_city.places import COUNTIES

_COLUMNS, _ROWS = 4, 4
_WEST, _NORTH, _STEP = 120.0, 30.0, 0.4
_SEED: Final = 88
# How far a corner may lie from its place in the grid, and a border from the line between two corners; in steps.
_CRUMPLED, _BENT = 0.22, 0.1
_BENDS: Final = 5
Point = tuple[float, float]


def outlines() -> dict[str, Any]:
    """A GeoJSON FeatureCollection of the counties, always the same."""
    rng = random.Random(_SEED)  # noqa: S311 - a drawing
    corners = {
        (column, row): (
            _WEST + (column + rng.uniform(-_CRUMPLED, _CRUMPLED)) * _STEP,
            _NORTH - (row + rng.uniform(-_CRUMPLED, _CRUMPLED)) * _STEP,
        )
        for row in range(_ROWS + 1)
        for column in range(_COLUMNS + 1)
    }
    borders: dict[tuple[Point, Point], list[Point]] = {}

    def border(begin: Point, end: Point) -> list[Point]:
        """The points from one corner up to the other, which is left out; the same both ways round."""
        if (end, begin) in borders:
            return [begin, *reversed(borders[end, begin][1:])]
        made = [begin]
        for n in range(1, _BENDS):
            share, bend = n / _BENDS, rng.uniform(-_BENT, _BENT) * _STEP * math.sin(math.pi * n / _BENDS)
            x, y = (begin[i] + (end[i] - begin[i]) * share for i in (0, 1))
            made.append((x + bend, y + bend))
        borders[begin, end] = made
        return made

    features = []
    # The city proper lies in the middle, the counties around it; the last row is not full.
    for n, county in enumerate(COUNTIES):
        column, row = n % _COLUMNS, n // _COLUMNS
        around = [corners[column + i, row + j] for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
        ring = [point for at in range(4) for point in border(around[at], around[(at + 1) % 4])]
        rounded = [[round(x, 5), round(y, 5)] for x, y in (*ring, ring[0])]
        features.append(
            {
                "type": "Feature",
                "properties": {"region": county.code, "name": county.zh},
                "geometry": {"type": "Polygon", "coordinates": [rounded]},
            }
        )
    return {"type": "FeatureCollection", "features": features}
