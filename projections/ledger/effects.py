"""How a change of one entity's state changes the organizations where that entity is."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from domain.facts import LEDGER_FAMILIES, POLICY, entity_of, family_of
from domain.fold import Branch, Instructor, Member
from domain.terms import EXCLUSION_REASONS, ExclusionReason
from projections.ledger.changes import AT_FORMATION, AT_INSTRUCTORS, AT_STANDING, RawState
from projections.ledger.records import EntityState


class Effect(NamedTuple):
    """What happens to one organization's raw state."""

    org: str
    change: Callable[[RawState], RawState]


def _shift(*steps: tuple[int, int]) -> Callable[[RawState], RawState]:
    """Add to fields of the raw state: (field, how much)."""

    def change(state: RawState) -> RawState:
        counts = list(state)
        for field, by in steps:
            counts[field] += by
        return cast("RawState", tuple(counts))

    return change


def effects(entity: str, before: EntityState, after: EntityState) -> Iterator[Effect]:
    """The changes of raw states when a member, branch or instructor was `before` and is `after`."""
    match before, after:
        case Member(), Member():
            yield from _member_effects(before, after)
        case Branch(), Branch():
            yield from _branch_effects(before, after)
        case Instructor(), Instructor():
            by = int(after.assigned) - int(before.assigned)
            if by:
                yield Effect(entity.partition(" ")[0], _shift((AT_INSTRUCTORS, by)))


def _member_effects(before: Member, after: Member) -> Iterator[Effect]:
    leaves = _at(before)
    arrives = _at(after)
    if leaves is not None and arrives is not None and leaves[0] == arrives[0]:
        if leaves[1] != arrives[1]:
            yield Effect(leaves[0], _shift((leaves[1], -1), (arrives[1], 1)))
        return
    if leaves is not None:
        yield Effect(leaves[0], _shift((leaves[1], -1)))
    if arrives is not None:
        yield Effect(arrives[0], _shift((arrives[1], 1)))


def _at(member: Member) -> tuple[str, int] | None:
    """Where the member counts, and in which field; None where at none of the organizations."""
    if member.standing is None or member.org is None:
        return None
    return member.org, AT_STANDING[member.standing]


def _branch_effects(before: Branch, after: Branch) -> Iterator[Effect]:
    leaves = AT_FORMATION.get(before.formation or "")
    arrives = AT_FORMATION.get(after.formation or "")
    for org in sorted(before.covers - after.covers):
        yield Effect(org, _shift((cast("int", leaves), -1)))
    for org in sorted(after.covers - before.covers):
        yield Effect(org, _shift((cast("int", arrives), 1)))
    if leaves != arrives:
        for org in sorted(before.covers & after.covers):
            yield Effect(org, _shift((cast("int", leaves), -1), (cast("int", arrives), 1)))


def presences(entity: str, before: EntityState, after: EntityState) -> Iterator[tuple[str, str | None]]:
    """Where the entity's presence changed: the organization, and what it now is there or None."""
    if isinstance(before, Branch) and isinstance(after, Branch):
        # Only the difference is looked at: a branch may cover thousands.
        for org in sorted(before.covers - after.covers):
            yield org, None
        same = before.formation == after.formation
        for org in sorted(after.covers - before.covers if same else after.covers):
            yield org, after.formation
        return
    old, new = _present(entity, before), _present(entity, after)
    for org in sorted(old.keys() | new.keys()):
        if old.get(org) != new.get(org):
            yield org, new.get(org)


def _present(entity: str, state: EntityState) -> dict[str, str]:
    match state:
        case Member(standing=str(standing), org=str(org)):
            return {org: standing}
        case Instructor(assigned=True):
            return {entity.partition(" ")[0]: "assigned"}
    return {}


def exclusion_number(reason: ExclusionReason | None) -> int:
    """0 for none, else 1 + the reason's place among the reasons."""
    return 0 if reason is None else 1 + EXCLUSION_REASONS.index(reason)


_IDENTIFIER_FIELDS = ("org", "member", "branch", "instructor", "from_org", "to_org")


def identifiers(type_: str | None, data: Mapping[str, Any]) -> list[str]:
    """Every identifier that data of a type names, each once; the type is None where it is not known.

    The policy goes by `policy`; an office's act by its entity and by its family too, so that a family is found whole.
    """
    get = data.get
    found = [v for f in _IDENTIFIER_FIELDS if isinstance(v := get(f), str)]
    for name in ("covers", "add", "drop"):
        listed = get(name)
        if isinstance(listed, list):
            found += [v for v in listed if isinstance(v, str)]
    if type_ is not None and (family := family_of(type_)) not in LEDGER_FAMILIES:
        found += [entity_of(type_, data), family]
    elif not found and "formations_counted" in data:
        return [POLICY]
    return found if len(found) < 2 else list(dict.fromkeys(found))
