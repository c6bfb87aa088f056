"""What the fold remembers of a branch beyond its last state, to know on which days it is in effect."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

from domain.events.facts import Fact
from domain.ledger.activity import ActivityPolicy, activity_policy_data, read_activity_policy
from domain.ledger.branches import Meeting
from domain.ledger.living import Life
from domain.values.spans import Spans
from domain.values.terms import Formation
from projections.ledger.fold.step_function import Steps

_ACTS: Final = ("taizhang.branch.formed.v1", "taizhang.branch.changed.v1", "taizhang.branch.dissolved.v1")


class ParentFact(NamedTuple):
    """What decides parents of a fact: its canonical order, its position, which of _ACTS it is, whom it names."""

    day: int
    time_ns: int
    rank: int
    source: str
    id: str
    position: int
    act: int
    parent: str | None

    def as_fact(self, branch: str) -> Fact:
        """The fact again, as far as it decides parents."""
        data = {"branch": branch, "parent": self.parent}
        return Fact(
            date.fromordinal(self.day), self.time_ns, self.rank, self.source, self.id,
            _ACTS[self.act], data, self.position, (self.position,),
        )  # fmt: skip


def parent_facts(facts: Iterable[Fact]) -> list[ParentFact]:
    """Those of a branch's facts that decide its parent."""
    return [
        ParentFact(
            fact.effective_on.toordinal(), fact.time_ns, fact.rank, fact.source, fact.id, fact.position,
            _ACTS.index(fact.type), fact.data.get("parent"),
        )
        for fact in facts
        if fact.type in _ACTS and (fact.type != _ACTS[1] or "parent" in fact.data)
    ]  # fmt: skip


@dataclass(slots=True)
class BranchLife:
    """One branch, day by day.

    Attributes:
        lives: what of its own state decides; None while it is not formed.
        meetings: the quorate ones that its states hold on their own days, in order.
        covers: by organization how it covers it; None while it does not.
        put: the facts that decide its parent.
        parents: its parent, as far as that has effect.
        named: whether any fact ever named it as a parent.
        members: full members at the active organizations that it covers; None while no policy asks.
        below: how many branches directly below it are in effect.
        in_effect: the days on which it is.
    """

    lives: Steps[Life | None] = field(default_factory=lambda: Steps.constant(None))
    meetings: list[Meeting] = field(default_factory=list)
    covers: dict[str, Steps[Formation | None]] = field(default_factory=dict)
    put: list[ParentFact] = field(default_factory=list)
    parents: Steps[str | None] = field(default_factory=lambda: Steps.constant(None))
    named: bool = False
    members: Steps[int] | None = None
    below: Steps[int] = field(default_factory=lambda: Steps.constant(0))
    in_effect: Spans = ()

    @property
    def is_inner(self) -> bool:
        """Whether it stands under others and others under it, so that it could be part of a circle."""
        return self.named and any(each.parent is not None for each in self.put)


@dataclass(slots=True)
class Whole:
    """What concerns all branches: the activity policy day by day, and the inner branches."""

    policies: Steps[ActivityPolicy | None] = field(default_factory=lambda: Steps.constant(None))
    inner: set[str] = field(default_factory=set)

    @property
    def thresholds(self) -> frozenset[int]:
        """The numbers of full members from which any policy asks for more."""
        told = (policy.by_members for policy in self.policies.values if policy is not None)
        return frozenset(number for number in told if number is not None)


More = BranchLife | Whole | None


def encode_more(more: More) -> Any:  # noqa: ANN401 - JSON
    """Give it as JSON's values; named tuples as lists."""
    match more:
        case BranchLife():
            covers = [(org, steps.days, steps.values) for org, steps in sorted(more.covers.items())]
            members = None if more.members is None else _plain(more.members)
            return (
                _plain(more.lives), more.meetings, covers, more.put, _plain(more.parents), more.named, members,
                _plain(more.below), more.in_effect,
            )  # fmt: skip
        case Whole():
            policies = [None if each is None else activity_policy_data(each) for each in more.policies.values]
            return (more.policies.days, policies, sorted(more.inner))
    return None


def _plain(steps: Steps[Any]) -> tuple[list[int], list[Any]]:
    return steps.days, steps.values


def decode_more(family: str, told: Any) -> More:  # noqa: ANN401 - as above
    """Read what `encode_more` gave."""
    if told is None:
        return None
    if family != "branch":
        days, policies, inner = told
        return Whole(Steps(days, [None if each is None else read_activity_policy(each) for each in policies]), {*inner})
    lives, meetings, covers, put, parents, named, members, below, in_effect = told
    return BranchLife(
        Steps(lives[0], [None if each is None else _life(*each) for each in lives[1]]),
        [(day, kind) for day, kind in meetings],
        {org: Steps(days, values) for org, days, values in covers},
        [ParentFact(*each) for each in put],
        Steps(*parents),
        named,
        None if members is None else Steps(*members),
        Steps(*below),
        tuple((begin, end) for begin, end in in_effect),
    )


def _life(*told: Any) -> Life:  # noqa: ANN401 - as above
    *own, extended_to, vacant_since = told
    return Life(own[0], own[1], own[2], own[3], own[4], tuple(extended_to), vacant_since)
