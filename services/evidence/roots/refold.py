"""The two trees of a log at one position and date, folded from its events and from nothing else.

The ledger's fold never crosses entities (domain/ledger), so the events are sorted on disk: first by the event that
they are or speak of, whereby corrections meet their targets; then by entity. In memory is what stands on the date, an
organization's row and a member's place, and never more events than one bucket holds.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final, NamedTuple
from zlib import crc32

import orjson

from domain.events.envelope import check_data
from domain.events.facts import Event, Fact, standing_facts
from domain.ledger.rates import Counts, count_row
from domain.ledger.rows import Ledger, Row, counts_by, ledger_of
from domain.tree import entity_map, sum_tree
from domain.tree.entity_map import (
    Leaf,
    blinded,
    content_of,
    content_of_organization,
    events_hash,
    parts_hash,
)
from domain.tree.merkle import HASH_BYTES, Frontier, TileRoot, leaf_hash
from domain.tree.sum_tree import RegionNode, SumRow
from domain.values.instants import parse_date
from domain.values.terms import KINDS
from services.evidence.copies.stored import StoredEvent, StoredLog, event_of
from services.evidence.roots.belonging import groups_of, is_counted
from services.evidence.roots.spill import Spill
from services.system.errors import TaizhangError

#: Events that one bucket holds, about; each is some 2 kB of memory while it is taken up.
BUCKET_EVENTS: Final = 25_000
BUCKETS_MAX: Final = 512
READ_AT_ONCE: Final = 8_192
MAP_BUCKETS: Final = 256
#: A name, what is said of it, and another: an event's position and leaf hash, an organization where it is, its part of
#: an organization, or its own leaf.
_RECORD_BYTES: Final = HASH_BYTES + 8 + HASH_BYTES + HASH_BYTES
_NOTHING: Final = bytes(HASH_BYTES)
_AT: Final = 1 << 63
_COUNTED: Final = _AT + 1
_OTHER: Final = _AT + 2
_OWN: Final = _AT + 3

#: The counts of a row, by name, in the order in which every node has them, for each of the kinds in turn.
_COUNT_NAMES: Final = tuple(sorted(Counts._fields))
#: The one among them that no row has where no activity policy is in force: then no node has it either.
_JUDGED_ALONE: Final = "effectively_covered"


class ShortLogError(TaizhangError):
    """A log that does not hold the events up to the position asked for."""


class Trees(NamedTuple):
    """The trees of a log at a position and a date.

    Attributes:
        root_hash: of the log's own tree of the first `known_at` events, made anew from their leaves.
        counts: names of the counts of every node, in order, for each of the kinds in turn.
        regions: the sum tree's regions.
        map_root, map_size: the entity map's root and number of entities.
        tile_roots: of the entity map, as domain.tree.merkle.Frontier gives them.
        erased: events whose blinding values are gone, so that nothing shows that these were their bytes.
    """

    as_of: date
    known_at: int
    root_hash: bytes
    counts: tuple[str, ...]
    regions: dict[tuple[int, str], RegionNode]
    map_root: bytes
    map_size: int
    tile_roots: list[TileRoot]
    erased: int

    @property
    def sums_root(self) -> bytes:
        """The sum tree's root."""
        return self.regions[0, ""].hash


