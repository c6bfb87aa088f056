"""Whether a branch lives (spec/domain.md, Branches): on one day, with what was judged; and on which days at all.

`judge` says it of a day, in the words of the specification; `in_effect_spans` of all days at once, for whoever has to
know the day on which a branch falls out of effect without any event. A law test holds the two equal.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, Literal, NamedTuple, get_args

from domain.ledger.activity import ActivityPolicy, Asked
from domain.ledger.branches import Branch
from domain.values.periods import last_day_of_years, period_begin, period_of, years_on
from domain.values.spans import FOREVER, Span, Spans, both, less, union
from domain.values.terms import MeetingKind, Tier

NotOwed = Literal["few_members", "no_groups"]
# Why a branch is not in effect; the last is said of committees and general branches alone.
Lack = Literal["term_over", "without_secretary", "no_meetings", "none_below"]
LACKS: Final[tuple[Lack, ...]] = get_args(Lack)


class Life(NamedTuple):
    """What of a formed branch's own state decides whether it is in effect, but for its meetings."""

    tier: Tier
    groups: int
    formed_on: int
    term_from: int
    term_to: int | None
    extended_to: tuple[int, ...]
    vacant_since: int | None


def life_of(branch: Branch) -> Life | None:
    """The life of a branch; None while it is not formed."""
    if branch.formation is None or branch.tier is None:
        return None
    return Life(
        branch.tier, branch.groups, branch.formed_on, branch.term_from, branch.term_to, branch.extended_to,
        branch.vacant_since,
    )  # fmt: skip


class Term(NamedTuple):
    """A term: its first and its last day (None: it has no end), and the extensions that are too long."""

    first: int
    last: int | None
    too_long: tuple[int, ...]


def term(life: Life, policy: ActivityPolicy | None) -> Term:
    """The term at hand: extended by at most a year beyond its own last day; of several extensions the last said stands.

    Where no last day was said and no policy gives the tier a length, it has no end.
    """
    own = life.term_to
    if own is None and policy is not None and (years := dict(policy.term_years).get(life.tier)) is not None:
        own = last_day_of_years(date.fromordinal(life.term_from), years).toordinal()
    if own is None:
        return Term(life.term_from, None, ())
    latest = years_on(date.fromordinal(own), 1).toordinal()
    ends = own
    for to in life.extended_to:
        if own < to <= latest:
            ends = to
    return Term(life.term_from, ends, tuple(to for to in life.extended_to if to > latest))


class Period(NamedTuple):
    """A judged period: its first and its last day, and how many meetings were held in it."""

    first: int
    last: int
    held: int


class JudgedMeetings(NamedTuple):
    """Meetings of one kind: what is asked, why it is not owed (None: it is), and the judged periods, latest first."""

    asked: Asked
    not_owed: NotOwed | None
    periods: tuple[Period, ...]

    @property
    def missed(self) -> bool:
        """Whether it is owed and was not held in every judged period."""
        return self.not_owed is None and any(period.held < self.asked.least for period in self.periods)


class Judgement(NamedTuple):
    """What was judged of a branch of tier `branch` on a day."""

    term: Term
    term_over: bool
    vacant_since: int | None
    vacant_too_long: bool
    meetings: tuple[JudgedMeetings, ...]

    @property
    def lacks(self) -> tuple[Lack, ...]:
        """What is missing."""
        found: tuple[tuple[Lack, bool], ...] = (
            ("term_over", self.term_over),
            ("without_secretary", self.vacant_too_long),
            ("no_meetings", any(each.missed for each in self.meetings)),
        )
        return tuple(lack for lack, missing in found if missing)

    @property
    def in_effect(self) -> bool:
        """Whether nothing is missing."""
        return not self.lacks


def not_owed(kind: MeetingKind, life: Life, full_members: int, policy: ActivityPolicy) -> NotOwed | None:
    """Why a branch does not owe meetings of a kind; None where it does."""
    if kind == "branch_committee" and full_members < policy.members_for_branch_committee:
        return "few_members"
    return "no_groups" if kind == "group" and life.groups == 0 else None


