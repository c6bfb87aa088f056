"""The ledger at one date: every entity's state, and each active organization's row."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, NamedTuple

from domain.events.facts import (
    ACTIVITY_POLICY,
    LEDGER_FAMILIES,
    POLICY,
    AnomalyFound,
    Event,
    Fact,
    family_of,
    standing_facts,
    subject_of,
)
from domain.ledger.activity import ActivityPolicy, activity_policy_in_force
from domain.ledger.bases import BASIS, Basis, bases
from domain.ledger.bodies import NO_BODIES, Bodies, bodies, unplaced_in_vain
from domain.ledger.branches import Branch, formations
from domain.ledger.entities import (
    Attributes,
    Instructor,
    Member,
    Organization,
    State,
    apply,
    counted_as,
    initial_state,
    legal_person,
)
from domain.ledger.hierarchy import DECIDING_PARENTS, hierarchy
from domain.ledger.living import judge, life_of, term, with_those_above
from domain.ledger.placements import NOTHING_SAID, Answers, Body, Existence, answers_to
from domain.ledger.policy import DEFAULT_POLICY, Policy, policy_in_force
from domain.ledger.presence import (
    Presence,
    eligible,
    formation,
    measure,
    members_counted,
    organization_covered,
    work_covered,
)
from domain.values.terms import BODY_KINDS, COUNTED_AS, CountedAs, ExclusionReason, Formation, Measure

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
    effectively_covered: bool | None = None


def told(row: Row) -> dict[str, Any]:
    """The row as answers, messages and bundles hold it."""
    bodies = dict(zip(BODY_KINDS, row.bodies, strict=True))
    return {**row._asdict(), "attributes": row.attributes._asdict(), "bodies": bodies}


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
        None if presence.effective is None else organization_covered(presence.effective, policy),
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
    as_of: date = date.min
    activity_policy: ActivityPolicy | None = None

    def full_members(self) -> dict[str, int]:
        """By formed branch the full members at the active organizations that it covers."""
        at: dict[str, int] = {}
        for member in self.members.values():
            if member.standing is not None and member.org is not None and counted_as(member) == "full":
                at[member.org] = at.get(member.org, 0) + 1
        return {
            name: sum(
                at.get(org, 0)
                for org in branch.covers
                if self.organizations.get(org, Organization()).attributes is not None
            )
            for name, branch in self.branches.items()
            if branch.formation is not None
        }

    def in_effect(self) -> dict[str, bool]:
        """By formed branch whether it is in effect; empty without an activity policy."""
        return with_those_above(self.judged(self.full_members()), self.parents)

    def judged(self, full_members: Mapping[str, int]) -> dict[str, bool | None]:
        """What is judged of each formed branch by itself, with so many full members; None above a branch's tier."""
        found: dict[str, bool | None] = {}
        for name, branch in self.branches.items():
            life = life_of(branch)
            if life is not None and self.activity_policy is not None:
                day, full = self.as_of.toordinal(), full_members.get(name, 0)
                judgement = judge(life, branch.meetings, full, self.activity_policy, day)
                found[name] = judgement.in_effect if life.tier == "branch" else None
        return found

    def rows(self, basis: Basis | None = None, living: Mapping[str, bool] | None = None) -> list[Row]:
        """One row for each active organization, in order of its identifier.

        Args:
            basis: the policy is taken as it counts.
            living: which branches are in effect, where this ledger has not all that decides it.
        """
        policy = self.policy if basis is None else basis.policy(self.policy)
        presences = self._presences(self.in_effect() if living is None else living)
        nothing = Presence(effective=None if self.activity_policy is None else frozenset())
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

    def _presences(self, living: Mapping[str, bool]) -> dict[str, Presence]:
        members: dict[str, dict[CountedAs, int]] = {}
        for member in self.members.values():
            if member.standing is not None and member.org is not None:
                at = members.setdefault(member.org, dict.fromkeys(COUNTED_AS, 0))
                at[counted_as(member)] += 1
        covering: dict[str, set[Formation]] = {}
        effective: dict[str, set[Formation]] = {}
        for name, branch in self.branches.items():
            for org, how in formations(branch, branch.covers).items():
                covering.setdefault(org, set()).add(how)
                if living.get(name):
                    effective.setdefault(org, set()).add(how)
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
                None if self.activity_policy is None else frozenset(effective.get(org, ())),
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
    return replace(ledger_of(by_entity.items(), as_of, anomalies), bases=bases(of_bases))


def counts_by(standing: Fact, as_of: date) -> bool:
    """Whether a fact that stands has a part in the ledger of a date."""
    return standing.effective_on <= as_of and family_of(standing.type) in LEDGER_FAMILIES


def ledger_of(
    entities: Iterable[tuple[str, Sequence[Fact]]], as_of: date, anomalies: Iterable[AnomalyFound] = ()
) -> Ledger:
    """The ledger from the facts that have a part in it, entity by entity, of which only what stands is kept.

    Args:
        entities: each with all of its facts effective by the date, in canonical order.
        as_of: the date, at whose end a branch is judged.
        anomalies: what contradicted among the events.
    """
    policy, activity = DEFAULT_POLICY, None
    told = list(anomalies)
    states: dict[str, State] = {}
    deciding_parents: list[Fact] = []
    of_bodies: list[Fact] = []
    unplaced: list[Sequence[Fact]] = []
    for entity, facts in entities:
        if entity == POLICY:
            policy = policy_in_force(facts)
            continue
        if entity == ACTIVITY_POLICY:
            activity = activity_policy_in_force(facts)
            continue
        deciding_parents += [fact for fact in facts if fact.type in DECIDING_PARENTS]
        states[entity] = _fold_entity(facts, told)
        if isinstance(states[entity], Body):
            of_bodies += facts
        if any(fact.type == _UNPLACED for fact in facts):
            unplaced.append(facts)
    parents, tree = hierarchy(sorted(deciding_parents)), bodies(sorted(of_bodies))
    existence = {entity: state.existence for entity, state in states.items() if isinstance(state, Body)}
    result = Ledger(
        policy=policy, parents=parents.parents, bodies=tree, existence=existence, as_of=as_of, activity_policy=activity
    )
    for entity, state in states.items():
        _place(result, entity, state)
    crossing = (*parents.anomalies, *tree.anomalies, *_inactive(result), *_placed(result, unplaced), *_too_long(result))
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


def _too_long(result: Ledger) -> list[AnomalyFound]:
    """Extensions of terms that go on for more than a year."""
    return [
        AnomalyFound("extension_too_long", branch, 0, None, date.fromordinal(to).isoformat())
        for branch, state in result.branches.items()
        if (life := life_of(state)) is not None
        for to in term(life, result.activity_policy).too_long
    ]
