"""From a figure to what is behind it: filters and keys as parameters of an address, and what decides a count."""

from datetime import date
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from api.asking.clocks import Clocks
from api.site.addresses import Value
from api.site.formats import level_below
from domain.assessment.campaigns import Campaign, Target, reached
from domain.figures.comparison import percentage_points
from domain.ledger.rates import Counts, Filters, Rate, add, key_order
from domain.ledger.traces import DecidedBy, Positions
from domain.values.terms import RateName
from services.assessment.campaigns import campaigns
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


_TEN_THOUSANDTHS: Final = 10_000


class Goal(NamedTuple):
    """A target beside a rate: the gap in percentage points (rate less target), and whether the rate reaches it."""

    campaign: str
    target: Target
    gap: str | None
    reached: bool | None


class Goals:
    """All targets of the campaigns known at a pair of clocks; of two for the same figure the later one due."""

    def __init__(self, known: list[Campaign]) -> None:
        self._found: dict[tuple[RateName, Filters], tuple[str, Target]] = {}
        for campaign in known:
            for target in campaign.targets:
                self._found[target.rate, target.segment] = (campaign.campaign, target)

    def beside(self, name: RateName, segment: Filters, rate: Rate) -> Goal | None:
        """The target of a rate of a segment; None where there is none."""
        found = self._found.get((name, segment))
        if found is None:
            return None
        campaign, target = found
        return Goal(campaign, target, gap_to(target, rate), reached(target, rate))

    def of_rate(self, name: RateName, filters: Filters) -> list[Target]:
        """The targets of a rate that a view with these filters shows: its own, and those of each kind within it."""
        return [target for target in self.within(filters) if target.rate == name]

    def within(self, filters: Filters) -> list[Target]:
        """The targets of any rate of what a view shows, and of each kind within it; the first due first."""
        found = [
            target
            for (_, segment), (_, target) in self._found.items()
            if segment._replace(kind=filters.kind) == filters and filters.kind in (None, segment.kind)
        ]
        return sorted(found, key=lambda target: (target.due_on, target.target))


def as_rate(target: Target) -> Rate:
    """A target's value as a rate over ten thousand."""
    return Rate(int(Decimal(target.value) * _TEN_THOUSANDTHS), _TEN_THOUSANDTHS, target.value)


def gap_to(target: Target, rate: Rate) -> str | None:
    """A rate less its target, in percentage points; None over nothing."""
    return percentage_points(rate, as_rate(target))


def segment_of(target: Target) -> dict[str, str]:
    """The filters that mean the organizations of a target."""
    return {name: value for name, value in target.segment._asdict().items() if value is not None}


def goals(queries: Queries, clocks: Clocks) -> Goals:
    """The targets at a pair of clocks."""
    return Goals(campaigns(queries, clocks.as_of, clocks.position).campaigns)
