"""One pass over a part of a log: hash every event anew and compare it with all that is stored about it."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from domain.events.envelope import content_sha256, significant
from domain.events.facts import subject_of
from domain.events.types import RANKS
from domain.tree.leaf import LeafError
from domain.tree.merkle import TILE_WIDTH, leaf_hash, root
from domain.values.clocks import IMPORT, Learning
from domain.values.instants import INSTANT_MIN_NS, parse_date
from domain.values.strict_json import read_json
from services.evidence.copies.forms import Form, erased_by
from services.evidence.copies.stored import Columns, MangledEntryError, StoredEvent, StoredLog, content_of
from services.log.content import UnreadableError, time_and_data
from services.log.recorder import originator_bytes, originator_id

_sha256: Final = hashlib.sha256
_LEARNED_OF_NO_IMPORT: Final = (
    "得知时刻被改动", "learned_at was changed: the event is of no import, so it was learned when it was recorded",
)  # fmt: skip
#: Each part tells its first faults; the first of all of them is what counts.
FAULTS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, in words, at a position or (None) with the log as a whole.

    Where only a range can be told, it is from `position` to `last`.
    """

    position: int | None
    chinese: str
    english: str
    event: StoredEvent | None = None
    last: int | None = None

    def explains(self, other: "Fault") -> bool:
        """Whether the other is but a consequence: its range holds this one, which is narrower."""
        if self.position is None or other.position is None or other.last is None:
            return False
        ours, theirs = (self.last or self.position) - self.position, other.last - other.position
        return ours < theirs and other.position <= self.position <= other.last


class Learnt(NamedTuple):
    """What decides when an import's position was learned, and what is stored.

    `live` is when the position before was recorded, if that is of this part and of no import; else None.
    """

    position: int
    live: datetime | None
    recorded_at: datetime
    history: str
    time_ns: int
    learned_at: datetime | None


@dataclass(slots=True)
class Part:
    """What one pass found over positions `first` to `last`.

    `tile_roots` are the roots of its whole tiles, None where an event is missing; `leaves` the leaf hashes of the
    tiles that were asked for, and of the last one where it is not full; `learned` the positions of imports, `live` when
    the last position was recorded, if that is of none. `forms` are those of the first and the last leaf, `erased` the
    positions whose blinding values are gone, `said_erased` those of which an event says so.
    """

    first: int
    last: int
    faults: list[Fault] = field(default_factory=list)
    faults_total: int = 0
    tile_roots: list[bytes | None] = field(default_factory=list)
    leaves: dict[int, list[bytes]] = field(default_factory=dict)
    recorded: tuple[datetime, datetime] | None = None
    learned: list[Learnt] = field(default_factory=list)
    live: datetime | None = None
    forms: tuple[Form, Form] | None = None
    erased: list[int] = field(default_factory=list)
    said_erased: set[int] = field(default_factory=set)

    def wrong(self, position: int, chinese: str, english: str, event: StoredEvent | None = None) -> None:
        """Note a fault."""
        self.faults_total += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Fault(position, chinese, english, event))


def scan(log: StoredLog, first: int, last: int, keep: frozenset[int]) -> Part:
    """Verify positions `first` to `last`; `first` begins a tile. `keep` are tiles whose leaf hashes are wanted."""
    part = Part(first, last)
    hashes: list[bytes | None] = [None] * (last - first + 1)
    expected = first
    try:
        for event in log.events(first, last):
            while expected < event.position <= last and event.columns is not None:
                _missing(part, expected)
                expected += 1
            hashes[expected - first] = check_event(part, event, expected)
            expected += 1
        for position in range(expected, last + 1):
            _missing(part, position)
    except MangledEntryError as fault:
        part.wrong(fault.position, "日志条目损坏", str(fault))
    for start in range(0, len(hashes), TILE_WIDTH):
        index = (first - 1 + start) // TILE_WIDTH
        tile = [value for value in hashes[start : start + TILE_WIDTH] if value is not None]
        due = min(TILE_WIDTH, len(hashes) - start)
        whole = len(tile) == due
        if due == TILE_WIDTH:
            part.tile_roots.append(root(tile) if whole else None)
        if whole and (due < TILE_WIDTH or index in keep):
            part.leaves[index] = tile
    return part


def _missing(part: Part, position: int) -> None:
    part.wrong(position, "事件缺失", "the event is missing; positions are dense, so it was deleted")


