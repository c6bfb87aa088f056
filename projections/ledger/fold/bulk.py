"""What the fold remembers while a version is built from nothing: everything, so that no record is read back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from psycopg import Cursor

from domain.events.facts import Event, EventKey
from domain.events.types import RANKS
from projections.ledger.fold.memory import LedgerMemory, Log
from projections.ledger.fold.records import (
    EntityRecord,
    OrganizationRecord,
    encode_entity,
    encode_organization,
    initial,
)
from projections.ledger.fold.tables import LedgerTables
from projections.ledger.rows import Changes

_Record = TypeVar("_Record")


class BuildingMemory(LedgerMemory):
    """The fold's memory from the log's first event on, over tables that were empty."""

    def __init__(self, tables: LedgerTables, log: Log) -> None:
        super().__init__(tables, log, 0)
        self._said: dict[EventKey, list[int]] = {}

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
