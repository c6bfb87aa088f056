"""A tree beside the log, made anew from its leaves: against its stored tiles and the heads that were signed of it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from domain.tree.merkle import TILE_WIDTH, root
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.verifier.report import Report
from services.log.tree import AnyConnection, rows

#: Faults told of one tree; the first of them is what counts.
FAULTS_MAX: Final = 20

#: The number of the leaf that it is of, and what is wrong, in Chinese and in English.
Found = tuple[int, str, str]


class Words(NamedTuple):
    """What a tree holds, in words: as a subject in Chinese, one and many in English."""

    chinese: str
    one: str
    many: str


def check_tree(  # noqa: PLR0917 -- a tree, and what it is held against
    report: Report,
    words: Words,
    connection: AnyConnection,
    tiles_sql: str,
    leaves: Sequence[bytes],
    found: Sequence[Found],
    checkpoints: Sequence[tuple[str, Checkpoint]],
) -> None:
    """Tell what is wrong with a tree: what was found of its leaves, and what its tiles and heads contradict.

    Args:
        tiles_sql: level, index and hash of its stored tiles.
        leaves: hashes made anew, in order; of a leaf that is missing no bytes.
    """
    stored = {(level, index): value for level, index, value in rows(connection, tiles_sql, ())}
    faults = [*found, *_tiles(leaves, stored)]
    for label, checkpoint in checkpoints:
        faults += _compared(report, words, leaves, label, checkpoint)
    for number, chinese, english in sorted(set(faults))[:FAULTS_MAX]:
        report.fails(None, f"{words.chinese}第 {number} 条{chinese}", f"{words.one} {number} {english}")
    if not faults:
        report.holds(
            f"{words.chinese} {len(leaves):,} 条与其树一致", f"the {len(leaves):,} {words.many} agree with their tree"
        )


def _tiles(leaves: Sequence[bytes], stored: dict[tuple[int, int], bytes]) -> list[Found]:
    """What the stored roots of tiles tell of: a leaf that is gone, or was changed with its hash."""
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


def _compared(report: Report, words: Words, leaves: Sequence[bytes], label: str, checkpoint: Checkpoint) -> list[Found]:
    if checkpoint.size > len(leaves):
        told = f"and later ones are gone: {label} is of {checkpoint.size} {words.many}"
        return [(len(leaves) + 1, f"及其后被截去: {label} 记有 {checkpoint.size} 条", told)]
    if root(leaves[: checkpoint.size]) != checkpoint.root_hash:
        told = f"to {checkpoint.size}: one was changed, removed or inserted; {label} has another root"
        return [(1, f"至第 {checkpoint.size} 条有改动: 与 {label} 不符", told)]
    report.holds(
        f"{words.chinese}与 {label} 一致", f"the {words.many} agree with {label} ({checkpoint.size:,} {words.many})"
    )
    return []
