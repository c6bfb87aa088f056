"""Campaigns: the fold of their events, and where a target stands (spec/domain.md, campaign 集中攻坚).

A target reads: this rate, of the organizations of this segment, at least (or more than) this value on this date.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple

from domain.events.acts import fold_acts
from domain.events.campaigns import Comparator
from domain.events.facts import Fact
from domain.ledger.rates import RATES, Filters, Rate
from domain.values.decimals import decimal
from domain.values.terms import RateName

OPENED: Final = "taizhang.campaign.opened.v1"
TARGET_SET: Final = "taizhang.campaign.target_set.v1"
Contradiction = Literal["already_opened", "not_opened"]
_PACE_PLACES: Final = 2


class Target(NamedTuple):
    """One target of a campaign as it was last set.

    Attributes:
        target: its name within the campaign.
        rate: which rate, of the organizations that `segment` means.
        comparator: whether `value` itself reaches it.
        value: a ratio of up to four places.
        due_on: the date on which it is to be reached.
        office: who answers for it.
        set_on: the date from which it holds.
        revised: how often it was set before.
        decided_by: the positions of the events that say so.
    """

    target: str
    rate: RateName
    comparator: Comparator
    value: str
    segment: Filters
    due_on: date
    office: str
    set_on: date
    revised: int
    decided_by: tuple[int, ...]


class Contradicted(NamedTuple):
    """A fact without effect: the campaign was open already, or was not open."""

    campaign: str
    contradiction: Contradiction
    position: int


class Campaign(NamedTuple):
    """A campaign; its targets by due date and name. It keeps them once it is closed."""

    campaign: str
    name: str
    office: str
    opened_on: date
    closed_on: date | None
    closed_reason: str | None
    targets: tuple[Target, ...]
    decided_by: tuple[int, ...]


class Campaigns(NamedTuple):
    """The campaigns by opening date and identifier, and the facts that had no effect."""

    campaigns: list[Campaign]
    contradictions: list[Contradicted]


def campaigns(facts: Iterable[Fact], as_of: date) -> Campaigns:
    """The campaigns opened by a date, from facts in canonical order.

    A campaign opened while open, and a target set or a campaign closed while it is not, have no effect and are
    reported. One opened again after it was closed begins anew, without the targets it had.
    """
    by_then = (fact for fact in facts if fact.effective_on <= as_of)
    found, wrong = fold_acts(by_then, OPENED, _opened, _changed, lambda each: each.closed_on is None)
    in_order = sorted(found.values(), key=lambda each: (each.opened_on, each.campaign))
    return Campaigns(in_order, [
        Contradicted(each.entity, "already_opened" if each.begins else "not_opened", each.position) for each in wrong
    ])  # fmt: skip


def _opened(fact: Fact) -> Campaign:
    data = fact.data
    return Campaign(fact.entity, data["name"], data["office"], fact.effective_on, None, None, (), fact.decided_by)


def _changed(before: Campaign, fact: Fact) -> Campaign:
    """A target set, or the campaign closed."""
    if fact.type == TARGET_SET:
        return before._replace(targets=_set(before.targets, fact))
    decided_by = (*before.decided_by, *fact.decided_by)
    return before._replace(closed_on=fact.effective_on, closed_reason=fact.data["reason"], decided_by=decided_by)


def _set(targets: Sequence[Target], fact: Fact) -> tuple[Target, ...]:
    data = fact.data
    before = next((each for each in targets if each.target == data["target"]), None)
    target = Target(
        data["target"], data["rate"], data["comparator"], data["value"], segment_of(data),
        date.fromisoformat(data["due_on"]), data["office"], fact.effective_on,
        0 if before is None else before.revised + 1, fact.decided_by,
    )  # fmt: skip
    others = [each for each in targets if each is not before]
    return tuple(sorted([*others, target], key=lambda each: (each.due_on, each.target)))


SEGMENT: Final = ("region", "kind", "category", "industry", "body", "basis")
# Older events do not have them: they stand where they are said.
_WHERE_SAID: Final = ("body", "basis")


def told_segment(segment: Filters) -> dict[str, Any]:
    """A segment as events and answers hold it; the inverse of `segment_of`."""
    told = {name: getattr(segment, name) for name in SEGMENT}
    return {name: value for name, value in told.items() if value is not None or name not in _WHERE_SAID}


def segment_of(data: Mapping[str, Any]) -> Filters:
    """The organizations that a target speaks of."""
    return Filters(**{name: data.get(name) for name in SEGMENT})


def deadlines(known: Iterable[Campaign]) -> list[date]:
    """The due dates of all targets, in order, each once."""
    return sorted({target.due_on for campaign in known for target in campaign.targets})


def required(target: Target, denominator: int) -> int:
    """The smallest numerator that reaches the target over this denominator, exactly."""
    share = Fraction(target.value) * denominator
    if target.comparator == "more_than":
        return share.numerator // share.denominator + 1
    return -(-share.numerator // share.denominator)


def reached(target: Target, rate: Rate) -> bool | None:
    """Whether the target is reached; None where the rate is over nothing or has no answer."""
    if rate.numerator is None or rate.denominator == 0:
        return None
    return rate.numerator >= required(target, rate.denominator)


def fewest_organizations(sizes: Iterable[int], missing: int) -> int | None:
    """How many of these organizations, the largest first, make up what is missing; None where all do not."""
    count = 0
    for size in sorted(sizes, reverse=True):
        if missing <= 0:
            break
        missing -= size
        count += 1
    return count if missing <= 0 else None


class Pace(NamedTuple):
    """So many more in the numerator in so many days; `per_day` has two places."""

    gained: int
    days: int
    per_day: str


class Progress(NamedTuple):
    """Where a target stands.

    Attributes:
        start: the rate at the end of the day before the campaign opened.
        rate: the rate at the date asked for.
        required: the smallest numerator that reaches the target over today's denominator; None over nothing, and
            where the rate has no answer.
        missing: what the numerator lacks of it, 0 once reached; None over nothing.
        unit: what the numerator counts.
        reached: whether the target is reached; None where the rate is over nothing.
        pace_so_far: the numerator's gain since the start; None before the campaign's first day is over, and where
            either has no answer.
        pace_needed: the gain that is needed by the due date; None once that has come, or once reached.
        on_pace: whether the pace so far is at least the pace needed; None where either is.
    """

    start: Rate
    rate: Rate
    required: int | None
    missing: int | None
    unit: str
    reached: bool | None
    pace_so_far: Pace | None
    pace_needed: Pace | None
    on_pace: bool | None


def progress(target: Target, opened_on: date, start: Rate, rate: Rate, as_of: date) -> Progress:
    """Where a target stands on a date; days count from the campaign's first to the date, and from it to the due date.

    Pace counts the numerator alone: the denominator moves by itself, and `missing` is over today's.
    """
    is_reached = reached(target, rate)
    needs = None if is_reached is None else required(target, rate.denominator)
    missing = None if needs is None or rate.numerator is None else max(needs - rate.numerator, 0)
    so_far = None
    if rate.numerator is not None and start.numerator is not None:
        so_far = _pace(rate.numerator - start.numerator, (as_of - opened_on).days + 1)
    needed = _pace(missing, (target.due_on - as_of).days) if missing else None
    on_pace = None
    if so_far is not None and needed is not None:
        on_pace = Fraction(so_far.gained, so_far.days) >= Fraction(needed.gained, needed.days)
    return Progress(
        start, rate, needs, missing, unit_of(target.rate), is_reached, so_far, needed, on_pace
    )  # fmt: skip


def unit_of(rate: RateName) -> str:
    """What the numerator of a rate counts."""
    return "employees" if RATES[rate][1] == "employees" else "organizations"


def _pace(gained: int, days: int) -> Pace | None:
    return Pace(gained, days, decimal(Fraction(gained, days), _PACE_PLACES)) if days > 0 else None
