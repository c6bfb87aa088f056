"""The account of arrivals against its own tree: nothing in it was left out, changed or put in afterwards.

What the tree holds of a message is compared with the tables row by row; a message's bytes, attributes and the values in
its reasons may be gone, of which the tree holds hashes at most.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from domain.tree import arrival_leaf
from domain.tree.arrival_leaf import Recorded, arrival_hash
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.verifier.check_tree import FAULTS_MAX, Found, Words, check_tree
from services.evidence.verifier.report import Report
from services.log.tree import AnyConnection, rows

_ARRIVALS: Final = "SELECT number, kind, of, record, value, leaf_hash FROM taizhang.arrival ORDER BY number"
_TILE_ROOTS: Final = "SELECT level, index, hash FROM taizhang.arrival_tile_root ORDER BY level, index"
_DUPLICATES: Final = """
SELECT d.received_at, d.position, l.source, l.id, d.publisher, d.intake FROM taizhang.duplicate d
  JOIN taizhang.log l ON l.notification_id = d.position
"""
_QUARANTINE: Final = """
SELECT received_at, id, source, event_id, publisher, intake, raw_sha256, reasons, emptied_at FROM taizhang.quarantine
"""
_STEPS: Final = """
SELECT at, quarantine_id, number, by, action, position, reasons, reason FROM taizhang.quarantine_action
"""
_TALLY: Final = """
SELECT source, channel, topic, partition, received, accepted, duplicate, quarantined FROM taizhang.tally
"""
# A log that was there before the tree is upgraded while processes of the release before still write, for a day at most.
_UPGRADED: Final = """
SELECT applied_at, applied_at + interval '1 day' FROM taizhang.migration
 WHERE version = 54 AND EXISTS (SELECT FROM taizhang.log WHERE recorded_at < applied_at)
