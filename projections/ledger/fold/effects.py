"""How a change of one entity's state changes the organizations where that entity is."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple, cast

from domain.events.facts import ACTIVITY_POLICY, LEDGER_FAMILIES, POLICY, Event, entity_of, family_of
from domain.events.types import EVENT_TYPES, RANKS
from domain.ledger.branches import Branch, formations
from domain.ledger.entities import Instructor, Member, counted_as
from domain.values.terms import EXCLUSION_REASONS, ExclusionReason, Formation
from projections.ledger.fold.records import EntityState
from projections.ledger.rows import AT_COUNTED, AT_EFFECTIVE, AT_FORMATION, AT_INSTRUCTORS, RawState

Change = Callable[[RawState], RawState]


class Effect(NamedTuple):
    """What happens to one organization's raw state."""

    org: str
    change: Change


def _step(field: int, by: int) -> Change:
    """Add to one field of the raw state."""

    def change(state: RawState) -> RawState:
        return cast("RawState", (*state[:field], state[field] + by, *state[field + 1 :]))

    return change


def _both(first: Change, second: Change) -> Change:
    return lambda state: second(first(state))


_FIELDS: Final = (*AT_COUNTED.values(), *AT_FORMATION.values(), AT_INSTRUCTORS, *AT_EFFECTIVE.values())
# Made once: a rebuild asks for one with almost every event.
_MORE: Final[dict[int, Change]] = {field: _step(field, 1) for field in _FIELDS}
_LESS: Final[dict[int, Change]] = {field: _step(field, -1) for field in _FIELDS}
_INSTEAD: Final[dict[tuple[int, int], Change]] = {
    (old, new): _both(_LESS[old], _MORE[new]) for old in _FIELDS for new in _FIELDS if old != new
}


def covered_in_effect(before: Formation | None, after: Formation | None) -> Change:
    """What it does to an organization that a branch in effect covered by one formation and covers by another.

    None stands for a branch that does not cover it, or is not in effect; one of the two is none at most.
    """
    if before is None:
        return _MORE[AT_EFFECTIVE[cast("Formation", after)]]
    return _LESS[AT_EFFECTIVE[before]] if after is None else _INSTEAD[AT_EFFECTIVE[before], AT_EFFECTIVE[after]]


def effects(entity: str, before: EntityState, after: EntityState) -> list[Effect]:
    """The changes of raw states when a member, branch or instructor was `before` and is `after`."""
    if isinstance(after, Member):
        return _member_effects(cast("Member", before), after)
    if isinstance(after, Branch):
        return list(_branch_effects(cast("Branch", before), after))
    if isinstance(after, Instructor) and after != before:
        return [Effect(entity.partition(" ")[0], (_MORE if after.assigned else _LESS)[AT_INSTRUCTORS])]
    return []


def _member_effects(before: Member, after: Member) -> list[Effect]:
    leaves = None if before.standing is None or before.org is None else before.org
    arrives = None if after.standing is None or after.org is None else after.org
    if leaves == arrives:
        if leaves is None or (was := AT_COUNTED[counted_as(before)]) == (now := AT_COUNTED[counted_as(after)]):
            return []
        return [Effect(leaves, _INSTEAD[was, now])]
    found = []
    if leaves is not None:
        found.append(Effect(leaves, _LESS[AT_COUNTED[counted_as(before)]]))
    if arrives is not None:
        found.append(Effect(arrives, _MORE[AT_COUNTED[counted_as(after)]]))
    return found


def _branch_effects(before: Branch, after: Branch) -> Iterator[Effect]:
    for org, how in sorted(formations(before, before.covers - after.covers).items()):
        yield Effect(org, _LESS[AT_FORMATION[how]])
    for org, how in sorted(formations(after, after.covers - before.covers).items()):
        yield Effect(org, _MORE[AT_FORMATION[how]])
    if not _covers_alike(before, after):
        stay = before.covers & after.covers
        was, now = formations(before, stay), formations(after, stay)
        for org in sorted(org for org in stay if was[org] != now[org]):
            yield Effect(org, _INSTEAD[AT_FORMATION[was[org]], AT_FORMATION[now[org]]])


def _covers_alike(before: Branch, after: Branch) -> bool:
    """Whether what both cover is covered alike; a branch may cover thousands, whose formations need no look then."""
    return before.formation == after.formation and before.pairs == after.pairs


def presences(entity: str, before: EntityState, after: EntityState) -> list[tuple[str, str | None]]:
    """Where the entity's presence changed: the organization, and what it now is there or None."""
    if isinstance(before, Branch) and isinstance(after, Branch):
        looked_at = after.covers - before.covers if _covers_alike(before, after) else after.covers
        was, now = formations(before, looked_at & before.covers), formations(after, looked_at)
        gone = sorted(before.covers - after.covers)
        return [(org, None) for org in gone] + [(org, now[org]) for org in sorted(now) if was.get(org) != now[org]]
    old, new = _present(entity, before), _present(entity, after)
    if old == new:
        return []
    found: list[tuple[str, str | None]] = [] if new is None else [new]
    if old is not None and (new is None or old[0] != new[0]):
        found.append((old[0], None))
    return sorted(found) if len(found) > 1 else found