def refold(
    log: StoredLog,
    as_of: date,
    known_at: int,
    leaves: BinaryIO,
    *,
    progress: Callable[[int], None] = lambda _: None,
    scratch: Path | None = None,
) -> Trees:
    """Fold a log's first events into the sum tree of a date and the entity map.

    Args:
        log: where the events are; what is stored of their hashes is not believed.
        as_of: the date whose end is asked for.
        known_at: the last position.
        leaves: where the map's leaves are written, 96 bytes each, in order: name, content, and of an organization the
            hash over whoever is there besides itself and members (0 of others).
        progress: called with the number of events done since the last call.
        scratch: where to sort on disk; about as many bytes as the events have.

    Raises:
        ShortLogError: an event up to the position is missing.
    """
    buckets = min(BUCKETS_MAX, 1 + known_at // BUCKET_EVENTS)
    with TemporaryDirectory(prefix="taizhang-roots-", dir=scratch) as folder:
        by_target, by_entity, by_name, of_map = (
            Spill(Path(folder), name, count)
            for name, count in (
                ("targets", buckets),
                ("entities", buckets),
                ("names", MAP_BUCKETS),
                ("map", MAP_BUCKETS),
            )
        )
        root_hash, erased = _read(log, known_at, by_target, progress)
        salt = salt_of(root_hash, known_at)
        for content in by_target.buckets():
            _sort_by_entity(content, as_of, salt, by_entity, by_name)
        for content in by_name.buckets():
            _sort_by_place(content, of_map)
        frontier, tile_roots = Frontier(), list[TileRoot]()
        for content in of_map.buckets():
            made = list(_map_leaves(content))
            leaves.write(b"".join(leaf.name + leaf.content + others for leaf, others in made))
            tile_roots += frontier.extend(entity_map.leaf_hash(leaf) for leaf, _ in made)
        state = ledger_of(_entities(by_entity), as_of)
        names = count_names(judged=state.activity_policy is not None)
        regions = sum_tree.build(_rows(state, salt, names), len(KINDS) * len(names))
    return Trees(as_of, known_at, root_hash, names, regions, frontier.root(), frontier.size, tile_roots, erased)


def salt_of(root_hash: bytes, known_at: int) -> bytes:
    """What the names of a map are blinded with: another one for every head of the log."""
    return hashlib.sha256(b"taizhang/map/salt/1\n" + known_at.to_bytes(8, "big") + root_hash).digest()


def _read(log: StoredLog, known_at: int, spill: Spill, progress: Callable[[int], None]) -> tuple[bytes, int]:
    """Sort the events by their targets; the root of the log's tree, its leaves made anew; how many are erased."""
    frontier, erased = Frontier(), 0
    for first in range(1, known_at + 1, READ_AT_ONCE):
        last = min(first + READ_AT_ONCE - 1, known_at)
        for stored in log.events(first, last):
            hashed = leaf_hash(stored.leaf(stored.position))
            frontier.append(hashed)
            erased += stored.is_erased
            if stored.position != frontier.size:
                raise ShortLogError(f"position {frontier.size} is missing: run taizhang verify")
            _keep(stored, hashed, spill)
        if frontier.size != last:
            raise ShortLogError(f"the log ends at position {frontier.size}, the trees are asked for at {known_at}")
        progress(last - first + 1)
    return frontier.root(), erased


def _keep(stored: StoredEvent, hashed: bytes, spill: Spill) -> None:
    try:
        event = event_of(stored)
    except ValueError:
        return  # the ledger has no part of what cannot be read either; verify tells of it
    source, id_ = event.key if event.is_fact else event.target
    record = orjson.dumps((event.position, event.source, event.id, event.type, event.time_ns, event.data, hashed.hex()))
    spill.add(crc32(f"{source}\n{id_}".encode()) % len(spill), record + b"\n")


def _fits(type_: str, data: object) -> bool:
    return not check_data(type_, data)


def _sort_by_entity(content: bytes, as_of: date, salt: bytes, by_entity: Spill, by_name: Spill) -> None:
    events, hashes = list[Event](), dict[int, bytes]()
    for line in content.splitlines():
        *values, hashed = orjson.loads(line)
        events.append(Event(*values))
        hashes[events[-1].position] = bytes.fromhex(hashed)
    for group in groups_of(events, _fits):
        names = {entity: blinded(salt, entity) for entity in {*group.about, *(entity for _, entity in group.at)}}
        for name in map(names.__getitem__, group.about):
            for event in group.events:
                by_name.add(name[0], _record(name, event.position, hashes[event.position]))
        for organization, entity in group.at:
            name, kind = names[entity], _COUNTED if is_counted(organization, entity) else _OTHER
            by_name.add(name[0], _record(name, kind, names.get(organization) or blinded(salt, organization)))
    for fact in standing_facts(events, _fits)[0]:
        if counts_by(fact, as_of):
            by_entity.add(crc32(fact.entity.encode()) % len(by_entity), orjson.dumps(tuple(fact)) + b"\n")


def _entities(by_entity: Spill) -> Iterator[tuple[str, list[Fact]]]:
    for content in by_entity.buckets():
        found: dict[str, list[Fact]] = {}
        for line in content.splitlines():
            fact = _fact(orjson.loads(line))
            found.setdefault(fact.entity, []).append(fact)
        for entity, facts in found.items():
            yield entity, sorted(facts)


def _fact(values: list[Any]) -> Fact:
    return Fact._make((parse_date(values[0]), *values[1:8], tuple(values[8])))


def _record(name: bytes, kind: int, one: bytes, other: bytes = _NOTHING) -> bytes:
    return name + kind.to_bytes(8, "big") + one + other


def _records(content: bytes) -> Iterator[tuple[bytes, list[tuple[int, bytes, bytes]]]]:
    """By name, in order, what is said of it: kind or position, and two values; each once, in order."""
    records = sorted({content[at : at + _RECORD_BYTES] for at in range(0, len(content), _RECORD_BYTES)})
    for name, group in groupby(records, lambda record: record[:HASH_BYTES]):
        rest = (record[HASH_BYTES:] for record in group)
        yield name, [(int.from_bytes(each[:8]), each[8 : 8 + HASH_BYTES], each[8 + HASH_BYTES :]) for each in rest]


def _sort_by_place(content: bytes, of_map: Spill) -> None:
    """What the events of each entity are: its own leaf's, or a part of those of the organizations where it was."""
    for name, said in _records(content):
        events = [(position, hashed) for position, hashed, _ in said if position < _AT]
        made = content_of(len(events), events_hash(events))
        places = [(kind, place) for kind, place, _ in said if kind > _AT]
        for kind, place in places:
            of_map.add(place[0], _record(place, kind, name, made))
        # An organization, which is at itself, has its parts instead.
        if name not in {place for _, place in places}:
            of_map.add(name[0], _record(name, _OWN, made))


def _map_leaves(content: bytes) -> Iterator[tuple[Leaf, bytes]]:
    """The leaves of the entities of one bucket, in order of their names; of an organization the second half apart."""
    for name, said in _records(content):
        own = [one for kind, one, _ in said if kind == _OWN]
        counted, others = (
            parts_hash(Leaf(one, other) for each, one, other in said if each == kind) for kind in (_COUNTED, _OTHER)
        )
        yield Leaf(name, own[0] if own else content_of_organization(counted, others)), _NOTHING if own else others


def count_names(*, judged: bool) -> tuple[str, ...]:
    """The names of the counts of a tree; `judged`: an activity policy is in force."""
    return tuple(name for name in _COUNT_NAMES if judged or name != _JUDGED_ALONE)


def _rows(state: Ledger, salt: bytes, names: tuple[str, ...]) -> Iterable[SumRow]:
    return sorted(
        (SumRow(row.attributes.region, blinded(salt, row.org), counts_of(row, names)) for row in state.rows()),
        key=lambda row: (row.region, row.name),
    )


def counts_of(row: Row, names: tuple[str, ...]) -> tuple[int, ...]:
    """A row's counts as the tree has them: those of its own kind, and nothing under the others."""
    counts = count_row(row)
    own = [int(getattr(counts, name)) for name in names]
    none = [0] * len(own)
    return tuple(count for kind in KINDS for count in (own if kind == row.attributes.kind else none))
