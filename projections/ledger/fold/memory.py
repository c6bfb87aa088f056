"""What the fold remembers, loaded from the ledger's tables a batch at a time and cached."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from psycopg import Cursor

from domain.events.facts import Event, EventKey, entity_of
from domain.events.types import RANKS
from domain.ledger.branches import Branch
from domain.ledger.entities import Member
from domain.ledger.placements import NOTHING_SAID, Answers, Body, Existence
from projections.ledger.columns.rows import LedgerReading
from projections.ledger.fold.effects import identifiers
from projections.ledger.fold.records import (
    EntityRecord,
    OrganizationRecord,
    encode_entity,
    encode_organization,
    initial,
)
from projections.ledger.fold.tables import LedgerTables
from projections.ledger.rows import Changes

# Records kept between batches; at some 1 to 3 kB each this bounds the projector's memory.
CACHED_RECORDS_MAX: Final = 60_000


class Log(Protocol):
    """The events already accepted."""

    def events(self, positions: Sequence[int]) -> list[Event]:
        """The events at these positions, in any order."""

    def find(self, keys: Sequence[EventKey]) -> list[Event]:
        """Those of the named events that are known."""


class LedgerMemory:
    """The fold's memory over PostgreSQL: `prefetch` a batch, fold it, `save` what it changed."""

    def __init__(self, tables: LedgerTables, log: Log, next_org_no: int) -> None:
        self._tables = tables
        self._log = log
        self._next_org_no = next_org_no
        self._entities: dict[str, EntityRecord] = {}
        self._organizations: dict[str, OrganizationRecord] = {}
        self._dirty_entities: dict[str, EntityRecord] = {}
        self._dirty_organizations: dict[str, OrganizationRecord] = {}
        self._events: dict[int, Event] = {}
        self._by_key: dict[EventKey, Event] = {}
        self._words: dict[EventKey, list[int]] = {}
        self._wanted: set[str] = set()
        self._looked_for: set[str] = set()
        self._answers: dict[Answers, int] | None = None
        self._cursor: Cursor[Any]
        self.now = 0

    def event(self, position: int) -> Event:
        if position not in self._events:
            self._remember(self._log.events([position]))
        return self._events[position]

    def find(self, key: EventKey) -> Event | None:
        event = self._by_key.get(key)
        return event if event is not None and event.position < self.now else None

    def words(self, target: EventKey) -> list[Event]:
        return [self.event(p) for p in self._words.get(target, ()) if p < self.now]

    def entity(self, name: str, family: str) -> EntityRecord:
        if name not in self._entities:
            self._load((name,), ())
        record = self._entities.get(name)
        if record is None:
            record = self._entities[name] = EntityRecord(family, initial(family))
        self._dirty_entities[name] = record
        return record

    def organization(self, org: str, changes: Changes) -> OrganizationRecord:
        if org not in self._organizations:
            self._load((), (org,))
        record = self._organizations.get(org)
        if record is None:
            record = self._organizations[org] = OrganizationRecord(self._next_org_no)
            changes.organizations.append((self._next_org_no, org))
            self._next_org_no += 1
        self._dirty_organizations[org] = record
        return record

    def branches(self) -> list[str]:
        remembered = {name for name, record in self._entities.items() if record.family == "branch"}
        return sorted(remembered.union(self._tables.branches(self._cursor)))

    def expect(self, entities: Iterable[str], organizations: Iterable[str]) -> None:
        self._load(entities, organizations)

    def existence(self, body: str) -> Existence:
        if body not in self._entities:
            self._load((body,), ())
        record = self._entities.get(body)
        return record.state.existence if record is not None and isinstance(record.state, Body) else ()

    def put_under(self, bodies: Iterable[str], org: str) -> None:
        """The tables tell it: every event's mentions stand there."""

    def under(self, body: str, changes: Changes) -> list[str]:
        positions = [*self._tables.naming(self._cursor, body)]
        positions += [each.position for each in changes.mentions if each.identifier == body]
        self._remember_missing(positions)
        told = [self._events[position].data for position in set(positions)]
        told += [data["replacement"] for data in told if isinstance(data.get("replacement"), dict)]
        orgs = {each for data in told for each in identifiers(None, data) if is_organization(each)}
        self._load(orgs, orgs)
        return self._with_facts(orgs)

    def _with_facts(self, orgs: Iterable[str]) -> list[str]:
        """Those of which there are facts, in order; their facts are read in one query."""
        found = sorted(org for org in orgs if org in self._entities)
        references = (reference for org in found for reference in self._entities[org].facts)
        self._remember_missing(p for reference in references for p in reference if p)
        return found

    def answers(self, answers: Answers, changes: Changes) -> int:
        if self._answers is None:
            known = LedgerReading(self._tables.schema).answers(self._cursor, 1)
            self._answers = {each: number for number, each in enumerate([NOTHING_SAID, *known])}
        number = self._answers.get(answers)
        if number is None:
            number = self._answers[answers] = len(self._answers)
            changes.answers.append((number, answers))
        return number

    def prefetch(self, cursor: Cursor[Any], batch: Sequence[Event]) -> None:
        """Load, in a few queries, all that folding this batch will ask for."""
        self._cursor = cursor
        self._looked_for.clear()
        self._events.clear()
        self._by_key.clear()
        self._remember(batch)
        targets = {e.target for e in batch if not e.is_fact}
        self._remember(self._log.find([t for t in targets if t not in self._by_key]))
        keys = targets.union(e.key for e in batch)
        self._words = self._tables.words(cursor, list(keys))
        for word in (e for e in batch if not e.is_fact):
            self._words.setdefault(word.target, []).append(word.position)
        self._remember_missing(p for known in self._words.values() for p in known)
        self._load_entities(batch)
        self._load_facts(batch)
        self._load_organizations()

    def _remember(self, events: Iterable[Event]) -> None:
        for event in events:
            self._events[event.position] = event
            self._by_key[event.key] = event

    def _remember_missing(self, positions: Iterable[int]) -> None:
        missing = {p for p in positions if p not in self._events}
        if missing:
            self._remember(self._log.events(sorted(missing)))

    def _spoken_of(self, event: Event) -> list[str]:
        """The entities whose timeline the event may change."""
        if event.is_fact:
            found = [entity_of(event.type, event.data)]
            found += self._replaced(event, self._words.get(event.key, ()))
            return found
        target = self._by_key.get(event.target)
        if target is None or not target.is_fact:
            return []
        return [
            entity_of(target.type, target.data),
            *self._replaced(target, self._words.get(target.key, ())),
        ]

    def _replaced(self, target: Event, words: Iterable[int]) -> list[str]:
        names = []
        for position in words:
            replacement = self._events[position].data.get("replacement")
            if replacement is not None:
                try:
                    names.append(entity_of(target.type, replacement))
                except KeyError:  # a replacement that does not fit has no effect
                    continue
        return names

    def _load_entities(self, batch: Sequence[Event]) -> None:
        wanted = {name for event in batch for name in self._spoken_of(event)}
        wanted.update(body for event in batch if isinstance(body := event.data.get("body"), str))
        self._load(wanted, ())
        self._wanted = wanted

    def _load_facts(self, batch: Sequence[Event]) -> None:
        """Load the facts of the entities that may have to be folded anew."""
        late: set[str] = set()
        for event in batch:
            if event.type in RANKS and not (self._words and event.key in self._words):
                name = entity_of(event.type, event.data)
                record = self._entities.get(name)
                last = None if record is None else record.last
                if last is not None and event.effective_on.toordinal() <= last[0]:
                    late.add(name)
            else:
                late.update(self._spoken_of(event))
        records = (self._entities[name] for name in late if name in self._entities)
        self._remember_missing(p for r in records for reference in r.facts for p in reference if p)

    def _load_organizations(self) -> None:
        wanted: set[str] = set()
        for event in self._events.values():
            data = event.data
            wanted.update(identifiers(None, data))
            if not event.is_fact and isinstance(replacement := data.get("replacement"), dict):
                wanted.update(identifiers(None, replacement))
        for name in self._wanted:
            record = self._entities.get(name)
            if record is not None and isinstance(record.state, Member | Branch):
                wanted.update(_places(record.state))
        orgs = list(filter(is_organization, wanted))
        self._load((), orgs)
        # Whose life members decide: they are asked for with the organizations that they cover.
        records = (self._organizations.get(org) for org in orgs)
        self._load(sorted({branch for record in records if record is not None for branch in record.branches}), ())

    def _load(self, entities: Iterable[str], organizations: Iterable[str]) -> None:
        """Load records not looked for yet in this batch; what is then missing does not exist."""
        names = [n for n in entities if n not in self._entities and n not in self._looked_for]
        if names:
            self._entities.update(self._tables.entities(self._cursor, names))
            self._looked_for.update(names)
        orgs = [o for o in organizations if o not in self._organizations and "=" + o not in self._looked_for]
        if orgs:
            self._organizations.update(self._tables.organizations(self._cursor, orgs))
            self._looked_for.update("=" + o for o in orgs)

    def save(self, cursor: Cursor[Any], changes: Changes) -> None:
        """Write the rows of the batch and the records that it changed."""
        self._tables.add(cursor, changes)
        self._tables.save(cursor, self._dirty_entities, self._dirty_organizations)

    def settle(self) -> None:
        """After the commit: nothing is dirty, and the cache is cut to its limit."""
        self._dirty_entities = {}
        self._dirty_organizations = {}
        if len(self._entities) > CACHED_RECORDS_MAX:
            self._entities.clear()
        if len(self._organizations) > CACHED_RECORDS_MAX:
            self._organizations.clear()


