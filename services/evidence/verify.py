"""`taizhang verify` on a whole log: every hash anew, against its stored tiles, checkpoints and witnesses."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from domain.merkle import TILE_HEIGHT, TILE_WIDTH, MerkleError, leaf_hash, root, root_from_tiles
from services.evidence.checkpoint import Checkpoint, open_checkpoint
from services.evidence.copies import open_copy
from services.evidence.notes import NoteError, VerifierKey
from services.evidence.scan import Fault, Part, scan
from services.evidence.stored import CopiedLog, DatabaseLog, StoredLog

#: Positions that one pass takes: 32 tiles.
PART_SIZE: Final = 32 * TILE_WIDTH
#: Among how many faulty rows each looks for the position that it belongs to.
MISPLACED_MAX: Final = 100

_reading: StoredLog | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a log of a size is: in a database, or in a copy (a folder, a ZIP file or an address)."""

    size: int
    conninfo: str | None = None
    copy: str | None = None
    api_key: str | None = None

    def open(self) -> StoredLog:
        """The log, on a connection of its own."""
        if self.conninfo is not None:
            return DatabaseLog(self.conninfo)
        return CopiedLog(open_copy(self.copy or "", self.api_key), self.size)


@dataclass(slots=True)
class Report:
    """What was verified: what holds (`good`) and what does not (`faults`), in words."""

    size: int
    good: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    faults_total: int = 0

    def holds(self, chinese: str, english: str) -> None:
        """Note what was verified."""
        self.good.append((chinese, english))

    def fails(self, position: int | None, chinese: str, english: str, last: int | None = None) -> None:
        """Note what is wrong."""
        self.faults.append(Fault(position, chinese, english, last=last))
        self.faults_total += 1

    @property
    def first(self) -> Fault | None:
        """The fault at the first position, before those of the log as a whole; none that another explains."""
        causes = [fault for fault in self.faults if not any(other.explains(fault) for other in self.faults)]
        return min(causes, key=lambda fault: (fault.position is None, fault.position or 0), default=None)


