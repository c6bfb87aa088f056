"""`taizhang verify` on a whole log: every hash anew, compared with all that is stored about it."""

import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.tree.leaf import Blinding
from domain.tree.merkle import TILE_HEIGHT, TILE_WIDTH, MerkleError, leaf_hash
from domain.values.clocks import Learning
from services.evidence.bundles.answers import Answer
from services.evidence.copies.copies import CopyError, open_copy
from services.evidence.copies.forms import Form, erased_by
from services.evidence.copies.stored import CopiedLog, DatabaseLog, MangledEntryError, StoredLog
from services.evidence.verifier.report import Hashes, Report
from services.evidence.verifier.scan import FAULTS_MAX, Fault, Part, check_learned, scan

#: Positions that one pass takes: 32 tiles.
PART_SIZE: Final = 32 * TILE_WIDTH
#: From how many events on it pays to start processes, which takes each of them about a second.
SEVERAL_FROM: Final = 100_000
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


def verify_log(
    source: Source,
    sizes: Iterable[int],
    answer: Answer | None = None,
    *,
    workers: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[Report, Hashes]:
    """Hash a whole log anew and compare it with all that is stored about it.

    Args:
        source: where it is.
        sizes: tree sizes whose roots will be asked for.
        answer: one to be made again; how it differs is in the hashes' `differences`.
        workers: processes to use; if left out, one for each core, where the log is long enough to be worth it.
        progress: called with the number of positions done since the last call.
    """
    keep = frozenset(size // TILE_WIDTH for size in sizes if size % TILE_WIDTH)
    report, hashes = Report(source.size), Hashes([], {})
    newest: datetime | None = None
    form: Form | None = None
    erased, said_erased = list[int](), set[int]()
    learning = Learning(None, {})
    for part in _parts(source, keep, answer, hashes, workers or _workers(source.size)):
        check_learned(part, learning)
        if part.forms is not None:
            if (fault := part.forms[0].fault(form)) is not None:
                part.wrong(part.forms[0].position, *fault)
            form = part.forms[1]
        erased += part.erased
        said_erased |= part.said_erased
        _take(report, hashes, part)
        if newest and part.recorded and part.recorded[0] < newest:
            report.fails(part.first, "记录时间倒退", "recorded_at is before that of the event before it")
        newest = part.recorded[1] if part.recorded else newest
        progress(part.last - part.first + 1)
    with closing(source.open()) as log:
        report.faults = _explained(sorted(report.faults, key=lambda fault: fault.position or 0), log)
        _compare_tiles(report, hashes, log)
        _tell_erased(report, log, erased, said_erased)
    if not report.faults:
        many = source.size - len(erased)
        report.holds(
            f"{many:,} 个事件的原文、登记项与叶哈希一致",
            f"{many:,} events: raw bytes, recorded values and leaves agree",
        )
    return report, hashes


def _tell_erased(report: Report, log: StoredLog, erased: list[int], said: set[int]) -> None:
    """Values that are gone must be gone by the log's own word, which may have come since the scan."""
    if not erased:
        return
    if not said.issuperset(erased):
        for event in log.events(report.size + 1, log.size()):
            said |= set(erased_by(event))
    for position in [each for each in erased if each not in said][:FAULTS_MAX]:
        words = (
            "its blinding value is gone, and no event up to here says that it was erased; of a copy that was taken "
            "while a person was erased, take another"
        )
        report.fails(position, "隐藏值缺失而无声明", words)
    report.notes(
        f"{len(erased):,} 个事件的隐藏值已依遗忘请求抹去, 其内容不再由树证明",
        f"the blinding values of {len(erased):,} events were erased with persons: the tree proves them no more",
    )


def _workers(size: int) -> int:
    return os.cpu_count() or 1 if size >= SEVERAL_FROM else 1


def _parts(source: Source, keep: frozenset[int], answer: Answer | None, hashes: Hashes, workers: int) -> Iterable[Part]:
    """The parts in order; by the end of them, an answer was made again beside them."""
    starts = range(1, source.size + 1, PART_SIZE)
    tasks = [(first, min(first + PART_SIZE - 1, source.size), keep) for first in starts]
    if len(tasks) < 2 or workers < 2:
        with closing(source.open()) as log:
            yield from (scan(log, *task) for task in tasks)
            hashes.differences = None if answer is None else _differences(answer, log)
        return
    # Started anew, not forked: a fork would share the parent's connections and threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _open_here, (source,)) as pool:
        compared = None if answer is None else pool.submit(_differences, answer)
        yield from pool.map(_scan_here, tasks)
        hashes.differences = None if compared is None else compared.result()


def _differences(answer: Answer, log: StoredLog | None = None) -> list[str]:
    """How an answer differs; a log that was tampered with may hold events that cannot be folded at all."""
    reading = log or _reading
    assert reading is not None  # noqa: S101 -- _open_here ran first
    try:
        return answer.differences(reading)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        return [f"the events cannot be folded: {type(fault).__name__} {fault}"]


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


def _explained(faults: list[Fault], log: StoredLog) -> list[Fault]:
    """Say of a row that was moved to which position its stored hash belongs."""
    moved = [fault for fault in faults if fault.event is not None and fault.position is not None][:MISPLACED_MAX]
    positions = [fault.position for fault in moved if fault.position is not None]
    explained = {}
    hiding = {fault.position: fault.event.blinding for fault in moved if fault.event is not None}
    for fault in moved:
        event, position = fault.event, fault.position or 0
        for other in sorted({*positions, position - 1, position + 1} - {0, position}):
            if other not in hiding:
                hiding[other] = _blinding_at(log, other)
            # What hides a leaf may have been moved with the row, or left where it was.
            found = () if event is None else (event, event._replace(blinding=hiding[other]))
            if any(leaf_hash(each.leaf(other)) == each.leaf_hash for each in found):
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


def _blinding_at(log: StoredLog, position: int) -> Blinding | None:
    """What hides the leaf of a position, as far as that can be read."""
    try:
        return next((each.blinding for each in log.events(position, position)), None)
    except (CopyError, MangledEntryError):
        return None


def _compare_tiles(report: Report, hashes: Hashes, log: StoredLog) -> None:
    """The stored tile roots must be those of the events, and there must be none beyond them."""
    level, count = 1, report.size // TILE_WIDTH
    while True:
        stored = log.tile_roots(level, 0, count + TILE_WIDTH)
        by_now = log.size() >> (TILE_HEIGHT * level)  # the log may have grown since its size was taken
        span = TILE_WIDTH**level
        missing = next((index for index in range(count) if index not in stored), None)
        if log.keeps_all_tiles and missing is not None:
            words = f"the tile root of level {level}, index {missing} is missing: it was deleted"
            report.fails(missing * span + 1, "树节点缺失", words)
        for index, value in sorted(stored.items()):
            low, high = index * span + 1, (index + 1) * span
            if count <= index < by_now:
                continue
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
