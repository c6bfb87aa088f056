"""The ledger at one date: every entity's state, and each active organization's row."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, NamedTuple

from domain.events.facts import (
    LEDGER_FAMILIES,
    POLICY,
    AnomalyFound,
    Event,
    Fact,
    family_of,
    standing_facts,
    subject_of,
)
from domain.ledger.bases import BASIS, Basis, bases
from domain.ledger.bodies import NO_BODIES, Bodies, bodies, unplaced_in_vain
from domain.ledger.entities import (
    Attributes,
    Branch,
    Instructor,
    Member,
    Organization,
    State,
    apply,
    counted_as,
    formations,
    initial_state,
    legal_person,
)
from domain.ledger.hierarchy import DECIDING_PARENTS, hierarchy
from domain.ledger.placements import NOTHING_SAID, Answers, Body, Existence, answers_to
from domain.ledger.policy import DEFAULT_POLICY, Policy, policy_in_force
from domain.values.terms import BODY_KINDS, COUNTED_AS, FORMATIONS, CountedAs, ExclusionReason, Formation, Measure

_LAST_DAY: Final = date.max.toordinal()
_UNPLACED: Final = "taizhang.organization.unplaced.v1"


class Row(NamedTuple):
    """One active organization on a date (spec/domain.md, What each organization's row says).

    `bodies` are those that it answers to, of each of BODY_KINDS (domain.ledger.placements.Answers).
    """

    org: str
    attributes: Attributes
    full_members: int
    probationary_members: int
    activists: int
    formation: Formation | None
    organization_covered: bool
    work_covered: bool
    excluded: ExclusionReason | None
    eligible: bool
    measure: Measure
    members_elsewhere: int = 0
    bodies: tuple[str | None, ...] = NOTHING_SAID.bodies


def told(row: Row) -> dict[str, Any]:
    """The row as answers, messages and bundles hold it."""
    bodies = dict(zip(BODY_KINDS, row.bodies, strict=True))
    return {**row._asdict(), "attributes": row.attributes._asdict(), "bodies": bodies}


class Presence(NamedTuple):
    """What stands at one organization: members by what they count as, covering formations, instructors."""

    full_members: int = 0
    probationary_members: int = 0
    activists: int = 0
    formations: frozenset[Formation] = frozenset()
    instructors: int = 0
    full_elsewhere: int = 0
    probationary_elsewhere: int = 0


def formation(covering: Iterable[Formation]) -> Formation | None:
    """The strongest among the formations that cover the organization, or None."""
    return min(covering, key=FORMATIONS.index, default=None)


def organization_covered(covering: Iterable[Formation], policy: Policy) -> bool:
    """Whether at least one branch covers it by a formation that the policy counts."""
    return any(f in policy.formations_counted for f in covering)


def work_covered(strongest: Formation | None, instructors: int) -> bool:
    """Organization coverage by any formation, or at least one instructor."""
    return strongest is not None or instructors > 0


def members_counted(full_members: int, full_elsewhere: int, policy: Policy) -> int:
    """The full members that the policy looks at."""
    return full_members + (full_elsewhere if policy.members_counted == "here_and_elsewhere" else 0)


def eligible(full_members: int, policy: Policy) -> bool:
    """Whether it has the full members, of those counted, that the policy asks for to form a branch of its own."""
    return full_members >= policy.full_members_for_branch


def measure(employees: int | None, full_members: int, policy: Policy) -> Measure:
    """What the policy asks for; the first that holds. `full_members` are those counted; unknown employees are fewer."""
    if employees is not None and employees >= policy.employees_for_branch:
        return "establish_large"
    if eligible(full_members, policy):
        return "establish"
    return "combine" if full_members >= 1 else "instruct"


def row(org: str, state: Organization, presence: Presence, policy: Policy, answers: Answers = NOTHING_SAID) -> Row:
    """The row of an active organization.

    Raises:
        ValueError: the organization is not active.
    """
    if state.attributes is None:
        msg = f"{org} is not active on the date; only active organizations have a row"
        raise ValueError(msg)
    strongest = formation(presence.formations)
    counted = members_counted(presence.full_members, presence.full_elsewhere, policy)
    return Row(
        org,
        state.attributes._replace(legal_person=legal_person(state.attributes)),
        presence.full_members,
        presence.probationary_members,
        presence.activists,
        strongest,
        organization_covered(presence.formations, policy),
        work_covered(strongest, presence.instructors),
        state.excluded,
        eligible(counted, policy),
        measure(state.attributes.employees, counted, policy),
        presence.full_elsewhere + presence.probationary_elsewhere,
        answers.bodies,
    )


@dataclass(frozen=True, slots=True)
class Ledger:
    """The states of all entities at the end of one date under one state of knowledge.

    `crossing` are those of the anomalies that facts of several entities show, and that no table of the ledger holds.
    """

    organizations: dict[str, Organization] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    branches: dict[str, Branch] = field(default_factory=dict)
    instructors: dict[tuple[str, str], Instructor] = field(default_factory=dict)
    policy: Policy = DEFAULT_POLICY
    anomalies: tuple[AnomalyFound, ...] = ()
    parents: Mapping[str, str] = field(default_factory=dict)
    bodies: Bodies = NO_BODIES
    existence: Mapping[str, Existence] = field(default_factory=dict)
    bases: Mapping[str, Basis] = field(default_factory=dict)
    crossing: tuple[AnomalyFound, ...] = ()

    def rows(self, basis: Basis | None = None) -> list[Row]:
        """One row for each active organization, in order of its identifier; under the policy as a basis counts."""
        policy = self.policy if basis is None else basis.policy(self.policy)
        presences = self._presences()
        nothing = Presence()
        return [
            row(org, state, presences.get(org, nothing), policy, self.answers_to(state))
            for org, state in sorted(self.organizations.items())
            if state.attributes is not None
        ]

    def answers_to(self, state: Organization) -> Answers:
        """The bodies that an organization answers to."""
        return answers_to(state.said, self._existence_of, _LAST_DAY)

    def _existence_of(self, body: str) -> Existence:
        return self.existence.get(body, ())

    def _presences(self) -> dict[str, Presence]:
        members: dict[str, dict[CountedAs, int]] = {}
        for member in self.members.values():
            if member.standing is not None and member.org is not None:
                at = members.setdefault(member.org, dict.fromkeys(COUNTED_AS, 0))
                at[counted_as(member)] += 1
        covering: dict[str, set[Formation]] = {}
        for branch in self.branches.values():
            for org, how in formations(branch, branch.covers).items():
                covering.setdefault(org, set()).add(how)
        instructors: dict[str, int] = {}
        for (org, _), instructor in self.instructors.items():
            if instructor.assigned:
                instructors[org] = instructors.get(org, 0) + 1
        none: dict[CountedAs, int] = dict.fromkeys(COUNTED_AS, 0)
        return {
            org: Presence(
                (at := members.get(org, none))["full"],
                at["probationary"],
                at["activist"],
                frozenset(covering.get(org, ())),
                instructors.get(org, 0),
                at["full_elsewhere"],
                at["probationary_elsewhere"],
            )
            for org in members.keys() | covering.keys() | instructors.keys()
        }


def ledger(events: Iterable[Event], as_of: date, fits: Callable[[str, object], bool]) -> Ledger:
    """Fold the known events from scratch: the ledger as a pure function of their set.

    Args:
        events: every event known, in any order.
        as_of: the date whose end is asked for.
        fits: whether a replacement fits a type (`domain.events.envelope.check_data` finds no reason).
    """
    facts, anomalies = standing_facts(events, fits)
    by_entity: dict[str, list[Fact]] = {}
    for standing in facts:
        if counts_by(standing, as_of):
            by_entity.setdefault(standing.entity, []).append(standing)
    of_bases = (fact for fact in facts if fact.effective_on <= as_of and family_of(fact.type) == BASIS)
    return replace(ledger_of(by_entity.items(), anomalies), bases=bases(of_bases))


def counts_by(standing: Fact, as_of: date) -> bool:
    """Whether a fact that stands has a part in the ledger of a date."""
    return standing.effective_on <= as_of and family_of(standing.type) in LEDGER_FAMILIES


def ledger_of(entities: Iterable[tuple[str, Sequence[Fact]]], anomalies: Iterable[AnomalyFound] = ()) -> Ledger:
    """The ledger from the facts that have a part in it, entity by entity, of which only what stands is kept.

    Args:
        entities: each with all of its facts, in canonical order.
        anomalies: what contradicted among the events.
    """
    policy = DEFAULT_POLICY
    told = list(anomalies)
    states: dict[str, State] = {}
    deciding_parents: list[Fact] = []
    of_bodies: list[Fact] = []
    unplaced: list[Sequence[Fact]] = []
    for entity, facts in entities:
        if entity == POLICY:
            policy = policy_in_force(facts)
            continue
        deciding_parents += [fact for fact in facts if fact.type in DECIDING_PARENTS]
        states[entity] = _fold_entity(facts, told)
        if isinstance(states[entity], Body):
            of_bodies += facts
        if any(fact.type == _UNPLACED for fact in facts):
            unplaced.append(facts)
    parents, tree = hierarchy(sorted(deciding_parents)), bodies(sorted(of_bodies))
    existence = {entity: state.existence for entity, state in states.items() if isinstance(state, Body)}
    result = Ledger(policy=policy, parents=parents.parents, bodies=tree, existence=existence)
    for entity, state in states.items():
        _place(result, entity, state)
    crossing = (*parents.anomalies, *tree.anomalies, *_inactive(result), *_placed(result, unplaced))
    return replace(result, anomalies=(*told, *crossing), crossing=crossing)


def _fold_entity(facts: Sequence[Fact], told: list[AnomalyFound]) -> State:
    state = initial_state(facts[0].type)
    for each in facts:
        state, anomaly = apply(state, each)
        if anomaly is not None:
            subject = subject_of(each.type, each.data)
            told.append(AnomalyFound(anomaly, subject, each.position, each.effective_on, ""))
    return state


def _place(result: Ledger, entity: str, state: State) -> None:
    match state:
        case Organization():
            result.organizations[entity] = state
        case Member():
            result.members[entity] = state
        case Branch():
            result.branches[entity] = state
        case Instructor():
            org, _, instructor = entity.partition(" ")
            result.instructors[(org, instructor)] = state


def _placed(result: Ledger, unplaced: Iterable[Sequence[Fact]]) -> Iterator[AnomalyFound]:
    """Organizations that stand under a body which does not exist, or were taken from one that they had left."""
    for org, state in result.organizations.items():
        for body in result.answers_to(state).waiting:
            yield AnomalyFound("body_not_created", org, 0, None, body)
    for facts in unplaced:
        yield from unplaced_in_vain(facts, result.existence)


def _inactive(result: Ledger) -> list[AnomalyFound]:
    """Branches that cover, and members who are at, an organization not active on the date."""

    def active(org: str) -> bool:
        return result.organizations.get(org, Organization()).attributes is not None

    found = [
        AnomalyFound("covers_inactive", branch, 0, None, org)
        for branch, state in result.branches.items()
        for org in sorted(state.covers)
        if not active(org)
    ]
    found += [
        AnomalyFound("member_at_inactive", member, 0, None, state.org)
        for member, state in result.members.items()
        if state.standing is not None and state.org is not None and not active(state.org)
    ]
    return found
