"""The branches' life in the incremental fold: on which days each is in effect, and what that makes of organizations.

A branch falls out of effect on a day without any event, so its days are known ahead from the facts at hand
(domain.ledger.living.in_effect_spans). What changes them (its own facts, a policy, members where it covers, branches
below it) has them worked out anew, and what differs goes to the organizations and to the branch above.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from domain.events.facts import ACTIVITY_POLICY, Fact
from domain.ledger.activity import ActivityPolicy
from domain.ledger.branches import Branch, Meeting
from domain.ledger.hierarchy import puts
from domain.ledger.living import in_effect_spans, life_of
from domain.values.spans import FOREVER, Span, Spans, both, less, union
from domain.values.terms import Formation, MeetingKind
from projections.ledger.fold.branch_records import BranchLife, ParentFact, Whole, parent_facts
from projections.ledger.fold.effects import Change, covered_in_effect
from projections.ledger.fold.records import EntityRecord, OrganizationRecord
from projections.ledger.fold.step_function import Steps, add
from projections.ledger.fold.timeline import Difference, Timeline
from projections.ledger.rows import (
    INACTIVE,
    ActivityPolicyEntry,
    BranchEntry,
    Changes,
    InEffectEntry,
    MeetingEntry,
    ParentEntry,
    RawState,
)

# The record of what concerns all branches stands under the policy's name.
_WHOLE: Final = ACTIVITY_POLICY
_OWN: Final = ("name", "tier", "formation", "region", "groups", "formed_on", "term_from", "term_to", "extended_to",
               "vacant_since")  # fmt: skip
_AT_FULL: Final = 2


class Remembering(Protocol):
    """What is looked up here of the fold's memory."""

    def entity(self, name: str, family: str) -> EntityRecord:
        """The record of an entity, to be changed in place; a new one where there is none."""

    def organization(self, org: str, changes: Changes) -> OrganizationRecord:
        """The record of an organization, to be changed in place."""

    def branches(self) -> list[str]:
        """Every branch that there is a record of, in order."""

    def expect(self, entities: Iterable[str], organizations: Iterable[str]) -> None:
        """These will be asked for: whoever keeps them elsewhere reads them at once."""


# Changes one organization's raw state on the days of a span.
Override = Callable[[str, Span, Change], None]


def weight(state: RawState) -> int:
    """The full members that an organization lends to those who cover it: none while it is not active."""
    return 0 if state[0] == INACTIVE else state[_AT_FULL]


