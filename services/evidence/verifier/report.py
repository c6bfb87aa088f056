"""What a verification found: what holds and what does not, in words; and the comparison with checkpoints."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from domain.tree.merkle import TILE_WIDTH, MerkleError, root, root_from_tiles
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.notes import NoteError, VerifierKey
from services.evidence.verifier.scan import Fault


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
    report: Report,
    notes: Sequence[tuple[str, bytes]],
    log_key: VerifierKey,
    witnesses: Sequence[VerifierKey] = (),
    quorum: int | None = None,
) -> list[tuple[str, Checkpoint]]:
    """The checkpoints among the notes that the log signed.

    So many of the witnesses must have signed one of them: `quorum`, all if left out.
    """
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
    if witnesses:
        _count_witnesses(report, seen, witnesses, quorum)
    return checkpoints


def _count_witnesses(
    report: Report, seen: Collection[VerifierKey], witnesses: Sequence[VerifierKey], quorum: int | None
) -> None:
    due = len(witnesses) if quorum is None else quorum
    signed = [witness.name for witness in witnesses if witness in seen]
    for name in signed:
        report.holds(f"见证人 {name} 已签", f"witness {name} has signed")
    count = f"{len(signed)} of {len(witnesses)} witnesses have signed, {due} must"
    if len(signed) >= due:
        report.holds(f"{len(witnesses)} 名见证人中 {len(signed)} 名已签, 要求 {due} 名", count)
        return
    missing = ", ".join(witness.name for witness in witnesses if witness not in seen)
    report.fails(
        None,
        f"{len(witnesses)} 名见证人中只有 {len(signed)} 名已签, 要求 {due} 名",
        f"{count}; no checkpoint is signed by witness {missing}: give one with --checkpoint or --witness",
    )
