"""What is kept beside the log: the trail of reading, against its own tree."""

from collections.abc import Sequence
from typing import Final

from domain.tree.merkle import leaf_hash
from domain.tree.reading_leaf import Reading, reading_leaf
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.verifier.check_tree import Found, Words, check_tree
from services.evidence.verifier.report import Report
from services.log.tree import AnyConnection

_READINGS: Final = """
SELECT number, at, reader, action, subject, question, request_id, leaf_hash FROM taizhang.reading ORDER BY number
"""
_TILE_ROOTS: Final = "SELECT level, index, hash FROM taizhang.reading_tile_root ORDER BY level, index"
_WORDS: Final = Words("查阅痕迹", "reading", "readings")


def check_readings(
    report: Report, connection: AnyConnection, checkpoints: Sequence[tuple[str, Checkpoint]] = ()
) -> None:
    """Hash each reading anew and compare it with its leaf, the tree's tiles, and each checkpoint of the trail."""
    found: list[Found] = []
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
    check_tree(report, _WORDS, connection, _TILE_ROOTS, leaves, found, checkpoints)