def _present(entity: str, state: EntityState) -> tuple[str, str] | None:
    """The one organization where a member or instructor is, and as what."""
    if isinstance(state, Member):
        return None if state.standing is None or state.org is None else (state.org, counted_as(state))
    if isinstance(state, Instructor) and state.assigned:
        return (entity.partition(" ")[0], "assigned")
    return None


def exclusion_number(reason: ExclusionReason | None) -> int:
    """0 for none, else 1 + the reason's place among the reasons."""
    return 0 if reason is None else 1 + EXCLUSION_REASONS.index(reason)


# An entity of a list is its source, of 256 characters.
IDENTIFIER_LENGTH_MAX: Final = 300
_IDENTIFIER_FIELDS: Final = ("org", "member", "branch", "instructor", "from_org", "to_org", "parent", "body")
_LISTS: Final = ("covers", "add", "drop")
# Types of which `identifiers` names more than their fields do.
_NAMED_MORE: Final = frozenset({
    "taizhang.branch.formed.v1", "taizhang.branch.changed.v1", "taizhang.organization.unplaced.v1",
    "taizhang.body.created.v1", "taizhang.body.changed.v1", "taizhang.body.closed.v1",
})  # fmt: skip
# What names a branch's parent is found by this, whole; what is said of bodies, and that an organization left one.
HIERARCHY: Final = "hierarchy"
BODIES: Final = "body"
UNPLACED: Final = "unplaced"
_POLICIES: Final = frozenset({POLICY, ACTIVITY_POLICY})
_OF_A_PLACE: Final = frozenset({"order", "score", "survey"})


@cache
def _fields_of(type_: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The fields of a ledger's type that name one other, and those that name several; None for all other types."""
    family = family_of(type_)
    if type_ not in RANKS or family not in LEDGER_FAMILIES or family in _POLICIES or type_ in _NAMED_MORE:
        return None
    fields = EVENT_TYPES[type_].model_fields
    return tuple(f for f in _IDENTIFIER_FIELDS if f in fields), tuple(f for f in _LISTS if f in fields)


def named_by(event: Event) -> list[str]:
    """As `identifiers`, of an event that was accepted, whose data has the fields of its type and no others."""
    fields = _fields_of(event.type)
    if fields is None:
        return identifiers(event.type, event.data)
    get = event.data.get
    found = [v for f in fields[0] if (v := get(f)) is not None]
    for name in fields[1]:
        found += (item if isinstance(item, str) else item["org"] for item in get(name) or ())
    return found if len(found) < 2 else list(dict.fromkeys(found))


def identifiers(type_: str | None, data: Mapping[str, Any]) -> list[str]:
    """Every identifier that data of a type names, each once; the type is None where it is not known.

    The policy goes by `policy`; an office's act by its entity and by its family too, so that a family is found whole.
    A branch that covers nothing yet is its region's: where it is formed is named as `division:` and the code. The
    division or body that an order, a score or a survey is of is named as `place:` and its code.
    """
    get = data.get
    found = [v for f in _IDENTIFIER_FIELDS if isinstance(v := get(f), str)]
    for name in _LISTS:
        listed = get(name)
        if isinstance(listed, list):
            items = (item.get("org") if isinstance(item, dict) else item for item in listed)
            found += [v for v in items if isinstance(v, str)]
    if "branch" in data and isinstance(region := get("region"), str):
        found.append(f"division:{region}")
    if "branch" in data and "parent" in data:
        found.append(HIERARCHY)
    if type_ == "taizhang.organization.unplaced.v1":
        found.append(UNPLACED)
    elif type_ is not None and family_of(type_) == BODIES:
        found.append(BODIES)
    if type_ is not None and (family := family_of(type_)) not in LEDGER_FAMILIES:
        found += [*_places_of(family, data), entity_of(type_, data), family]
    elif not found and "formations_counted" in data:
        return [POLICY]
    elif not found and "vacant_days_max" in data:
        return [ACTIVITY_POLICY]
    # A replacement that fits no type may hold any text there; an index takes none of any length.
    return list(dict.fromkeys(each for each in found if len(each) <= IDENTIFIER_LENGTH_MAX))


def _places_of(family: str, data: Mapping[str, Any]) -> list[str]:
    """The division or body that an act of no organization is of; whoever is limited sees those of theirs alone."""
    if family not in _OF_A_PLACE or "org" in data:
        return []
    unknown = data.get("unknown")
    told = (data.get("region"), data.get("body"), unknown.get("region") if isinstance(unknown, dict) else None)
    return [f"place:{each}" for each in told if isinstance(each, str)]
