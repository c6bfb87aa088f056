"""From a figure to what is behind it: filters and keys as parameters of an address, and what decides a count."""

from collections.abc import Callable
from datetime import date
from typing import Final, Literal, NamedTuple

from api.asking.clocks import Clocks
from api.site.addresses import Value
from api.site.formats import level_below
from domain.assessment.campaigns import Campaign, Relative, Target, reached
from domain.figures.comparison import percentage_points
from domain.ledger.rates import Counts, Filters, Rate, add, key_order
from domain.ledger.traces import DecidedBy, Positions
from domain.values.terms import RateName
from services.assessment.campaigns import campaigns, looked_at
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
    "members_elsewhere": ("members_elsewhere",),
    "eligible_standalone": ("eligible", "formation"),
    "effectively_covered": ("effectively_covered",),
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
    # Counties are added up over the kinds, since a cube of both is always at hand (services/ledger/next_version.py).
    group_by = ("kind", COUNTY) if dimension == COUNTY else (dimension,)
    found: dict[str | None, Counts] = {}
    for key, counts in queries.rates(as_of, known_at, group_by, filters).groups.items():
        found[key[-1]] = add(found.get(key[-1], Counts()), counts)
    return dict(sorted(found.items(), key=lambda item: key_order((item[0],))))


class Goal(NamedTuple):
    """A target beside a rate: the gap in percentage points (rate less target), and whether the rate reaches it."""

    campaign: str
    target: Target
    gap: str | None
    reached: bool | None


class Goals:
    """All targets of the campaigns known, as they ask at the clocks; of two for the same figure the later one due."""

    def __init__(self, known: list[Campaign], ask: Callable[[Target], Target]) -> None:
        self._found: dict[tuple[RateName, Filters, Relative | None], tuple[str, Target]] = {}
        for campaign in known:
            for target in campaign.targets:
                self._found[target.rate, target.segment, target.relative] = (campaign.campaign, ask(target))

    def beside(self, name: RateName, segment: Filters, rate: Rate) -> Goal | None:
        """The target of a rate of a segment, a value before what is relative; None where there is none."""
        found = [each for (of, at, _), each in self._found.items() if (of, at) == (name, segment)]
        if not found:
            return None
        campaign, target = min(found, key=lambda each: each[1].relative is not None)
        return Goal(campaign, target, gap_to(target, rate), reached(target, rate))

    def of_rate(self, name: RateName, filters: Filters) -> list[Target]:
        """The targets of a rate that a view with these filters shows: its own, and those of each kind within it."""
        return [target for target in self.within(filters) if target.rate == name]

    def within(self, filters: Filters) -> list[Target]:
        """The targets of any rate of what a view shows, and of each kind within it; the first due first."""
        found = [
            target
            for (_, segment, _), (_, target) in self._found.items()
            if segment._replace(kind=filters.kind) == filters and filters.kind in (None, segment.kind)
        ]
        return sorted(found, key=lambda target: (target.due_on, target.target))


def gap_to(target: Target, rate: Rate) -> str | None:
    """A rate less its target, in percentage points; None over nothing, and where the target has no answer."""
    return percentage_points(rate, target.as_rate)


def segment_of(target: Target) -> dict[str, str]:
    """The filters that mean the organizations of a target."""
    return {name: value for name, value in target.segment._asdict().items() if value is not None}


def goals(queries: Queries, clocks: Clocks) -> Goals:
    """The targets at a pair of clocks."""
    known = campaigns(queries, clocks.as_of, clocks.position).campaigns
    return Goals(known, lambda target: looked_at(queries, target, clocks.as_of, clocks.position))
