"""From a figure to what is behind it: filters and keys as parameters of an address, and what decides a count."""

from typing import Final, Literal

from api.clocks import Clocks
from api.pages.addresses import Value
from api.pages.names import level_below
from domain.deciding import DecidedBy, Positions
from domain.rates import Filters
from services.queries import Queries

By = Literal["region", "industry", "category", "measure", "formation"]

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
        cities = queries.rates(clocks.as_of, clocks.position, ("region:4",), filters).groups
        return "region:4" if len(cities) > 1 else "region:6"
    below = level_below(filters.region)
    return None if below is None else f"region:{below}"
