"""The event that states the roots, as the proof of a figure and a bundle bring it (evidence-format.md, 2)."""

from collections.abc import Sequence
from dataclasses import replace

from domain.events.envelope import read_event
from domain.events.evidence import ROOTED
from domain.tree.leaf import leaf_in
from domain.tree.merkle import MerkleError, leaf_hash
from domain.tree.proofs import verify_inclusion
from services.evidence.copies.stored import MangledEntryError, StoredEvent, position_of, read_entry
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.roots.stated import SOURCE, Stated, stated_by
from services.evidence.verifier.report import Report
from services.evidence.verifier.scan import Part, check_event


def included(
    report: Report, entry: bytes, raw: bytes, path: Sequence[bytes], checkpoint: Checkpoint
) -> StoredEvent | None:
    """The event as the log holds it; None, and a fault, where it is not in the checkpoint's tree."""
    try:
        position, hashed = position_of(entry), leaf_hash(leaf_in(entry))
        stored = read_entry(position, entry, raw, hashed)
        verify_inclusion(hashed, position - 1, checkpoint.size, path, checkpoint.root_hash)
    except (MangledEntryError, MerkleError) as fault:
        report.fails(None, "事件不在日志中, 或被改动", f"the event is not in the log as it stands here: {fault}")
        return None
    return sound(report, stored)


def sound(report: Report, stored: StoredEvent) -> StoredEvent | None:
    """The event, where its leaf is known to be in the tree; None, and a fault, where that does not prove its bytes."""
    position = stored.position
    if stored.is_erased:
        words = "its blinding value was erased: nothing shows that these are the bytes of the event in the log"
        report.fails(position, "事件的隐藏值已抹去, 其内容不由树证明", words)
        return None
    part = Part(position, position)
    check_event(part, stored, position)
    report.faults += part.faults
    report.faults_total += part.faults_total
    return stored


def stated_in(report: Report, stored: StoredEvent) -> Stated | None:
    """The roots that an event of the log states; None, and a fault, where it is not the service's own word."""
    reading = read_event(stored.raw, stored.intake.get("attributes"))
    if reading.event is None or reading.event.type != ROOTED:
        report.fails(stored.position, "此事件未公布树根", f"the event is none of {ROOTED}, or not well formed")
        return None
    if (stored.source, stored.publisher) != (SOURCE, SOURCE):
        words = f"it is of {stored.source}, published by {stored.publisher}: roots are {SOURCE}'s own word"
        report.fails(stored.position, "树根并非本系统所公布", words)
        return None
    stated = stated_by(replace(reading.event, position=stored.position))
    if stated.known_at >= stored.position:
        words = f"it speaks of position {stated.known_at}, which is not before its own"
        report.fails(stored.position, "数据时点不在其前", words)
        return None
    return stated
