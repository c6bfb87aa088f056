"""What a verification found: what holds and what does not, in words; and the comparison with checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from domain.tree.merkle import TILE_WIDTH, MerkleError, root, root_from_tiles
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.key_history import LogKeys
from services.evidence.notes.notes import NoteError, VerifierKey
from services.evidence.verifier.scan import Fault

#: What a verification has shown (spec/evidence.md), from the weakest statement to the strongest.
Statement = Literal["in the log", "follows", "complete"]
STATEMENTS: Final[dict[Statement, str]] = {"in the log": "在日志中", "follows": "推得出", "complete": "无遗漏"}


@dataclass(slots=True)
class Report:
    """What was verified, in words: what holds (`good`), what is not shown (`unshown`), what is wrong (`faults`).

    `statement` is the strongest that was shown, None for none; `partial` that it is of a part of a log.
    """

    size: int
    good: list[tuple[str, str]] = field(default_factory=list)
    unshown: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    faults_total: int = 0
    statement: Statement | None = None
    partial: bool = False

    def holds(self, chinese: str, english: str) -> None:
        """Note what was verified."""
        self.good.append((chinese, english))

    def follows(self, chinese: str, english: str) -> None:
        """Note that figures follow from a part of a log, of which nobody knows what it leaves out."""
        self.holds(chinese, english)
        self.statement, self.partial = "follows", True

    def notes(self, chinese: str, english: str) -> None:
        """Note what this verification does not show."""
        self.unshown.append((chinese, english))

    def fails(self, position: int | None, chinese: str, english: str, last: int | None = None) -> None:
        """Note what is wrong."""
        self.faults.append(Fault(position, chinese, english, last=last))
        self.faults_total += 1

    def take(self, other: Report) -> None:
        """Add what another verification of the same thing found."""
        self.good += other.good
        self.unshown += other.unshown
        self.faults += other.faults
        self.faults_total += other.faults_total

    @property
    def first(self) -> Fault | None:
        """The fault at the first position, before those of the log as a whole; none that another explains."""
        causes = [fault for fault in self.faults if not any(other.explains(fault) for other in self.faults)]
        return min(causes, key=lambda fault: (fault.position is None, fault.position or 0), default=None)


@dataclass(slots=True)
class Hashes:
    """What was computed: roots of whole tiles in order, the leaf hashes of some tiles, how an answer differs."""

    tile_roots: list[bytes | None]
    leaves: dict[int, list[bytes]]
    differences: list[str] | None = None

    def read(self, level: int, start: int, count: int) -> list[bytes]:
        """Hashes of a level for domain.tree.merkle; MerkleError where an event under them is missing."""
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


class Opened(NamedTuple):
    """A checkpoint that the log signed: whose copy it is, and when each of the witnesses cosigned it (POSIX time)."""

    label: str
    checkpoint: Checkpoint
    cosigned: Mapping[VerifierKey, int]


def compare_checkpoints(report: Report, hashes: Hashes, checkpoints: Iterable[Opened]) -> list[Opened]:
    """The log must extend every checkpoint, whoever kept it; the sizes are those given to verify_log.

    Returns those that it does extend.
    """
    agreed: list[Opened] = []
    for opened in sorted(checkpoints, key=lambda each: each.checkpoint.size):
        label, checkpoint, size = opened.label, opened.checkpoint, opened.checkpoint.size
        last = agreed[-1].checkpoint.size if agreed else 0
        if size > report.size:
            report.fails(
                report.size + 1,
                f"日志尾部被截去: {label} 记有 {size} 个事件",
                f"the tail was cut: {label} is of {size} events, the log ends at position {report.size}",
            )
            continue
        made = hashes.root_at(size)
        if made == checkpoint.root_hash:
            agreed.append(opened)
            report.holds(f"与 {label} 一致 (前 {size:,} 个事件)", f"agrees with {label} ({size:,} events)")
        elif made is not None:
            report.fails(
                last + 1,
                f"与 {label} 不符: 位置 {last + 1} 到 {size} 之间有事件被改动、删除或插入",
                f"contradicts {label}: an event from position {last + 1} to {size} was changed, removed or inserted "
                f"(its root is {checkpoint.root_hash.hex()}, the events give {made.hex()})",
                size,
            )
    return agreed


def open_checkpoints(
    report: Report,
    notes: Sequence[tuple[str, bytes]],
    log_keys: LogKeys,
    witnesses: Sequence[VerifierKey] = (),
) -> list[Opened]:
    """The checkpoints among the notes that the log signed, and who cosigned them."""
    checkpoints = []
    for label, data in notes:
        try:
            log_key = log_keys.of(data)
            checkpoint, note = open_checkpoint(data, log_key)
            signed = note.verified_by([log_key, *witnesses])
            cosigned = {key: signature.timestamp for key, signature in signed if key in witnesses}
        except NoteError as fault:
            report.fails(None, f"{label} 的签名不成立", f"{label}: {fault}")
            continue
        checkpoints.append(Opened(label, checkpoint, cosigned))
    return checkpoints
