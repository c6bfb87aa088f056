"""Outlines of regions, from GeoJSON files (RFC 7946) that somebody brought, each from a date on.

They decide no figure and are no fact of the ledger: they are a drawing under it. So each is kept as the file that came,
under its date, in the service's own folder, and its SHA-256 stands below every map that is drawn by it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from domain.values.codes import CodeError, check_region
from domain.values.instants import parse_date
from services.system.errors import InvalidValueError
from services.system.files import locked, write_durably

BYTES_MAX: Final = 20 << 20
FEATURES_MAX: Final = 5_000
_LONGITUDE_MAX, _LATITUDE_MAX = 180.0, 90.0
# The properties in which published files have the division's code.
_CODES: Final = ("region", "adcode", "code")
_POINTS_MIN: Final = 4
_LEVELS: Final = (2, 4, 6, 9)
Ring = Sequence[tuple[float, float]]


class Outlines(NamedTuple):
    """One file: the date from which it holds, its digest, and the rings of each region as longitude and latitude."""

    begins: date
    sha256: str
    of: Mapping[str, list[Ring]]


class KnownOutlines:
    """The files in a folder, by their dates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[Outlines]:
        """Every file, the earliest first."""
        files = sorted(self._folder.glob("*.geojson")) if self._folder.is_dir() else []
        return [_kept(file, file.stat().st_mtime_ns) for file in files]

    def at(self, day: date) -> Outlines | None:
        """What holds on a day, before the first of them the first: places seldom move. None where there is none."""
        found = self.all()
        return next((each for each in reversed(found) if each.begins <= day), found[0] if found else None)

    def bring(self, begins: date, raw: bytes) -> Outlines:
        """Keep a file that holds from a date on; one of the same date goes.

        Raises:
            InvalidValueError: it cannot be drawn.
        """
        found = read_outlines(begins, raw)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self._folder):
            write_durably(self._folder / f"{begins.isoformat()}.geojson", raw)
        return found


@lru_cache(maxsize=16)
def _kept(file: Path, changed_ns: int) -> Outlines:
    """A file's outlines; read anew only where it has changed."""
    del changed_ns
    return read_outlines(parse_date(file.stem), file.read_bytes())


def read_outlines(begins: date, raw: bytes) -> Outlines:
    """The outlines in a GeoJSON file.

    Raises:
        InvalidValueError: it is too large or no such file; says which feature is at fault.
    """
    if len(raw) > BYTES_MAX:
        raise InvalidValueError(f"a file of outlines has at most {BYTES_MAX >> 20} MiB; simplify it first")
    try:
        given = orjson.loads(raw)
        features = given["features"] if given["type"] == "FeatureCollection" else None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        features = None
    if not isinstance(features, list) or not 0 < len(features) <= FEATURES_MAX:
        raise InvalidValueError(f"a file of outlines is a GeoJSON FeatureCollection of 1 to {FEATURES_MAX} features")
    of: dict[str, list[Ring]] = {}
    for number, feature in enumerate(features):
        try:
            code = _code(feature["properties"])
            of.setdefault(code, []).extend(_rings(feature["geometry"]))
        except (KeyError, TypeError, ValueError, CodeError) as error:
            raise InvalidValueError(
                f"feature {number}: {error}; a feature has a division's code in one of the properties "
                f"{', '.join(_CODES)}, and a Polygon or MultiPolygon in longitude and latitude"
            ) from error
    return Outlines(begins, hashlib.sha256(raw).hexdigest(), of)


def _code(properties: Mapping[str, Any]) -> str:
    given = next((str(properties[name]) for name in _CODES if properties.get(name) is not None), "")
    # Published files pad codes to 6 or 12 digits.
    for length in _LEVELS:
        if len(given) > length and not given[length:].strip("0"):
            return check_region(given[:length])
    return check_region(given)


def _rings(geometry: Mapping[str, Any]) -> list[Ring]:
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"{kind} has no outline")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    rings: list[Ring] = []
    for polygon in polygons:
        for ring in polygon:
            points = [(float(x), float(y)) for x, y, *_ in ring]
            if len(points) < _POINTS_MIN:
                raise ValueError("a ring has at least 4 points")
            if not all(abs(x) <= _LONGITUDE_MAX and abs(y) <= _LATITUDE_MAX for x, y in points):
                raise ValueError("a point is longitude and latitude in degrees")
            rings.append(points)
    return rings