@dataclass(slots=True)
class Hashes:
    """The tree as it was computed: roots of whole tiles in order, and the leaf hashes of some tiles."""

    tile_roots: list[bytes | None]
    leaves: dict[int, list[bytes]]

    def read(self, level: int, start: int, count: int) -> list[bytes]:
        """Hashes of a level for domain.merkle; MerkleError where an event under them is missing."""
        if level == 0:
            tile = self.leaves.get(start // TILE_WIDTH, [])
            return tile[start % TILE_WIDTH : start % TILE_WIDTH + count]
        if level == 1:
            found = [value for value in self.tile_roots[start : start + count] if value is not None]
        else:
            found = [root(self.read(level - 1, at * TILE_WIDTH, TILE_WIDTH)) for at in range(start, start + count)]
        if len(found) != count:
            raise MerkleError(f"events are missing under level {level} from {start} on")
        return found

    def root_at(self, size: int) -> bytes | None:
        """Root of the first `size` events; None where one of them is missing."""
        try:
            return root_from_tiles(size, self.read)
        except MerkleError:
            return None


def verify_log(
    source: Source,
    sizes: Iterable[int],
    *,
    workers: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[Report, Hashes]:
    """Hash a whole log anew and compare it with all that is stored about it.

    Args:
        source: where it is.
        sizes: tree sizes whose roots will be asked for.
        workers: processes to use; one for each core if left out.
        progress: called with the number of positions done since the last call.
    """
    keep = frozenset(size // TILE_WIDTH for size in sizes if size % TILE_WIDTH)
    report, hashes = Report(source.size), Hashes([], {})
    newest: datetime | None = None
    for part in _parts(source, keep, workers or os.cpu_count() or 1):
        _take(report, hashes, part)
        if newest and part.recorded and part.recorded[0] < newest:
            report.fails(part.first, "记录时间倒退", "recorded_at is before that of the event before it")
        newest = part.recorded[1] if part.recorded else newest
        progress(part.last - part.first + 1)
    report.faults = _explained(sorted(report.faults, key=lambda fault: fault.position or 0))
    with closing(source.open()) as log:
        _compare_tiles(report, hashes, log)
    if not report.faults:
        report.holds(
            f"{source.size:,} 个事件的原文、登记项与叶哈希一致",
            f"{source.size:,} events: raw bytes, recorded values and leaves agree",
        )
    return report, hashes


def _parts(source: Source, keep: frozenset[int], workers: int) -> Iterable[Part]:
    starts = range(1, source.size + 1, PART_SIZE)
    tasks = [(first, min(first + PART_SIZE - 1, source.size), keep) for first in starts]
    if len(tasks) < 2 or workers < 2:
        with closing(source.open()) as log:
            yield from (scan(log, *task) for task in tasks)
        return
    # Started anew, not forked: a fork would share the parent's connections and threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _open_here, (source,)) as pool:
        yield from pool.map(_scan_here, tasks)


def _open_here(source: Source) -> None:
    global _reading  # noqa: PLW0603 -- a worker process has one log for its life
    _reading = source.open()


def _scan_here(task: tuple[int, int, frozenset[int]]) -> Part:
    assert _reading is not None  # noqa: S101 -- _open_here ran first
    return scan(_reading, *task)


def _take(report: Report, hashes: Hashes, part: Part) -> None:
    report.faults += part.faults
    report.faults_total += part.faults_total
    hashes.tile_roots += part.tile_roots
    hashes.leaves |= part.leaves


def _explained(faults: list[Fault]) -> list[Fault]:
    """Say of a row that was moved to which position its stored hash belongs."""
    moved = [fault for fault in faults if fault.event is not None and fault.position is not None][:MISPLACED_MAX]
    positions = [fault.position for fault in moved if fault.position is not None]
    explained = {}
    for fault in moved:
        event, position = fault.event, fault.position or 0
        for other in sorted({*positions, position - 1, position + 1} - {0, position}):
            if event is not None and leaf_hash(event.leaf(other)) == event.leaf_hash:
                explained[fault.position] = other
    return [
        Fault(
            fault.position,
            f"此处是位置 {explained[fault.position]} 的事件",
            f"here stands the event of position {explained[fault.position]}: rows were swapped, inserted or deleted",
        )
        if fault.event is not None and fault.position in explained
        else fault
        for fault in faults
    ]


def _compare_tiles(report: Report, hashes: Hashes, log: StoredLog) -> None:
    """The stored tile roots must be those of the events, and there must be none beyond them."""
    level, count = 1, report.size // TILE_WIDTH
    while True:
        stored = log.tile_roots(level, 0, count + TILE_WIDTH)
        span = TILE_WIDTH**level
        if log.keeps_all_tiles:
            for index in range(count):
                if index not in stored:
                    report.fails(
                        index * span + 1,
                        "树节点缺失",
                        f"the tile root of level {level}, index {index} is missing: it was deleted",
                    )
                    break
        for index, value in sorted(stored.items()):
            low, high = index * span + 1, (index + 1) * span
            if index >= count:
                report.fails(
                    report.size + 1,
                    f"日志尾部被截去: 曾至少有 {high} 个事件",
                    f"the tail was cut: the tile roots tell of at least {high} events, the log ends at {report.size}",
                )
                return
            try:
                (made,) = hashes.read(level, index, 1)
            except MerkleError:
                continue
            if made != value:
                report.fails(
                    low,
                    f"位置 {low} 到 {high} 之间有事件被改动",
                    f"an event from position {low} to {high} was changed with its leaf hash: the tile root of level "
                    f"{level}, index {index} is {value.hex()}, the events give {made.hex()}",
                    high,
                )
        if not count:
            return
        level, count = level + 1, count >> TILE_HEIGHT


def compare_checkpoints(report: Report, hashes: Hashes, checkpoints: Sequence[tuple[str, Checkpoint]]) -> None:
    """The log must extend every checkpoint, whoever kept it; the sizes are those given to verify_log."""
    agreed = 0
    for label, checkpoint in sorted(checkpoints, key=lambda each: each[1].size):
        size = checkpoint.size
        if size > report.size:
            report.fails(
                report.size + 1,
                f"日志尾部被截去: {label} 记有 {size} 个事件",
                f"the tail was cut: {label} is of {size} events, the log ends at position {report.size}",
            )
            continue
        made = hashes.root_at(size)
        if made == checkpoint.root_hash:
            agreed = size
            report.holds(f"与 {label} 一致 (前 {size:,} 个事件)", f"agrees with {label} ({size:,} events)")
        elif made is not None:
            report.fails(
                agreed + 1,
                f"与 {label} 不符: 位置 {agreed + 1} 到 {size} 之间有事件被改动、删除或插入",
                f"contradicts {label}: an event from position {agreed + 1} to {size} was changed, removed or inserted "
                f"(its root is {checkpoint.root_hash.hex()}, the events give {made.hex()})",
                size,
            )


def open_checkpoints(
    report: Report, notes: Sequence[tuple[str, bytes]], log_key: VerifierKey, witnesses: Sequence[VerifierKey]
) -> list[tuple[str, Checkpoint]]:
    """The checkpoints among the notes that the log signed; each witness must have signed one of them."""
    checkpoints: list[tuple[str, Checkpoint]] = []
    seen: set[VerifierKey] = set()
    for label, data in notes:
        try:
            checkpoint, note = open_checkpoint(data, log_key)
            signers = {key for key, _ in note.verified_by([log_key, *witnesses])}
        except NoteError as fault:
            report.fails(None, f"{label} 的签名不成立", f"{label}: {fault}")
            continue
        seen |= signers
        checkpoints.append((label, checkpoint))
    for witness in witnesses:
        if witness in seen:
            report.holds(f"见证人 {witness.name} 已签", f"witness {witness.name} has signed")
        else:
            report.fails(
                None,
                f"没有见证人 {witness.name} 的签名",
                f"no checkpoint is signed by witness {witness.name}: give one with --checkpoint or --witness",
            )
    return checkpoints