def check_event(part: Part, event: StoredEvent, position: int) -> bytes | None:
    """Compare one event with itself; return its leaf hash, made from the values, None if they make none."""
    if part.recorded is not None and event.recorded_at < part.recorded[1]:
        part.wrong(
            position, "记录时间倒退", f"recorded_at {event.recorded_at.isoformat()} is before the event before it"
        )
    part.recorded = (part.recorded[0] if part.recorded else event.recorded_at, event.recorded_at)
    _check_form(part, event, position)
    if event.columns is not None:
        _note_learned(part, event, position)
    digest = _sha256(event.raw).digest()
    if digest != event.raw_sha256:
        part.wrong(
            position,
            "原文被改动",
            f"the raw bytes were changed: their SHA-256 is {digest.hex()}, recorded is {event.raw_sha256.hex()}",
        )
    try:
        made = leaf_hash(event.leaf(position))
    except LeafError as fault:
        part.wrong(position, "登记项被改动", f"the recorded values make no leaf: {fault}")
        return None
    if event.position != position:
        part.wrong(position, "位置不符", f"the entry says that it is at position {event.position}", event)
    elif made != event.leaf_hash:
        part.wrong(
            position,
            "登记项被改动, 或被换位",
            f"the leaf of the recorded values hashes to {made.hex()}, stored is {event.leaf_hash.hex()}: source, id, "
            "raw_sha256, recorded_at, publisher, intake or leaf_hash was changed, or the row is of another position",
            event,
        )
    if digest == event.raw_sha256:
        _check_content(part, event, position)
    return made


def _check_form(part: Part, event: StoredEvent, position: int) -> None:
    """Compare the form of its leaf with that of the one before, and note what is erased."""
    first, before = part.forms or (None, None)
    form = Form.of(event)
    if (fault := form.fault(before)) is not None:
        part.wrong(position, *fault)
    part.forms = (first or form, form)
    if event.is_erased:
        part.erased.append(position)
    part.said_erased.update(erased_by(event))


def _note_learned(part: Part, event: StoredEvent, position: int) -> None:
    """Note what decides when an import's position was learned; all others were learned when they were recorded."""
    history = event.intake.get(IMPORT)
    if history is None:
        part.live = event.recorded_at
        if event.learned_at is not None:
            part.wrong(position, *_LEARNED_OF_NO_IMPORT)
        return
    try:
        time_ns, _ = time_and_data(event.raw, event.intake.get("attributes"))
    except UnreadableError:  # told where the content is looked at
        time_ns = INSTANT_MIN_NS
    part.learned.append(Learnt(position, part.live, event.recorded_at, str(history), time_ns, event.learned_at))
    part.live = None


def check_learned(part: Part, learning: Learning) -> None:
    """Compare when the positions of imports were learned with the rule; `learning` goes on from part to part."""
    for each in part.learned:
        if each.live is not None:
            learning.learned_at = each.live
        made = learning.next(each.recorded_at, {IMPORT: each.history}, each.time_ns)
        if made != each.learned_at:
            part.wrong(
                each.position,
                "得知时刻被改动",
                f"learned_at was changed: stored is {each.learned_at}, what the import's events said makes it {made}",
            )
    if part.live is not None:
        learning.learned_at = part.live


def _check_content(part: Part, event: StoredEvent, position: int) -> None:
    """What the raw bytes say must be what is recorded beside them."""
    try:
        if _agrees(event, content_of(event)):
            return
    except (ValueError, KeyError, TypeError):
        pass  # looked at again below, exactly, to say what is wrong
    try:
        content = _exactly(event)
        said: dict[str, Any] = {"source": content["source"], "id": content["id"]}
        recorded: dict[str, Any] = {"source": event.source, "id": event.id}
        if event.columns is not None:
            said |= _derived(content)._asdict()
            recorded |= event.columns._asdict()
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        part.wrong(position, "原文不是事件", f"the raw bytes are no event: {type(fault).__name__} {fault}")
        return
    for name, value in said.items():
        if recorded[name] != value:
            part.wrong(
                position,
                f"列 {name} 被改动",
                f"column {name} was changed: recorded is {_shown(recorded[name])}, the raw bytes say {_shown(value)}",
            )


def _exactly(event: StoredEvent) -> dict[str, Any]:
    """The content as intake read it, by intake's own reader."""
    attributes = event.intake.get("attributes")
    value = read_json(event.raw)
    whole = value if attributes is None else {**attributes, "data": value}
    if not isinstance(whole, dict):
        raise TypeError(f"a JSON {type(whole).__name__}, where an event is an object")
    return significant(whole)


def _agrees(event: StoredEvent, content: dict[str, Any]) -> bool:
    """Whether the columns follow from the content, by the fastest way that cannot say yes to what does not.

    orjson writes numbers that are no integers in another form than the digest's; such an event is looked at exactly.
    """
    columns = event.columns
    if (content["source"], content["id"]) != (event.source, event.id):
        return False
    if columns is None:
        return True
    type_, data = content["type"], content["data"]
    if type_ in RANKS:
        spoken_of, effective = subject_of(type_, data), data["effective_on"]
    else:
        spoken_of = effective = None
    day = columns.effective_on
    return (
        _sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest() == columns.content_sha256
        and columns.topic == type_
        and columns.subject == spoken_of
        and (None if day is None else day.isoformat()) == effective
        and columns.originator_version == 1
        and columns.originator_id.bytes == originator_bytes((event.source, event.id))
    )


def _derived(content: dict[str, Any]) -> Columns:
    type_, data = content["type"], content["data"]
    is_fact = type_ in RANKS
    return Columns(
        originator_id((content["source"], content["id"])),
        1,
        type_,
        subject_of(type_, data) if is_fact else None,
        parse_date(data["effective_on"]) if is_fact else None,
        content_sha256(content),
    )


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
