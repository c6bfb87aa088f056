"""What the projection remembers of each entity and organization between batches."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from domain.ledger.activity import ActivityPolicy, activity_policy_data, read_activity_policy
from domain.ledger.branches import Branch
from domain.ledger.entities import Attributes, Instructor, Member, Organization, State
from domain.ledger.placements import Body, Said
from domain.ledger.policy import DEFAULT_POLICY, Policy
from projections.ledger.fold.branch_records import More, decode_more, encode_more
from projections.ledger.rows import EMPTY, FOREVER, NO_ENTRY, Entry, RawState

# The first five fields of domain.events.facts.Fact, the date as an ordinal: the canonical order.
FactOrder = tuple[int, int, int, str, str]
EntityState = State | Policy | ActivityPolicy | None


@dataclass(slots=True)
class EntityRecord:
    """One entity: its state after its last fact, and which facts stand.

    Attributes:
        family: organization, member, branch, instructor, body, policy or activity_policy.
        state: the state after all facts known.
        last: the canonical order of the last fact; None before the first.
        facts: position of each standing fact's event and of the correction that decides it, or 0.
        more: of a branch its life, of the activity policy what concerns all branches.
    """

    family: str
    state: EntityState
    last: FactOrder | None = None
    facts: list[tuple[int, int]] = field(default_factory=list)
    more: More = None


_INITIAL: dict[str, EntityState] = {
    "organization": Organization(),
    "member": Member(),
    "branch": Branch(),
    "instructor": Instructor(),
    "body": Body(),
    "policy": DEFAULT_POLICY,
    "activity_policy": None,
}


def initial(family: str) -> EntityState:
    """The state of an entity of this family before its first fact."""
    return _INITIAL[family]


def encode_entity(record: EntityRecord) -> bytes:
    """Give the record as JSON."""
    state: Any = record.state
    if isinstance(state, Branch):
        state = (*state[:4], sorted(state.covers), sorted(state.pairs), *state[6:])
    elif isinstance(state, ActivityPolicy):
        state = activity_policy_data(state)
    return orjson.dumps((record.family, state, record.last, record.facts, encode_more(record.more)), default=tuple)


def decode_entity(raw: bytes) -> EntityRecord:
    """Read what `encode_entity` wrote."""
    family, fields, last, facts, more = orjson.loads(raw)
    return EntityRecord(
        family,
        _decode_state(family, fields),
        cast("FactOrder", tuple(last)) if last else None,
        [(p, w) for p, w in facts],
        decode_more(family, more),
    )


def _decode_state(family: str, fields: Any) -> EntityState:  # noqa: ANN401, PLR0911 - as JSON has it; one a family
    match family:
        case "organization":
            attributes = Attributes(*fields[0]) if fields[0] else None
            return Organization(attributes, fields[1], tuple(_said(each) for each in fields[2]))
        case "member":
            return Member(*fields)
        case "branch":
            told = dict(zip(Branch._fields, fields, strict=True))
            told["covers"] = frozenset(told["covers"])
            told["pairs"] = frozenset((org, how) for org, how in told["pairs"])
            told["extended_to"] = tuple(told["extended_to"])
            told["meetings"] = tuple((day, kind) for day, kind in told["meetings"])
            return Branch(**told)
        case "activity_policy":
            return None if fields is None else read_activity_policy(fields)
        case "instructor":
            return Instructor(*fields)
        case "body":
            kind, existence = fields
            return Body(kind, tuple((_order(order), each) for order, each in existence))
        case _:
            return Policy(fields[0], fields[1], tuple(fields[2]), *fields[3:])


def _said(fields: list[Any]) -> Said:
    order, placed, body, kind = fields
    return Said(_order(order), placed, body, kind)


def _order(fields: list[Any]) -> FactOrder:
    return cast("FactOrder", tuple(fields))


@dataclass(slots=True)
class OrganizationRecord:
    """One organization's raw states as known now: segment i spans [days[i], days[i + 1]).

    `entries[i]` is the entry that last spoke of the segment; `attributes` numbers each value
    that the organization's attributes ever had; `branches` are those that ever covered it.
    """

    org_no: int
    days: list[int] = field(default_factory=lambda: [0])
    states: list[RawState] = field(default_factory=lambda: [EMPTY])
    entries: list[int] = field(default_factory=lambda: [NO_ENTRY])
    attributes: dict[Attributes, int] = field(default_factory=dict)
    branches: set[str] = field(default_factory=set)

    def weights(self, day_from: int, day_to: int, weigh: Callable[[RawState], int]) -> list[tuple[int, int, int]]:
        """What its states weigh on the days [day_from, day_to), in stretches of one state."""
        found = []
        for i in range(bisect_right(self.days, day_from) - 1, bisect_left(self.days, day_to)):
            end = self.days[i + 1] if i + 1 < len(self.days) else FOREVER
            found.append((max(self.days[i], day_from), min(end, day_to), weigh(self.states[i])))
        return found

    def override(
        self,
        day_from: int,
        day_to: int,
        change: Callable[[RawState], RawState],
        position: int,
        entry: int,
    ) -> list[Entry]:
        """Change the states on the days [day_from, day_to); give the entries, numbered from `entry`."""
        if day_to >= FOREVER and day_from > self.days[-1]:
            # The usual case: the last state changes, on a later day.
            before = self.states[-1]
            after = change(before)
            self.days.append(day_from)
            self.states.append(after)
            if after == before:
                self.entries.append(self.entries[-1])
                return []
            added = [Entry(entry, position, self.org_no, day_from, FOREVER, self.entries[-1], after)]
            self.entries.append(entry)
            return added
        first = self._split(day_from)
        last = len(self.days) if day_to >= FOREVER else self._split(day_to)
        added = []
        for i in range(first, last):
            before = self.states[i]
            after = change(before)
            if after == before:
                continue
            end = self.days[i + 1] if i + 1 < len(self.days) else FOREVER
            number = entry + len(added)
            added.append(Entry(number, position, self.org_no, self.days[i], end, self.entries[i], after))
            self.states[i] = after
            self.entries[i] = number
        return added

    def _split(self, day: int) -> int:
        """Make a segment begin on `day`; give its index."""
        i = bisect_left(self.days, day)
        if i == len(self.days) or self.days[i] != day:
            i = bisect_right(self.days, day)
            self.days.insert(i, day)
            self.states.insert(i, self.states[i - 1])
            self.entries.insert(i, self.entries[i - 1])
        return i


def encode_organization(record: OrganizationRecord) -> bytes:
    """Give the record as JSON."""
    return orjson.dumps(
        (
            record.org_no,
            record.days,
            record.states,
            record.entries,
            list(record.attributes.items()),
            sorted(record.branches),
        ),
        default=tuple,
    )


def decode_organization(raw: bytes) -> OrganizationRecord:
    """Read what `encode_organization` wrote."""
    org_no, days, states, entries, attributes, branches = orjson.loads(raw)
    return OrganizationRecord(
        org_no,
        days,
        [cast("RawState", tuple(s)) for s in states],
        entries,
        {Attributes(*a): n for a, n in attributes},
        {*branches},
    )
