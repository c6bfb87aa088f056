"""From a figure to what is behind it: filters and keys as parameters of an address, and what decides a count."""

from datetime import date
from typing import Final, Literal

from api.asking.clocks import Clocks
from api.site.addresses import Value
from api.site.names import level_below
from domain.ledger.rates import Counts, Filters, add, key_order
from domain.ledger.traces import DecidedBy, Positions
from services.ledger.queries import Queries

By = Literal["region", "industry", "category", "measure", "formation"]

COUNTY: Final = "region:6"
# Which values of a row make an organization add to a count.
_DECISIVE: Final[dict[str | None, tuple[str, ...]]] = {
    "excluded": ("excluded",),
    "organizations": ("excluded",),
    "organization_covered": ("organization_covered",),
    "standalone": ("formation",),
    "joint": ("formation",),
    "affiliated": ("formation",),
    "work_covered": ("work_covered",),
    "eligible": ("eligible",),
    "eligible_covered": ("eligible", "organization_covered"),
    "employees_covered": ("organization_covered",),
    "full_members": ("full_members",),
    "probationary_members": ("probationary_members",),
    "activists": ("activists",),
}
_BY_ATTRIBUTE: Final = {"employees": "employees", "employees_covered": "employees"}


def filtered(filters: Filters) -> dict[str, Value]:
    """Filters as parameters of an address."""
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in filters._asdict().items()}


def deciding_positions(decided_by: DecidedBy, count: str | None) -> list[int]:
    """The events that make an organization add to a count (None: to be registered), in order."""
    found: set[int] = set(decided_by.attributes[_BY_ATTRIBUTE.get(count or "", "kind")])
    for name in _DECISIVE.get(count, ()):
        positions: Positions = getattr(decided_by, name)
        found.update(positions)
    return sorted(found)


def dimension_of(queries: Queries, clocks: Clocks, filters: Filters, by: By) -> str | None:
    """The dimension of the table; None below the lowest level of regions."""
    if by != "region":
        return by
    if filters.region is None:
        # A city's ledger begins with its counties, a province's with its cities.
        counties = counted(queries, clocks.as_of, clocks.position, COUNTY, filters)
        return "region:4" if len({str(code)[:4] for code in counties}) > 1 else COUNTY
    below = level_below(filters.region)
    return None if below is None else f"region:{below}"


def counted(queries: Queries, as_of: date, known_at: int, dimension: str, filters: Filters) -> dict[str | None, Counts]:
    """The counts by the values of one dimension, sorted, null last."""
    # Counties are added up over the kinds, since a cube of both is always at hand (services/ledger/cube_cache.py).
    group_by = ("kind", COUNTY) if dimension == COUNTY else (dimension,)
    found: dict[str | None, Counts] = {}
    for key, counts in queries.rates(as_of, known_at, group_by, filters).groups.items():
        found[key[-1]] = add(found.get(key[-1], Counts()), counts)
    return dict(sorted(found.items(), key=lambda item: key_order((item[0],))))