class Living:
    """Follows the life of all branches; `changes` and `position` are those of the event at hand."""

    def __init__(self, memory: Remembering, override: Override) -> None:
        self._memory = memory
        self._override = override
        self._due: dict[str, None] = {}
        # What stood before the event at hand: where a branch is looked at twice, what differs in the end is told once.
        self._effect_before: dict[str, Spans] = {}
        self._parents_before: dict[str, Steps[str | None]] = {}
        self.changes = Changes()
        self.position = 0

    def _life(self, branch: str) -> BranchLife:
        record = self._memory.entity(branch, "branch")
        if not isinstance(record.more, BranchLife):
            record.more = BranchLife()
        return record.more

    def _whole(self) -> Whole:
        record = self._memory.entity(_WHOLE, ACTIVITY_POLICY)
        if not isinstance(record.more, Whole):
            record.more = Whole()
        return record.more

    def policy_stated(self, differences: Iterable[Difference]) -> None:
        """The activity policy differs on some days: every branch is judged anew."""
        whole = self._whole()
        before = whole.thresholds
        for day_from, day_to, _, after in differences:
            policy = after if isinstance(after, ActivityPolicy) else None
            whole.policies.assign(day_from, day_to, policy)
            self.changes.activity_policies.append(ActivityPolicyEntry.of(self.position, day_from, day_to, policy))
        branches = self._memory.branches()
        self._memory.expect(branches, ())
        self._memory.expect((), sorted({org for branch in branches for org in self._life(branch).covers}))
        for branch in branches:
            life = self._life(branch)
            if bool(before) != bool(whole.thresholds):
                life.members = self._members(life) if whole.thresholds else None
            self._due[branch] = None

    def _members(self, life: BranchLife) -> Steps[int]:
        members = Steps.constant(0)
        for org, covered in life.covers.items():
            record = self._memory.organization(org, self.changes)
            for begin, end, how in covered.pieces():
                if how is not None:
                    for each_begin, each_end, full in record.weights(begin, end, weight):
                        add(members, each_begin, each_end, full)
        return members

    def extended(self, branch: str, added: Fact, difference: Difference | None) -> None:
        """A fact came last in canonical order; the state differs from its day on, or not."""
        life = self._life(branch)
        if difference is not None and isinstance(after := difference.after, Branch):
            self._stated(branch, life, [difference])
            day = difference.day_from
            # What the day's last state does not hold was taken back on the day itself.
            kept = [each for each in life.meetings if each[0] < day]
            self._met(branch, life, kept + sorted(each for each in after.meetings if each[0] == day))
        if found := parent_facts([added]):
            self._put(branch, life, [*life.put, *found])

    def refolded(self, branch: str, facts: list[Fact], timeline: Timeline, differences: list[Difference]) -> None:
        """A branch's facts were folded anew."""
        life = self._life(branch)
        self._stated(branch, life, differences)
        met: list[Meeting] = []
        for day, state in zip(timeline.days, timeline.states, strict=True):
            if isinstance(state, Branch):
                met += sorted(each for each in state.meetings if each[0] == day)
        self._met(branch, life, met)
        self._put(branch, life, parent_facts(facts))

    def _stated(self, branch: str, life: BranchLife, differences: Iterable[Difference]) -> None:
        for day_from, day_to, before, after in differences:
            if not isinstance(before, Branch) or not isinstance(after, Branch):
                continue
            own = [getattr(after, name) for name in _OWN]
            if own != [getattr(before, name) for name in _OWN]:
                self._tell(branch, day_from, day_to, after)
            if life.lives.assign(day_from, day_to, life_of(after)):
                self._due[branch] = None

    def _tell(self, branch: str, day_from: int, day_to: int, state: Branch) -> None:
        told: list[Any] = [None] * len(_OWN)
        if state.formation is not None:
            told = [getattr(state, name) for name in _OWN]
            # As PostgreSQL's arrays are read and written.
            told[_OWN.index("extended_to")] = list(state.extended_to)
        rows, entry = self.changes.branches, BranchEntry(self.position, branch, day_from, day_to, *told)
        # Days on which it only met tell nothing new of it.
        if rows and rows[-1].day_to == day_from and rows[-1]._replace(day_from=day_from, day_to=day_to) == entry:
            rows[-1] = rows[-1]._replace(day_to=day_to)
        else:
            rows.append(entry)

    def _met(self, branch: str, life: BranchLife, met: list[Meeting]) -> None:
        if met == life.meetings:
            return
        before, after = Counter(life.meetings), Counter(met)
        for day, kind in sorted(before.keys() | after.keys()):
            if before[day, kind] != after[day, kind]:
                self.changes.meetings.append(MeetingEntry(self.position, branch, day, kind, after[day, kind]))
        life.meetings = met
        self._due[branch] = None

    def covering(self, branch: str, org: str, span: Span, how: Formation | None) -> None:
        """A branch covers an organization by a formation on the days of a span, or does not."""
        life = self._life(branch)
        record = self._memory.organization(org, self.changes)
        record.branches.add(branch)
        counts_members = bool(self._whole().thresholds)
        if counts_members and life.members is None:
            life.members = Steps.constant(0)
        for begin, end, before in life.covers.setdefault(org, Steps.constant(None)).assign(*span, how):
            for each in both(life.in_effect, ((begin, end),)):
                self._override(org, each, covered_in_effect(before, how))
            sign = (how is not None) - (before is not None)
            if life.members is not None and sign:
                for each_begin, each_end, full in record.weights(begin, end, weight):
                    self._weigh(branch, life, (each_begin, each_end), sign * full)

    def weighed(self, record: OrganizationRecord, org: str, before: list[tuple[int, int, int]]) -> None:
        """An organization's state changed; `before` are its weights on the days that may differ."""
        for begin, end, was in before:
            for each_begin, each_end, now in record.weights(begin, end, weight):
                if now == was:
                    continue
                for branch in sorted(record.branches):
                    life = self._life(branch)
                    for first, last, how in life.covers[org].pieces(each_begin, each_end):
                        if how is not None:
                            self._weigh(branch, life, (first, last), now - was)

    @property
    def weighs(self) -> bool:
        """Whether members decide anything of a branch's life."""
        return bool(self._whole().thresholds)

    def _weigh(self, branch: str, life: BranchLife, span: Span, by: int) -> None:
        if life.members is None or not by:
            return
        for _, _, was in add(life.members, *span, by):
            if any((was >= number) != (was + by >= number) for number in self._whole().thresholds):
                self._due[branch] = None

    def _put(self, branch: str, life: BranchLife, facts: list[ParentFact]) -> None:
        """Which facts decide the branch's parent has changed; a circle can only be among inner branches."""
        if facts == life.put:
            return
        whole, was_inner = self._whole(), life.is_inner
        life.put = facts
        anew = {branch} if was_inner or life.is_inner else set()
        for parent in dict.fromkeys(each.parent for each in facts if each.parent is not None):
            above = self._life(parent)
            if not above.named:
                above.named = True
                anew |= {parent} if above.is_inner else set()
        whole.inner |= {each for each in anew if self._life(each).is_inner}
        whole.inner -= {each for each in anew if not self._life(each).is_inner}
        if anew:
            self._memory.expect(whole.inner, ())
            self._place({each: self._life(each) for each in sorted(whole.inner | {branch})})
        else:
            self._place({branch: life})

    def _place(self, lives: dict[str, BranchLife]) -> None:
        """Work out the parents of these branches, of which none other can be in a circle with them."""
        steps: dict[str, Steps[str | None]] = {name: Steps.constant(None) for name in lives}
        facts = sorted(each.as_fact(name) for name, life in lives.items() for each in life.put)
        for fact, parent, circle in puts(facts):
            if not circle:
                steps[fact.entity].assign(fact.effective_on.toordinal(), FOREVER, parent)
        for name, life in lives.items():
            self._parents_before.setdefault(name, Steps(life.parents.days, life.parents.values))
            for begin, end, after in steps[name].pieces():
                for each_begin, each_end, before in life.parents.assign(begin, end, after):
                    for span in both(life.in_effect, ((each_begin, each_end),)):
                        self._lent(before, span, -1)
                        self._lent(after, span, 1)

    def _lent(self, parent: str | None, span: Span, by: int) -> None:
        """A branch directly below this one is in effect on more or fewer days."""
        if parent is not None:
            add(self._life(parent).below, *span, by)
            self._due[parent] = None

    def settle(self) -> None:
        """Work out anew the days of every branch that is due, and what follows; no circle, so it comes to an end."""
        while self._due:
            branch = next(iter(self._due))
            del self._due[branch]
            self._settle(branch, self._life(branch))

    def finish(self) -> None:
        """Write down what the event at hand has come to."""
        for branch, before in self._effect_before.items():
            now = self._life(branch).in_effect
            told = [(span, True) for span in less(now, before)] + [(span, False) for span in less(before, now)]
            for span, lives in sorted(told):
                self.changes.in_effect.append(InEffectEntry(self.position, branch, *span, in_effect=lives))
        for branch, steps in self._parents_before.items():
            for begin, end, parent in self._life(branch).parents.pieces():
                for each_begin, each_end, _ in steps.assign(begin, end, parent):
                    self.changes.parents.append(ParentEntry(self.position, branch, each_begin, each_end, parent))
        self._effect_before.clear()
        self._parents_before.clear()

    def _settle(self, branch: str, life: BranchLife) -> None:
        now = _days(life, self._whole().policies)
        if now == life.in_effect:
            return
        changes = [(span, 1) for span in less(now, life.in_effect)] + [(s, -1) for s in less(life.in_effect, now)]
        self._effect_before.setdefault(branch, life.in_effect)
        life.in_effect = now
        self._memory.expect((), life.covers)
        for span, by in sorted(changes):
            for org, covered in sorted(life.covers.items()):
                for begin, end, how in covered.pieces(*span):
                    if how is not None:
                        change = covered_in_effect(None, how) if by > 0 else covered_in_effect(how, None)
                        self._override(org, (begin, end), change)
            for begin, end, parent in life.parents.pieces(*span):
                self._lent(parent, (begin, end), by)


def _days(life: BranchLife, policies: Steps[ActivityPolicy | None]) -> Spans:
    """On which days a branch is in effect, by all that is known."""
    meetings: dict[MeetingKind, list[int]] = {}
    for day, kind in life.meetings:
        meetings.setdefault(kind, []).append(day)
    found: list[Span] = []
    for begin, end, policy in policies.pieces():
        if policy is None:
            continue
        for each_begin, each_end, own in life.lives.pieces(begin, end):
            if own is None:
                continue
            if own.tier != "branch":
                found += ((b, e) for b, e, living in life.below.pieces(each_begin, each_end) if living > 0)
                continue
            members: Spans = ()
            if (number := policy.by_members) is not None and life.members is not None:
                members = union((b, e) for b, e, full in life.members.pieces(each_begin, each_end) if full >= number)
            found += in_effect_spans(own, meetings, members, policy, (each_begin, each_end))
    return union(found)