def is_organization(identifier: str) -> bool:
    """Whether it names an organization."""
    return identifier.startswith(("uscc:", "group:"))


def _places(state: Member | Branch) -> Iterable[str]:
    if isinstance(state, Branch):
        return state.covers
    return (state.org,) if state.org is not None else ()


_Record = TypeVar("_Record")


class BuildingMemory(LedgerMemory):
    """The fold's memory from the log's first event on, over tables that were empty."""

    def __init__(self, tables: LedgerTables, log: Log) -> None:
        super().__init__(tables, log, 0)
        self._said: dict[EventKey, list[int]] = {}
        self._under: dict[str, set[str]] = {}
        self._answers = {NOTHING_SAID: 0}

    def entity(self, name: str, family: str) -> EntityRecord:
        record = self._entities.get(name)
        if record is None:
            record = self._entities[name] = EntityRecord(family, initial(family))
        return record

    def organization(self, org: str, changes: Changes) -> OrganizationRecord:
        record = self._organizations.get(org)
        if record is None:
            number = len(self._organizations)
            record = self._organizations[org] = OrganizationRecord(number)
            changes.organizations.append((number, org))
        return record

    def branches(self) -> list[str]:
        return sorted(name for name, record in self._entities.items() if record.family == "branch")

    def expect(self, entities: Iterable[str], organizations: Iterable[str]) -> None:
        """All are at hand."""

    def existence(self, body: str) -> Existence:
        record = self._entities.get(body)
        return record.state.existence if record is not None and isinstance(record.state, Body) else ()

    def put_under(self, bodies: Iterable[str], org: str) -> None:
        for body in bodies:
            self._under.setdefault(body, set()).add(org)

    def under(self, body: str, changes: Changes) -> list[str]:
        del changes  # all that was put under a body is remembered
        return self._with_facts(self._under.get(body, ()))

    def words(self, target: EventKey) -> list[Event]:
        return [self.event(p) for p in self._said.get(target, ()) if p < self.now]

    def prefetch(self, cursor: Cursor[Any], batch: Sequence[Event]) -> None:
        """Read, in a few queries, the earlier events that folding this batch will ask for."""
        self._cursor = cursor
        self._events.clear()
        self._by_key.clear()
        self._remember(batch)
        words = [event for event in batch if event.type not in RANKS]
        for word in words:
            self._said.setdefault(word.target, []).append(word.position)
        self._remember(self._log.find(list({word.target for word in words} - self._by_key.keys())))
        spoken_of = self._by_key.keys() & self._said.keys()
        self._words = {key: self._said[key] for key in spoken_of.union(word.target for word in words)}
        self._remember_missing(p for said in self._words.values() for p in said)
        self._load_facts(batch)

    def write(self, cursor: Cursor[Any]) -> None:
        """Write all records, in order of their names, which fills the tables' indexes from left to right."""
        entities, organizations = self._entities, self._organizations
        self._tables.fill(cursor, "entity", _encoded(entities, encode_entity))
        self._tables.fill(cursor, "organization_record", _encoded(organizations, encode_organization))


def _encoded(records: Mapping[str, _Record], encode: Callable[[_Record], bytes]) -> Iterator[tuple[str, bytes]]:
    return ((name, encode(records[name])) for name in sorted(records))
