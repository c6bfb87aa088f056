"""Signals: patterns in the facts that an inspector should look at. A hit accuses nobody; it names the events.

Each function says one pattern, on facts that stand in canonical order; a day is a date in Asia/Shanghai.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from statistics import fmean, pstdev
from typing import Any, Final, Literal, NamedTuple, get_args

from domain.events.facts import Fact
from domain.ledger.branches import Branch
from domain.ledger.entities import apply
from domain.values.clocks import Basis

Signal = Literal[
    "backdated", "short_lived_branch", "never_met", "moved_in_and_out", "branch_without_members", "exclusion_spike",
    "correction_spike", "assigned_on_paper",
]  # fmt: skip
SIGNALS: Final[tuple[Signal, ...]] = get_args(Signal)

MEETING_HELD: Final = "taizhang.branch.meeting_held.v1"

# How many windows before the one at hand make a registry's or a region's own past.
PAST_WINDOWS: Final = 6

# The facts that raise a coverage rate: more in the numerator, or less in the denominator.
RAISING: Final = frozenset(
    f"taizhang.{name}.v1"
    for name in (
        "branch.formed", "branch.coverage_changed", "instructor.assigned", "organization.excluded",
        "organization.deregistered",
    )
)  # fmt: skip


class SignalPolicy(NamedTuple):
    """The thresholds of the signals; days are calendar days.

    Attributes:
        backdated_days: effective at most so long before a deadline, or on it.
        backdated_grace_days: learned later than so long after it.
        short_lived_days: formed at most so long before a deadline, gone at most so long after it.
        moved_days: members came at most so long before a deadline and left at most so long after it.
        without_members_days: none of the organizations that a branch covers has had a member for longer.
        exclusion_days: length of the window that ends with a deadline, and of each window before it.
        exclusion_factor: the share excluded in it is more than so many times the mean of those before.
        exclusions_min: and at least so many organizations.
        correction_days: length of the window that ends with the date asked for, and of each before it.
        correction_sigmas: corrections for each fact lie more than so many standard deviations above their past mean.
        corrections_min: and are at least so many.
        never_met_days: formed at most so long before a deadline, and without a meeting for longer since.
        uncontacted_days: an organization has had no contact with any of its instructors for longer.
    """

    backdated_days: int = 14
    backdated_grace_days: int = 5
    short_lived_days: int = 60
    moved_days: int = 60
    without_members_days: int = 180
    exclusion_days: int = 30
    exclusion_factor: int = 3
    exclusions_min: int = 3
    correction_days: int = 30
    correction_sigmas: int = 3
    corrections_min: int = 10
    never_met_days: int = 180
    uncontacted_days: int = 90


DEFAULT_SIGNAL_POLICY: Final = SignalPolicy()


def read_signal_policy(data: Mapping[str, Any]) -> SignalPolicy:
    """Read the data of a `signals.adopted` event, which replaces the thresholds whole; what it leaves out is usual."""
    return SignalPolicy(**{name: data[name] for name in SignalPolicy._fields if name in data})


class Hit(NamedTuple):
    """One hit: its subject (an identifier, a region or a source), the figures, the positions that explain it."""

    signal: Signal
    deadline: date | None
    subject: str
    detail: Mapping[str, Any]
    positions: Sequence[int]


def _within(day: date, end: date, days: int) -> bool:
    """Whether a day is `end` or less than `days` before it."""
    return end - timedelta(days) < day <= end


class Learned(NamedTuple):
    """When a fact became known: days in Asia/Shanghai.

    Attributes:
        said_on: of CloudEvents `time`, the registry's own word, which it can set as it likes.
        recorded_on: of `recorded_at`, this system's.
        learned_on: of `learned_at`, the day that counts.
        basis: what that rests on; of an import it is the sources' word.
    """

    said_on: date
    recorded_on: date
    learned_on: date
    basis: Basis


def backdated(fact: Fact, learned: Learned, deadline: date, policy: SignalPolicy) -> Hit | None:
    """A fact that raises a rate, effective just before a deadline and learned well after it."""
    learned_on = learned.learned_on
    late = learned_on > deadline + timedelta(policy.backdated_grace_days)
    if fact.type not in RAISING or not late or not _within(fact.effective_on, deadline, policy.backdated_days):
        return None
    detail = {
        "type": fact.type, "effective_on": fact.effective_on, "learned_on": learned_on,
        "said_on": learned.said_on, "recorded_on": learned.recorded_on, "basis": learned.basis,
        "days_after_deadline": (learned_on - deadline).days,
    }  # fmt: skip
    return Hit("backdated", deadline, fact.entity.partition(" ")[0], detail, fact.decided_by)


def short_lived_branch(facts: Sequence[Fact], deadline: date, as_of: date, policy: SignalPolicy) -> Hit | None:
    """A branch formed just before a deadline and dissolved, or left with nothing to cover, soon after it.

    Args:
        facts: of one branch.
        deadline: the date on which the branch counted.
        as_of: nothing effective later is looked at.
        policy: the thresholds.
    """
    state, formed, counted = Branch(), None, None
    for fact in facts:
        if fact.effective_on > as_of:
            break
        before = state
        state, _ = apply(before, fact)  # type: ignore[assignment]  # a branch's fact gives a branch
        if fact.effective_on <= deadline:
            formed = fact if before.formation is None and state.formation is not None else formed
            counted = formed if state.covers else None
        elif counted is not None and not state.covers:
            soon = (fact.effective_on - deadline).days <= policy.short_lived_days
            if not soon or not _within(counted.effective_on, deadline, policy.short_lived_days):
                return None
            detail = {
                "formed_on": counted.effective_on, "ended_on": fact.effective_on,
                "ended_by": "emptied" if state.formation else "dissolved",
            }  # fmt: skip
            return Hit("short_lived_branch", deadline, fact.entity, detail, (*counted.decided_by, *fact.decided_by))
    return None


def never_met(facts: Sequence[Fact], deadline: date, as_of: date, policy: SignalPolicy) -> Hit | None:
    """A branch formed before a deadline, by which it counted, that has held no quorate meeting since it was formed.

    Args:
        facts: of one branch.
        deadline: the date on which the branch counted.
        as_of: nothing effective later is looked at; an activity policy is in force on it.
        policy: the thresholds.
    """
    state, formed = Branch(), None
    for fact in facts:
        if fact.effective_on > as_of:
            break
        before = state
        state, _ = apply(before, fact)  # type: ignore[assignment]  # as above
        if before.formation is None and state.formation is not None:
            formed = fact
        elif fact.type == MEETING_HELD and fact.data["quorate"] and state.formation is not None:
            return None
    # Committees and general branches are in effect by those below them, and owe no meeting.
    if formed is None or state.formation is None or state.tier != "branch":
        return None
    days = (as_of - formed.effective_on).days
    if days <= policy.never_met_days or not _within(formed.effective_on, deadline, policy.never_met_days):
        return None
    detail = {"formed_on": formed.effective_on, "days": days}
    return Hit("never_met", deadline, formed.entity, detail, formed.decided_by)


class FullMembers(NamedTuple):
    """The full members at one organization: before the window, at the deadline, and after the window."""

    before: frozenset[str]
    at_deadline: frozenset[str]
    after: frozenset[str]


def moved_in_and_out(members: FullMembers, threshold: int) -> frozenset[str]:
    """The members who came before the deadline and left after it, if the threshold was reached only with them.

    Nobody, where the organization had the full members that the policy asks for before, or has them still.
    """
    if len(members.before) >= threshold or len(members.after) >= threshold:
        return frozenset()
    passing = members.at_deadline - members.before - members.after
    return passing if len(members.at_deadline) >= threshold > len(members.at_deadline - passing) else frozenset()


def branch_after(facts: Sequence[Fact]) -> Branch:
    """A branch after its facts, given in canonical order."""
    state = Branch()
    for fact in facts:
        state, _ = apply(state, fact)  # type: ignore[assignment]  # as above
    return state


def without_members_since(facts: Sequence[Fact], memberless_since: Mapping[str, date]) -> date | None:
    """Since when none of the organizations that a branch covers has had a member; None if it covers none.

    Args:
        facts: of one branch, up to the date asked for; none of the organizations has a member then.
        memberless_since: by organization since when it has none.
    """
    state, since = Branch(), date.min
    for fact in facts:
        before = state
        state, _ = apply(before, fact)  # type: ignore[assignment]  # as above
        # Whatever is no longer covered may have had members until then.
        if before.formation is None or before.covers - state.covers:
            since = fact.effective_on
    return max([since, *(memberless_since[org] for org in state.covers)]) if state.covers else None


class Window(NamedTuple):
    """One window: how many of how many."""

    counted: int
    of: int


def exclusion_spike(now: Window, past: Sequence[Window], policy: SignalPolicy) -> dict[str, Any] | None:
    """More exclusions before a deadline than is usual here: the figures, or None."""
    shares = [Fraction(each.counted, each.of) for each in past if each.of]
    if now.counted < policy.exclusions_min or not now.of or not shares:
        return None
    usual = sum(shares, Fraction()) / len(shares)
    if Fraction(now.counted, now.of) <= policy.exclusion_factor * usual:
        return None
    return {"excluded": now.counted, "registered": now.of, "excluded_before": [each.counted for each in past]}


def correction_spike(now: Window, past: Sequence[Window], policy: SignalPolicy) -> dict[str, Any] | None:
    """More corrections and retractions for each fact than in this registry's own past: the figures, or None."""
    rates = [each.counted / each.of for each in past if each.of]
    if now.counted < policy.corrections_min or not rates:
        return None
    mean, deviation = fmean(rates), pstdev(rates)
    if now.counted / max(now.of, 1) <= mean + policy.correction_sigmas * deviation:
        return None
    return {
        "corrections": now.counted, "facts": now.of, "corrections_before": [each.counted for each in past],
        "mean_before": f"{mean:.4f}", "deviation_before": f"{deviation:.4f}",
    }  # fmt: skip