def judge(
    life: Life, meetings: Iterable[tuple[int, MeetingKind]], full_members: int, policy: ActivityPolicy, day: int
) -> Judgement:
    """Judge a branch on a day.

    Args:
        life: its own state on the day.
        meetings: the quorate ones held by the day.
        full_members: those at the organizations that it covers.
        policy: the activity policy of the day.
        day: an ordinal.
    """
    now, held = term(life, policy), list(meetings)
    vacant = life.vacant_since
    return Judgement(
        now,
        now.last is not None and now.last < day,
        vacant,
        vacant is not None and day - vacant > policy.vacant_days_max,
        tuple(
            JudgedMeetings(
                asked,
                not_owed(asked.kind, life, full_members, policy),
                _periods(asked, policy.periods, life.formed_on, [at for at, kind in held if kind == asked.kind], day),
            )
            for asked in policy.meetings
        ),
    )


def _periods(asked: Asked, count: int, formed_on: int, held: list[int], day: int) -> tuple[Period, ...]:
    """The last complete periods by a day, latest first, of those that began when the branch was formed already."""
    # A period is complete on its last day.
    latest = period_of(day + 1, asked.per) - 1
    times = Counter(period_of(at, asked.per) for at in held)
    return tuple(
        Period(first, period_begin(number + 1, asked.per) - 1, times[number])
        for number in range(latest, latest - count, -1)
        if (first := period_begin(number, asked.per)) >= formed_on
    )


def with_those_above(own: Mapping[str, bool | None], parents: Mapping[str, str]) -> dict[str, bool]:
    """By formed branch whether it is in effect.

    Args:
        own: what is judged of each; None of committees and general branches, which are in effect if one directly below
            them is, and by nothing else.
        parents: by branch the one above it.
    """
    below: dict[str, list[str]] = {}
    for name, parent in parents.items():
        below.setdefault(parent, []).append(name)

    def lives(name: str) -> bool:
        judged = own.get(name, False)
        return any(map(lives, below.get(name, ()))) if judged is None else judged

    return {name: lives(name) for name in own}


def in_effect_spans(
    life: Life, meetings: Mapping[MeetingKind, list[int]], members: Spans, policy: ActivityPolicy, within: Span
) -> Spans:
    """The days on which a branch of tier `branch` is in effect, while its life and the policy stay as they are.

    Args:
        life: its own state on these days.
        meetings: by kind the days of the quorate ones, later ones too: a period counts when it is complete.
        members: the days on which it has the full members from which meetings of a committee are owed.
        policy: the activity policy on these days.
        within: the days that are asked about.
    """
    begin, end = within
    last = term(life, policy).last
    if last is not None:
        end = min(end, last + 1)
    if life.vacant_since is not None:
        end = min(end, life.vacant_since + policy.vacant_days_max + 1)
    days: Spans = ((begin, end),) if begin < end else ()
    for asked in policy.meetings:
        if not days or (asked.kind == "group" and life.groups == 0):
            continue
        missed = _missed(asked, policy.periods, life.formed_on, meetings.get(asked.kind, []), (begin, end))
        days = less(days, both(missed, members) if asked.kind == "branch_committee" else missed)
    return days


def _missed(asked: Asked, count: int, formed_on: int, held: list[int], within: Span) -> Spans:
    """The days on which one of the judged periods lacks a meeting."""
    per, least = asked.per, asked.least
    # The first period that began when the branch was formed already.
    first = period_of(formed_on - 1, per) + 1
    times = Counter(period_of(at, per) for at in held)
    enough = [number for number, found in times.items() if found >= least and number >= first]
    after = max(enough, default=first - 1) + 1
    begin = max(first, period_of(max(within[0], formed_on), per) - count - 1)
    missed = []
    for number in range(begin, after):
        if period_begin(number + 1, per) > within[1]:
            break
        if times[number] < least:
            missed.append((period_begin(number + 1, per) - 1, period_begin(number + count + 1, per) - 1))
    # From the first one after the last that was held, there is always one without.
    missed.append((period_begin(max(after, begin) + 1, per) - 1, FOREVER))
    return union(missed)
