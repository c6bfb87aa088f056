"""The campaigns' targets beside the figures that they speak of."""

from decimal import Decimal
from typing import Final, NamedTuple

from api.asking.clocks import Clocks
from domain.assessment.campaigns import Campaign, Target, reached
from domain.figures.comparison import percentage_points
from domain.ledger.rates import Filters, Rate
from domain.values.terms import RateName
from services.assessment.campaigns import campaigns
from services.ledger.queries import Queries

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
        return [
            target
            for (rate, segment), (_, target) in self._found.items()
            if rate == name and segment._replace(kind=filters.kind) == filters and filters.kind in (None, segment.kind)
        ]


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
