"""What the log tells of some entities, read inside the writer's turn: up to the event at hand, whatever lags.

The projection's records say which facts stand about an entity up to the position that it has come to. The events after
that are read from the log and folded here; they are kept between turns, so that each is read once, and forgotten once
the projection has passed them. An index in the log's own transaction would need neither, and would cost every
publisher at every event what only those with limits of place ask for: who has none of them never comes here.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.events.facts import LEDGER_FAMILIES, Event, EventKey, Fact, corrected, fact, standing_fact
from projections.ledger.fold.tables import LedgerTables
from projections.ledger.touched import Fits, entities_of, organizations_of
from services.ledger import versions
from services.log.reader import LogReader
from services.system.errors import LedgerBehindError

# Events that the projection has not come to: some 1.3 kB each, and 20 µs of the writer's turn when they are first read.
BEHIND_EVENTS_MAX: Final = 50_000
# So many that the projection has passed are kept before all of them are forgotten.
_PASSED_EVENTS_MAX: Final = 5_000
_CHUNK: Final = 10_000
_ANY_POSITION: Final = 2**63 - 1
_HELD: Final = "SELECT position FROM taizhang.projection_held WHERE version = %s"


class _Layer:
    """Events after some position, and what stands of those that they speak of."""

    def __init__(self) -> None:
        self.events: dict[EventKey, Event] = {}
        self.words: dict[EventKey, list[Event]] = {}
        self.stands: dict[EventKey, Fact | None] = {}
        self.by_entity: dict[str, set[EventKey]] = {}

    def put(self, key: EventKey, stands: Fact | None) -> None:
        self.stands[key] = stands
        if stands is not None:
            self.by_entity.setdefault(stands.entity, set()).add(key)


class RecentEvents:
    """The events that the projection has not come to, kept between turns by one writer."""

    def __init__(self) -> None:
        self.version: int | None = None
        self.after = 0
        self.position = 0
        self.layer = _Layer()

    def begin_at(self, version: int | None, position: int) -> None:
        """Forget what the projection has passed, and everything where another version is in use."""
        passed = position - self.after
        if version != self.version or passed < 0 or passed > max(_PASSED_EVENTS_MAX, self.position - position):
            self.version, self.after, self.position, self.layer = version, position, position, _Layer()


class WritingStory:
    """The story of one turn (projections.ledger.touched.Story); events accepted in it are told to it by `accept`.

    Raises:
        LedgerBehindError: too many events are not projected yet.
    """

    def __init__(self, cursor: Cursor[TupleRow], recent: RecentEvents, head: int, fits: Fits) -> None:
        self._cursor, self._fits = cursor, fits
        self._log = LogReader(cursor.connection)
        version = versions.in_use(cursor)
        number, position = (None, 0) if version is None else version[:2]
        if head - position > BEHIND_EVENTS_MAX:
            raise LedgerBehindError(
                f"{head - position} events wait for the ledger, at most {BEHIND_EVENTS_MAX} may where a grant with "
                "limits is judged; send again once it has caught up (/health)"
            )
        recent.begin_at(number, position)
        self._tables = None if version is None else version.tables
        self._recent = recent.layer
        self._turn = _Layer()
        self._found: dict[EventKey, Event | None] = {}
        self._older_words: dict[EventKey, list[Event]] = {}
        self._recorded: dict[str, dict[EventKey, Fact]] = {}
        self._follow(recent, head)
        held = [p for (p,) in cursor.execute(_HELD, (number,))]
        self._take(self._recent, [each for each in self._log.events(held) if each.key not in self._recent.events])

    def _follow(self, recent: RecentEvents, head: int) -> None:
        while recent.position < head:
            events = self._log.after(recent.position, min(_CHUNK, head - recent.position))
            self._take(self._recent, events)
            recent.position = events[-1].position

    def _take(self, layer: _Layer, events: Sequence[Event]) -> None:
        """Add events to a layer, in order of position."""
        for event in events:
            layer.events[event.key] = event
            if not event.is_fact:
                layer.words.setdefault(event.target, []).append(event)
        keys = dict.fromkeys(event.key if event.is_fact else event.target for event in events)
        self._look_up(keys)
        for key in keys:
            target = self.find(key)
            if target is not None and target.is_fact:
                layer.put(key, standing_fact(target, self.words(key), self._fits))

    def accept(self, event: Event) -> None:
        """Tell of an event that was accepted at its position."""
        self._take(self._turn, (event,))

    def find(self, key: EventKey) -> Event | None:
        for layer in (self._turn, self._recent):
            if key in layer.events:
                return layer.events[key]
        if key not in self._found:
            self._look_up((key,))
        return self._found[key]

    def words(self, target: EventKey) -> list[Event]:
        if target not in self._older_words:
            self._look_up((target,))
        told = [*self._older_words[target], *self._recent.words.get(target, ()), *self._turn.words.get(target, ())]
        return list({event.key: event for event in told}.values())

    def _look_up(self, keys: Iterable[EventKey]) -> None:
        """Read the events of these names and what was said of them, as far as the projection has come."""
        known = (self._turn.events.keys(), self._recent.events.keys(), self._found.keys())
        absent = [key for key in keys if not any(key in names for names in known)]
        self._found.update(dict.fromkeys(absent))
        self._found.update((event.key, event) for event in self._log.find(absent))
        unsaid = [key for key in keys if key not in self._older_words]
        self._older_words.update((key, []) for key in unsaid)
        if self._tables is not None and unsaid:
            said = self._tables.words(self._cursor, unsaid)
            events = {each.position: each for each in self._log.events([p for ps in said.values() for p in ps])}
            self._older_words.update((key, [events[p] for p in positions]) for key, positions in said.items())

    def facts(self, entity: str) -> list[Fact]:
        if entity not in self._recorded:
            self._read((entity,))
        recorded, layers = self._recorded[entity], (self._turn, self._recent)
        keys = set(recorded).union(*(layer.by_entity.get(entity, ()) for layer in layers))
        found = []
        for key in keys:
            told = next((layer for layer in layers if key in layer.stands), None)
            stands = recorded[key] if told is None else told.stands[key]
            if stands is not None and stands.entity == entity:
                found.append(stands)
        return sorted(found)

    def _read(self, entities: Sequence[str]) -> None:
        """Read which facts stand about entities, as far as the projection has come."""
        self._recorded.update((entity, {}) for entity in entities)
        if self._tables is None:
            return
        acts = [entity for entity in entities if not _is_of_the_ledger(entity)]
        for entity in acts:
            self._recorded[entity] = self._acts(self._tables, entity)
        records = self._tables.entities(self._cursor, [entity for entity in entities if entity not in acts])
        positions = {p for record in records.values() for pair in record.facts for p in pair if p}
        events = {event.position: event for event in self._log.events(sorted(positions))}
        for entity, record in records.items():
            facts = [corrected(events[p], events[word]) if word else fact(events[p]) for p, word in record.facts]
            self._recorded[entity] = {(each.source, each.id): each for each in facts}

    def _acts(self, tables: LedgerTables, entity: str) -> dict[EventKey, Fact]:
        """The acts of offices of one name, of which the projection keeps mentions alone."""
        events = self._log.mentioning(tables.schema, [entity], _ANY_POSITION)
        keys = dict.fromkeys(event.key if event.is_fact else event.target for event in events)
        self._look_up(keys)
        targets = [target for key in keys if (target := self.find(key)) is not None and target.is_fact]
        stand = ((each.key, standing_fact(each, self.words(each.key), self._fits)) for each in targets)
        return {key: each for key, each in stand if each is not None and each.entity == entity}

    def prefetch(self, events: Sequence[Event]) -> None:
        """Read in a few queries what judging these events will ask for."""
        keys = dict.fromkeys(event.key if event.is_fact else event.target for event in events)
        by_key: dict[EventKey, Any] = {event.key: event for event in events}
        self._look_up(keys)
        entities: set[str] = set()
        for event in events:
            target = event if event.is_fact else self.find(event.target) or by_key.get(event.target)
            words = self.words(event.key if event.is_fact else event.target)
            entities |= entities_of(event, target, words, self._fits)
        self._read([entity for entity in entities if entity not in self._recorded])
        told = [fact(event) for event in events if event.is_fact]
        orgs = organizations_of([*told, *(each for entity in entities for each in self.facts(entity))])
        self._read([org for org in orgs if org not in self._recorded])


def _is_of_the_ledger(entity: str) -> bool:
    family = entity.partition(":")[0]
    return family in ("uscc", "group") or family in LEDGER_FAMILIES
