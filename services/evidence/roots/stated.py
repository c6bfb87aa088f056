"""What the log states of the two trees: the event with their roots, read and made."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import orjson

from domain.access.rights import Right
from domain.events.evidence import FORMAT, ROOTED
from domain.events.facts import Event
from domain.tree.entity_map import MapRoot
from domain.values.instants import parse_date
from domain.values.terms import KINDS
from services.evidence.roots.refold import Trees, salt_of
from services.log.messages import Publisher

#: The service's own word, as source and as publisher: no holder of a grant can have a name with a slash.
SOURCE: Final = "/taizhang/evidence"
PUBLISHER: Final = Publisher(SOURCE, (Right(types=frozenset({ROOTED}), of_service=True),))


class Stated(NamedTuple):
    """The roots as an event states them.

    Attributes:
        position: of the event.
        known_at, as_of: the pair of clocks; `root_hash` is of the log's own tree at that position.
        kinds, counts: names of what each node counts, for each kind in turn.
        sums: the sum tree's root.
        map: the entity map's.
    """

    position: int
    as_of: date
    known_at: int
    root_hash: bytes
    ruleset: str
    kinds: tuple[str, ...]
    counts: tuple[str, ...]
    sums: bytes
    map: MapRoot

    @property
    def width(self) -> int:
        """How many counts a node has."""
        return len(self.kinds) * len(self.counts)

    def of(self, as_of: date, known_at: int) -> bool:
        """Whether it is of this pair of clocks."""
        return (self.as_of, self.known_at) == (as_of, known_at)

    def figure(self, counts: tuple[int, ...], kind: str | None) -> dict[str, int]:
        """A node's counts by name, of one kind or of all of them together."""
        many = len(self.counts)
        chosen = [n for n, name in enumerate(self.kinds) if kind is None or name == kind]
        return {name: sum(counts[n * many + at] for n in chosen) for at, name in enumerate(self.counts)}


def read_stated(position: int, data: Mapping[str, Any]) -> Stated:
    """Read the data of a `taizhang.evidence.rooted.v1` event, which fits its type."""
    root_hash, known_at = bytes.fromhex(data["root_hash"]), data["known_at"]
    entities = MapRoot(bytes.fromhex(data["map"]), data["entities"], salt_of(root_hash, known_at))
    return Stated(
        position, parse_date(data["as_of"]), known_at, root_hash, data["ruleset"], tuple(data["kinds"]),
        tuple(data["counts"]), bytes.fromhex(data["sums"]), entities,
    )  # fmt: skip


def stated_by(event: Event) -> Stated:
    """The same of an event of the log."""
    return read_stated(event.position, event.data)


def event_of_roots(trees: Trees, ruleset: str, now: datetime) -> bytes:
    """The event that states the roots; the same trees by the same rules have one name."""
    data = {
        "effective_on": now.date().isoformat(), "format": FORMAT, "as_of": trees.as_of.isoformat(),
        "known_at": trees.known_at, "root_hash": trees.root_hash.hex(), "ruleset": ruleset, "kinds": list(KINDS),
        "counts": list(trees.counts), "sums": trees.sums_root.hex(), "entities": trees.map_size,
        "map": trees.map_root.hex(),
    }  # fmt: skip
    return orjson.dumps({
        "specversion": "1.0", "id": name_of(trees.as_of, trees.known_at, ruleset), "source": SOURCE, "type": ROOTED,
        "time": now.isoformat(timespec="milliseconds"), "data": data,
    })  # fmt: skip


def name_of(as_of: date, known_at: int, ruleset: str) -> str:
    """The id of the event that states the roots of a pair of clocks by these rules."""
    return f"{known_at}-{as_of.isoformat()}-{ruleset[:16]}"
