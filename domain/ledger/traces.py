"""Which facts make a row what it is: for each value, the positions of the events that decide it.

The facts that decide a value are the one that began what it is a value of (a registration, an enrolment, a branch's
formation, an assignment) and the one that changed the value to what it is. A fact that only states again what
already holds decides nothing. The law: the events at these positions alone, folded, give the same value.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from domain.events.facts import Fact
from domain.ledger.branches import Branch
from domain.ledger.entities import Attributes, Instructor, Member, Organization, State, apply, counted_as, initial_state
from domain.ledger.policy import DEFAULT_POLICY, Policy, read_policy
from domain.ledger.rows import Row
from domain.values.terms import COUNTED_AS, CountedAs, Formation

Positions = tuple[int, ...]
_SAID: Final = frozenset(("taizhang.organization.placed.v1", "taizhang.organization.unplaced.v1"))
_EXISTENCE: Final = frozenset(("taizhang.body.created.v1", "taizhang.body.closed.v1"))


class Traced(NamedTuple):
    """One entity's state, and for each value that it has the positions that decide it."""

    state: State
    decided_by: dict[str, Positions]


class TracedPolicy(NamedTuple):
    """The policy in force, and the positions that decide it; none while it is the default."""

    policy: Policy
    decided_by: Positions


class DecidedBy(NamedTuple):
    """For each value of an organization's row, the positions in order: facts, their corrections, the policy's."""

    attributes: dict[str, Positions]
    full_members: Positions
    probationary_members: Positions
    activists: Positions
    formation: Positions
    organization_covered: Positions
    work_covered: Positions
    excluded: Positions
    eligible: Positions
    measure: Positions
    members_elsewhere: Positions
    bodies: Positions
    effectively_covered: Positions


class Around(NamedTuple):
    """What is at one organization on the date: its facts and those of who and what is there, canonically ordered.

    `bodies` are the facts of all bodies that were said of it.
    """

    organization: list[Fact]
    members: list[list[Fact]]
    branches: list[list[Fact]]
    instructors: list[list[Fact]]
    bodies: list[Fact]


def trace(facts: Iterable[Fact], org: str) -> Traced:
    """Fold one entity's facts; of a branch's coverage only that of `org` is followed.

    Args:
        facts: the entity's facts that stand, effective by the date, in canonical order; at least one.
        org: the organization whose row is asked about.
    """
    state: State | None = None
    values: Mapping[str, object] = {}
    decided: dict[str, Positions] = {}
    began: Positions = ()
    for fact in facts:
        state = apply(initial_state(fact.type) if state is None else state, fact)[0]
        before, values = values, _values(state, org)
        if not before:
            began = fact.decided_by
        here = _union(began, fact.decided_by)
        decided = {
            name: decided[name] if name in before and before[name] == value else here for name, value in values.items()
        }
    if state is None:
        raise ValueError("an entity is known by its facts; give at least one")
    return Traced(state, decided)


def _values(state: State, org: str) -> Mapping[str, Any]:
    """The values that a row may rest on; none while inactive, not enrolled, not formed or not assigned."""
    match state:
        case Organization(attributes=Attributes() as attributes):
            return {**attributes._asdict(), "excluded": state.excluded}
        case Member(standing=str(standing)):
            # An activist's relation changes no count, and decides nothing.
            relation = {} if standing == "activist" else {"relation": state.relation}
            return {"standing": standing, "org": state.org, **relation}
        case Branch(formation=str(formation)):
            # How is said of the pair, or None; the branch's own formation decides only in the second case.
            covers = {"covers": (org, dict(state.pairs).get(org))} if org in state.covers else {}
            return {"formation": formation, **covers}
        case Instructor(assigned=True):
            return {"assigned": True}
    return {}


def trace_policy(facts: Iterable[Fact]) -> TracedPolicy:
    """The policy in force after its facts, given in canonical order."""
    policy = DEFAULT_POLICY
    decided: Positions = ()
    for fact in facts:
        after = read_policy(fact.data)
        if after != policy:
            policy, decided = after, fact.decided_by
    return TracedPolicy(policy, decided)


def decided_by(row: Row, around: Around, policy: TracedPolicy) -> DecidedBy:
    """What decides each value of a row, from the facts around it."""
    own = trace(around.organization, row.org).decided_by
    members = [trace(facts, row.org) for facts in around.members]
    branches = [trace(facts, row.org) for facts in around.branches]
    instructors = [trace(facts, row.org).decided_by for facts in around.instructors]
    counting = {each: _members(members, each, row.org) for each in COUNTED_AS}
    covering = _covering(branches, row.org)
    counted = [f for f in covering if f in policy.policy.formations_counted] or list(covering)
    both = policy.policy.members_counted == "here_and_elsewhere"
    eligible = _union(counting["full"], counting["full_elsewhere"] if both else (), policy.decided_by)
    large = row.measure == "establish_large"
    return DecidedBy(
        # Where nothing says whether it is a legal person, its category does.
        attributes={name: own[name] for name in Attributes._fields}
        | {"legal_person": _union(own["legal_person"], own["category"])},
        full_members=counting["full"],
        probationary_members=counting["probationary"],
        activists=counting["activist"],
        formation=covering[row.formation] if row.formation is not None else (),
        organization_covered=_union(*(covering[f] for f in counted), policy.decided_by if covering else ()),
        work_covered=_union(*covering.values(), *(each["assigned"] for each in instructors)),
        excluded=own["excluded"],
        eligible=eligible,
        measure=_union(own["employees"], policy.decided_by if large else eligible),
        members_elsewhere=_union(counting["full_elsewhere"], counting["probationary_elsewhere"]),
        bodies=_bodies(around, own["kind"]),
        effectively_covered=(),
    )


def _bodies(around: Around, began: Positions) -> Positions:
    """All that was said of the organization's bodies, and that these were created or closed."""
    said = [fact.decided_by for fact in around.organization if fact.type in _SAID]
    existence = (fact.decided_by for fact in around.bodies if fact.type in _EXISTENCE)
    return _union(began, *said, *existence) if said else ()


def _members(members: Iterable[Traced], counting: CountedAs, org: str) -> Positions:
    """What makes the members that count as one be at the organization, and count as that."""
    return _union(
        *(
            positions
            for state, decided in members
            if isinstance(state, Member) and state.standing and state.org == org and counted_as(state) == counting
            for positions in decided.values()
        )
    )


def _covering(branches: Iterable[Traced], org: str) -> dict[Formation, Positions]:
    """By formation, what makes the branches cover the organization by it."""
    found: dict[Formation, Positions] = {}
    for state, decided in branches:
        if isinstance(state, Branch) and state.formation is not None and "covers" in decided:
            said = dict(state.pairs).get(org)
            how = said or state.formation
            own = () if said else decided["formation"]
            found[how] = _union(found.get(how, ()), own, decided["covers"])
    return found


def _union(*positions: Positions) -> Positions:
    """All the positions, each once, in order."""
    return tuple(sorted(set().union(*positions)))
