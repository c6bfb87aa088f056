"""Campaigns: the fold of their events, and where a target stands (spec/domain.md, campaign 集中攻坚).

A target reads: this rate, of the organizations of this segment, at least (or more than) this value on this date.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple

from domain.events.acts import fold_acts
from domain.events.campaigns import Against, Comparator
from domain.events.facts import Fact
from domain.ledger.rates import RATES, Filters, Rate, ratio, read_rate, ten_thousandths
from domain.values.decimals import decimal
from domain.values.terms import RateName

OPENED: Final = "taizhang.campaign.opened.v1"
TARGET_SET: Final = "taizhang.campaign.target_set.v1"
# The family of the facts that define wordings.
WORDING: Final = "wording"
Contradiction = Literal["already_opened", "not_opened"]
_PACE_PLACES: Final = 2
_HUNDRED: Final = 100
_TEN_THOUSAND: Final = 10_000


class Relative(NamedTuple):
    """What a relative target is measured against.

    Attributes:
        against: the segment's own rate, or that of the whole city: of the same kind, category, industry and basis.
        base_on: the base's date; None: the date that is looked at.
        points: the percentage points that are asked for beyond the base; None where `wording` says so.
        wording: the name of a definition, which is in force or not on the date that is looked at.
    """

    against: Against
    base_on: date | None
    points: str | None
    wording: str | None


class Asked(NamedTuple):
    """What a relative target asks for at a pair of clocks.

    Attributes:
        base: the rate that it is measured against; None where that may not be told.
        points: the percentage points beyond it; None where the wording is not defined then.
    """

    base: Rate | None
    points: str | None

    @property
    def ratio(self) -> Fraction | None:
        """Exactly, perhaps above 1, which no rate reaches; None where the base or the wording has no answer."""
        if self.base is None or self.base.numerator is None or not self.base.denominator or self.points is None:
            return None
        return Fraction(self.base.numerator, self.base.denominator) + Fraction(self.points) / _HUNDRED


class Target(NamedTuple):
    """One target of a campaign as it was last set.

    Attributes:
        target: its name within the campaign.
        rate: which rate, of the organizations that `segment` means.
        comparator: whether `value` itself reaches it.
        value: a ratio of up to four places; None of a relative target.
        due_on: the date on which it is to be reached.
        office: who answers for it.
        set_on: the date from which it holds.
        revised: how often it was set before.
        decided_by: the positions of the events that say so.
        relative: of a relative target, what it is measured against.
        asked: what that is at the clocks that are looked at; None before it is looked at.
    """

    target: str
    rate: RateName
    comparator: Comparator
    value: str | None
    segment: Filters
    due_on: date
    office: str
    set_on: date
    revised: int
    decided_by: tuple[int, ...]
    relative: Relative | None = None
    asked: Asked | None = None

    @property
    def ratio(self) -> Fraction | None:
        """What it asks for, exactly; None of a relative target that has no answer."""
        if self.value is not None:
            return Fraction(self.value)
        return None if self.asked is None else self.asked.ratio

    @property
    def as_rate(self) -> Rate:
        """What it asks for as rates are shown: over ten thousand, rounded half up."""
        if self.ratio is None:
            return Rate(None, _TEN_THOUSAND, None)
        shown = ten_thousandths(self.ratio.numerator, self.ratio.denominator)
        return Rate(shown, _TEN_THOUSAND, ratio(shown, _TEN_THOUSAND))


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
        data["target"], data["rate"], data["comparator"], data.get("value"), segment_of(data),
        date.fromisoformat(data["due_on"]), data["office"], fact.effective_on,
        0 if before is None else before.revised + 1, fact.decided_by, relative_of(data),
    )  # fmt: skip
    others = [each for each in targets if each is not before]
    return tuple(sorted([*others, target], key=lambda each: (each.due_on, each.target)))


def relative_of(data: Mapping[str, Any]) -> Relative | None:
    """What a target is measured against; None of an absolute one."""
    if data.get("against") is None:
        return None
    base_on = data.get("base_on")
    day = None if base_on is None else date.fromisoformat(base_on)
    return Relative(data["against"], day, data.get("points"), data.get("wording"))


def wordings(facts: Iterable[Fact]) -> dict[str, str]:
    """By name the percentage points that wordings mean after facts about them, given in canonical order."""
    return {fact.data["name"]: fact.data["points"] for fact in facts}


SEGMENT: Final = ("region", "kind", "category", "industry", "body", "basis")
# Older events do not have them: they stand where they are said.
_WHERE_SAID: Final = ("body", "basis")


def sealed_target(data: Mapping[str, Any]) -> Target:
    """A target as a report sealed it, with what it asked for then; a report does not say when it was set."""
    due_on = date.fromisoformat(data["due_on"])
    asked = data.get("asked")
    return Target(
        data["target"], data["rate"], data["comparator"], data.get("value"), segment_of(data), due_on, data["office"],
        due_on, 0, (), relative_of(data), None if asked is None else Asked(read_rate(asked), asked["points"]),
    )  # fmt: skip


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


def required(target: Target, denominator: int) -> int | None:
    """The smallest numerator that reaches the target over this denominator, exactly; None where it has no answer.

    Of a relative target it may be more than the denominator: then nothing reaches it.
    """
    ratio = target.ratio
    if ratio is None:
        return None
    share = ratio * denominator
    if target.comparator == "more_than":
        return share.numerator // share.denominator + 1
    return -(-share.numerator // share.denominator)


def reached(target: Target, rate: Rate) -> bool | None:
    """Whether the target is reached; None where the rate is over nothing, or it or what is asked has no answer."""
    needs = required(target, rate.denominator)
    if needs is None or rate.numerator is None or rate.denominator == 0:
        return None
    return rate.numerator >= needs


def lacking(target: Target, rate: Rate) -> int | None:
    """What the numerator lacks of the target, 0 once reached; None where either has no answer."""
    needs = required(target, rate.denominator)
    if needs is None or rate.numerator is None or rate.denominator == 0:
        return None
    return max(needs - rate.numerator, 0)


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
    needs, missing = (None, None) if is_reached is None else (required(target, rate.denominator), lacking(target, rate))
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