"""
_PLACE: Final = ("source", "channel", "topic", "partition")
_COUNTED: Final = ("received", "accepted", "duplicate", "quarantined")
_WORDS: Final = Words("收件", "arrival", "arrivals")

#: What a row or a leaf says, hashed.
Said = bytes


class _Row(NamedTuple):
    """A row of one of the tables, as the tree would hold it; `name` is what it is called, in Chinese and English."""

    at: datetime
    recorded: Recorded
    name: tuple[str, str]
    emptied: bool = False

    @property
    def content(self) -> dict[str, Any]:
        return {**self.recorded.members, "at": arrival_leaf.instant(self.at)}


class _Held:
    """What the tree holds and no row was found for yet: of each text the numbers of its leaves.

    `begun` is what was there before the tree, `tally` the last word on each row of the tally. `emptied` finds what is
    held of a message whose attributes are gone.
    """

    def __init__(self) -> None:
        self.begun: Mapping[str, Any] = {"at": "", "duplicates": 0, "quarantined": 0, "steps": 0}
        self.leaves: dict[Said, list[int]] = {}
        self.emptied: dict[Said, Said] = {}
        self.tally: dict[tuple[Any, ...], Mapping[str, Any]] = {}

    def take(self, number: int, kind: str, content: dict[str, Any]) -> None:
        if kind == "begun":
            self.begun = content
        elif kind == "tally":
            self.tally[tuple(content[name] for name in _PLACE)] = content
        else:
            said = _said(kind, content)
            self.leaves.setdefault(said, []).append(number)
            if "attributes_sha256" in content:
                self.emptied[_said(kind, content, emptied=True)] = said

    def found(self, row: _Row) -> bool:
        """Whether the tree holds a row, which is taken from what is left."""
        said = _said(row.recorded.kind, row.content)
        numbers = self.leaves.get(self.emptied.get(said, said) if row.emptied else said)
        if not numbers:
            return False
        numbers.pop()
        return True


def check_arrival_tree(
    report: Report, connection: AnyConnection, checkpoints: Sequence[tuple[str, Checkpoint]] = ()
) -> None:
    """Make the tree anew, compare it with its tiles and its heads, and the tables with what it holds."""
    found: list[Found] = []
    leaves: list[bytes] = []
    held = _Held()
    with connection.cursor(binary=True) as cursor:
        for number, kind, of, record, value, stored in cursor.stream(_ARRIVALS):
            for missing in range(len(leaves) + 1, number):
                found.append((missing, "缺失", "is missing: numbers are dense, so it was deleted"))
                leaves.append(b"")
            made = arrival_hash(number, bytes(record), bytes(value))
            leaves.append(made)
            content = _read(record)
            if made != stored or content is None or not _names(content, number, kind, of):
                found.append((number, "被改动", "was changed: what is recorded does not hash to its leaf"))
            elif number == 1 or kind != "begun":
                held.take(number, kind, content)
            else:
                found.append((number, "被改动", "says that the tree begins, which its first leaf alone can say"))
    check_tree(report, _WORDS, connection, _TILE_ROOTS, leaves, found, checkpoints)
    _check_rows(report, connection, held)


def _read(record: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(bytes(record))
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _names(content: Mapping[str, Any], number: int, kind: str, of: int) -> bool:
    """Whether the columns by which a leaf is found are those of what is recorded."""
    due = content.get("quarantine_id", content.get("position", 0))
    return (content.get("arrival"), content.get("kind"), due) == (number, kind, of)


def _said(kind: str, content: Mapping[str, Any], *, emptied: bool = False) -> Said:
    """Of what both a row and a leaf say: nobody keeps the bytes of a repeat, and attributes may be gone."""
    left_out = {"arrival", "kind"} | ({"raw_sha256"} if kind == "duplicate" else set())
    left_out |= {"attributes_sha256"} if emptied else set()
    compared = {name: value for name, value in content.items() if name not in left_out}
    return hashlib.sha256(f"{kind} {json.dumps(compared, sort_keys=True)}".encode()).digest()


def _check_rows(report: Report, connection: AnyConnection, held: _Held) -> None:
    told: list[tuple[str, str]] = []
    older: Counter[str] = Counter()
    is_of_upgrade = _upgrade(connection)
    count = beside = 0
    for row in _rows(connection):
        if held.found(row):
            count += 1
        elif row.content["at"] < held.begun["at"]:
            older[row.recorded.kind] += 1
        elif is_of_upgrade(row.at):
            beside += 1
        else:
            chinese, english = row.name
            told.append((f"{chinese}不在收件树中, 或被改动", f"{english}: the tree of arrivals does not hold it so"))
    for number in sorted(number for numbers in held.leaves.values() for number in numbers):
        words = f"arrival {number}: what it records is not in the tables any more, or was changed there"
        told.append((f"收件第 {number} 条所记已不在表中, 或被改动", words))
    for kind, name in (("duplicate", "duplicates"), ("quarantined", "quarantined"), ("step", "steps")):
        if older[kind] != held.begun[name]:
            words = f"there were {held.begun[name]} {name} when the tree of arrivals began, there are {older[kind]}"
            told.append(("收件树之前的记录有增减", words))
    # What a process of the release before has counted, the tree has no word of.
    told += () if beside else _of_tally(connection, held)
    for chinese, english in told[:FAULTS_MAX]:
        report.fails(None, chinese, english)
    if not told:
        report.holds(
            f"收件各表 {count:,} 条均在收件树中", f"the tree of arrivals holds all {count:,} rows of their tables"
        )
    _note_what_came_before(report, beside, older.total())


def _upgrade(connection: AnyConnection) -> Callable[[datetime], bool]:
    """Whether something came while processes of the release before the tree may still have written."""
    for begun, ended in rows(connection, _UPGRADED, ()):
        return lambda at: begun <= at < ended
    return lambda _: False


def _note_what_came_before(report: Report, beside: int, before: int) -> None:
    if beside:
        report.notes(
            f"升级当日旧版进程写入 {beside:,} 条收件记录，不在收件树中，收件账因此未与收件树核对",
            f"on the day of the upgrade processes of the release before wrote {beside:,} rows of arrivals, which their "
            "tree does not hold; so the tally was not compared with it",
        )
    if before:
        report.notes(
            f"{before:,} 条收件记录早于收件树, 不在其中",
            f"{before:,} rows of arrivals were there before their tree began, which does not hold them",
        )


def _rows(connection: AnyConnection) -> Iterator[_Row]:
    with connection.cursor(binary=True) as cursor:
        for at, position, source, id_, publisher, intake in cursor.stream(_DUPLICATES):
            recorded = arrival_leaf.duplicate(position, (source, id_), publisher, intake, None)
            yield _Row(at, recorded, (f"位置 {position} 的重复件", f"a duplicate of position {position}"))
        for at, number, source, id_, publisher, intake, hashed, reasons, emptied in cursor.stream(_QUARANTINE):
            recorded = arrival_leaf.quarantined(number, (source, id_), publisher, intake, hashed, reasons)
            yield _Row(at, recorded, (f"隔离件 {number}", f"quarantined message {number}"), emptied is not None)
        for at, number, *step in cursor.stream(_STEPS):
            name = (f"隔离件 {number} 的第 {step[0]} 次处理", f"step {step[0]} with quarantined message {number}")
            yield _Row(at, arrival_leaf.step(number, *step), name)


def _of_tally(connection: AnyConnection, held: _Held) -> Iterator[tuple[str, str]]:
    """What of the tally is not as the tree has it last: since then only what was accepted can have been added."""
    there = {
        row[: len(_PLACE)]: dict(zip(_COUNTED, row[len(_PLACE) :], strict=True)) for row in rows(connection, _TALLY, ())
    }
    nothing = dict.fromkeys(_COUNTED, 0)
    for place in sorted({*there, *held.tally}, key=str):
        has = there.get(place, nothing)
        last = held.tally.get(place)
        if last is None and held.begun["at"]:
            continue
        says = last or nothing
        since = has["received"] - says["received"]
        if since < 0 or since != has["accepted"] - says["accepted"] or any(
            has[name] != says[name] for name in ("duplicate", "quarantined")
        ):  # fmt: skip
            words = (
                f"source {place[0] or '(unknown)'}: the tally does not follow from what the tree of arrivals has of it"
            )
            yield f"来源 {place[0] or '(不明)'} 的收件账与收件树不符", words
