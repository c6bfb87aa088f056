"""What is kept beside the log: the trail of reading, against its own tree."""

from collections.abc import Sequence
from itertools import pairwise

from domain.tree.merkle import TILE_WIDTH, leaf_hash, root
from domain.tree.reading_leaf import Reading, reading_leaf
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.verifier.report import Report
from services.log.tree import AnyConnection, rows

_READINGS = """
SELECT number, at, reader, action, subject, question, request_id, leaf_hash FROM taizhang.reading ORDER BY number
"""
_TILE_ROOTS = "SELECT level, index, hash FROM taizhang.reading_tile_root ORDER BY level, index"
#: Faults told of the trail; the first of them is what counts.
FAULTS_MAX = 20


def check_readings(
    report: Report, connection: AnyConnection, checkpoints: Sequence[tuple[str, Checkpoint]] = ()
) -> None:
    """Hash each reading anew and compare it with its leaf, the tree's tiles, and each checkpoint of the trail."""
    found: list[tuple[int, str, str]] = []
    leaves: list[bytes] = []
    newest = None
    with connection.cursor(binary=True) as cursor:
        for *values, stored in cursor.stream(_READINGS):
            reading = Reading(*values)
            for missing in range(len(leaves) + 1, reading.number):
                found.append((missing, "缺失", "is missing: numbers are dense, so it was deleted"))
                leaves.append(b"")
            made = leaf_hash(reading_leaf(reading))
            if made != stored:
                found.append((reading.number, "被改动", "was changed: its values do not hash to its leaf"))
            if newest is not None and reading.at < newest:
                found.append((reading.number, "时间倒退", "is dated before the one before it"))
            newest = reading.at
            leaves.append(made)
    found += _tiles(leaves, dict(_stored_tiles(connection)))
    for label, checkpoint in checkpoints:
        found += _compared(report, leaves, label, checkpoint)
    for number, chinese, english in sorted(set(found))[:FAULTS_MAX]:
        report.fails(None, f"查阅痕迹第 {number} 条{chinese}", f"reading {number} {english}")
    if not found:
        report.holds(
            f"查阅痕迹 {len(leaves):,} 条与其树一致", f"the trail of {len(leaves):,} readings agrees with its tree"
        )


def _stored_tiles(connection: AnyConnection) -> list[tuple[tuple[int, int], bytes]]:
    return [((level, index), value) for level, index, value in rows(connection, _TILE_ROOTS, ())]


def _tiles(leaves: Sequence[bytes], stored: dict[tuple[int, int], bytes]) -> list[tuple[int, str, str]]:
    """What the stored roots of tiles tell of: a reading that is gone, or was changed with its leaf."""
    found = []
    hashes, span, level = list(leaves), 1, 1
    while len(hashes) >= TILE_WIDTH or any(key[0] == level for key in stored):
        span *= TILE_WIDTH
        ends = range(0, len(hashes) + 1, TILE_WIDTH)
        hashes = [root(hashes[begin:end]) for begin, end in pairwise(ends)]
        for index, value in ((index, value) for (of, index), value in stored.items() if of == level):
            first, last = index * span + 1, (index + 1) * span
            if index >= len(hashes):
                found.append((len(leaves) + 1, "及其后被截去", f"and later ones are gone: there were at least {last}"))
            elif hashes[index] != value:
                found.append((first, f"至第 {last} 条有改动", f"to {last}: one was changed with its leaf, or deleted"))
        level += 1
    return found


def _compared(
    report: Report, leaves: Sequence[bytes], label: str, checkpoint: Checkpoint
) -> list[tuple[int, str, str]]:
    if checkpoint.size > len(leaves):
        words = f"and later ones are gone: {label} is of {checkpoint.size} readings"
        return [(len(leaves) + 1, f"及其后被截去: {label} 记有 {checkpoint.size} 条", words)]
    if root(leaves[: checkpoint.size]) != checkpoint.root_hash:
        words = f"to {checkpoint.size}: one was changed, removed or inserted; {label} has another root"
        return [(1, f"至第 {checkpoint.size} 条有改动: 与 {label} 不符", words)]
    report.holds(f"查阅痕迹与 {label} 一致", f"the trail agrees with {label} ({checkpoint.size:,} readings)")
    return []
