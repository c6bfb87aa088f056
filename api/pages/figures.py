"""From a figure to what is behind it: filters and keys as parameters of an address, and what decides a count."""

from typing import Final

from api.pages.addresses import Value
from domain.deciding import DecidedBy, Positions
from domain.rates import Filters

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
