"""Verify a receipt, or any proof that an event is in the log, by itself: offline (C2SP tlog-proof)."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from domain.tree.arrival_leaf import Recorded, arrival_record
from domain.tree.leaf import LeafError, entry_of, leaf_in, leaf_of, opened, position_in
from domain.tree.merkle import MerkleError, leaf_hash
from domain.tree.proofs import verify_inclusion
from services.evidence.copies.copies import CopyError
from services.evidence.copies.stored import MangledEntryError, read_entry
from services.evidence.notes.beside_key import key_for, origin_for
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.key_history import LogKeys
from services.evidence.notes.notes import Note, NoteError
from services.evidence.notes.tlog_proof import TlogProof
from services.evidence.verifier.bundle_check import Verified
from services.evidence.verifier.report import Report
from services.log.arrivals import ARRIVALS
from services.log.tree import LOG, StoredTree

_NAMED: Final[dict[str, tuple[str, str]]] = {
    "accepted": ("已接收", "accepted"), "duplicate": ("重复", "a repeat"), "quarantined": ("已隔离", "set aside"),
    "step": ("处理", "a step"), "tally": ("收件账", "the tally"), "begun": ("收件树之始", "the tree begins"),
}  # fmt: skip


def verify_receipt(data: bytes, log_keys: LogKeys | None, sent: bytes | None = None) -> Verified:
    """Verify a receipt with the log's keys, and, if it is given, that it is of the very bytes that were sent.

    Raises:
        CopyError: it is no such file, or no key of a log was brought along: the file has none.
    """
    # 1. The file, and whose tree it is of.
    try:
        proof = TlogProof.parse(data)
        origin = Checkpoint.parse(Note.parse(proof.note).text).origin
    except NoteError as fault:
        raise CopyError(f"this is no tlog-proof that can be read: {fault}; ask for it again") from None
    if log_keys is None:
        raise CopyError(f"a receipt holds no key: give the key of the log with --log-key; it is of {origin}")
    tree = ARRIVALS if origin == origin_for(log_keys.current.name, ARRIVALS) else LOG
    keys = log_keys.under(lambda key: key_for(key, ARRIVALS)) if tree is ARRIVALS else log_keys
    verified = Verified(Report(1), keys.current, proof.note)
    verified.keys = keys
    report = verified.report
    # 2. The checkpoint: signed by the log's key, under the tree's own name.
    try:
        verified.key = keys.of(proof.note)
        checkpoint, _ = open_checkpoint(proof.note, verified.key)
    except NoteError as fault:
        report.fails(None, "检查点的签名不成立", f"checkpoint: {fault}")
        return verified
    verified.checkpoint = checkpoint
    # 3. The leaf that the entry makes, in the tree of the checkpoint.
    content = _included(report, proof, tree, checkpoint)
    if content is None:
        return verified
    verified.known_at = proof.index + 1
    verified.recorded_at = datetime.fromisoformat(content["recorded_at" if tree is LOG else "at"])
    # 4. The bytes that were sent.
    _compare(report, content, sent)
    if not report.faults:
        _tell(report, tree, proof.index + 1, content)
        report.statement = "in the log"
    return verified


def _included(report: Report, proof: TlogProof, tree: StoredTree, checkpoint: Checkpoint) -> dict[str, Any] | None:
    """What is recorded; None, and a fault, where it is not what stands at that place of the tree."""
    try:
        record, leaf = _opened(proof, tree)
        verify_inclusion(leaf_hash(leaf), proof.index, checkpoint.size, proof.hashes, checkpoint.root_hash)
    except (LeafError, MangledEntryError, MerkleError) as fault:
        report.fails(None, "所示记录不在树中, 或被改动", f"what is shown does not stand in the tree: {fault}")
        return None
    content: dict[str, Any] = json.loads(record)
    return content


def _opened(proof: TlogProof, tree: StoredTree) -> tuple[bytes, bytes]:
    """What is recorded, in its one form, and the leaf that it makes; LeafError where it is of another number."""
    if proof.extra is None:
        raise LeafError("the file has no extra line, from which the leaf is made")
    record, blinding = opened(proof.extra)
    if blinding is not None and blinding.value is None:
        raise LeafError("its blinding value was erased: nothing shows any more what stands behind the leaf")
    if tree is LOG:
        said, leaf = position_in(record), leaf_in(proof.extra)
        read_entry(said, proof.extra, b"", b"")
    else:
        said, leaf = _arrival(record), leaf_of(proof.index + 1, record, blinding)
        if blinding is None or entry_of(record, blinding) != proof.extra:
            raise LeafError("the entry of an arrival is what is recorded and its blinding value")
    if said != proof.index + 1:
        raise LeafError(f"the entry is of number {said}, the file of {proof.index + 1}")
    return record, leaf


def _arrival(record: bytes) -> int:
    """The number that is recorded, of what is written in its one form."""
    try:
        content = json.loads(record)
        number, kind, at = content.pop("arrival"), content.pop("kind"), datetime.fromisoformat(content.pop("at"))
        again = arrival_record(number, at, Recorded(kind, 0, content))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as fault:
        raise LeafError(f"the entry is no arrival: {fault}") from None
    if again != record or type(number) is not int or kind not in _NAMED:
        raise LeafError("the entry is no arrival in its one form")
    return number


def _compare(report: Report, content: Mapping[str, Any], sent: bytes | None) -> None:
    hashed = content.get("raw_sha256")
    if sent is None:
        report.notes("未与所发原文核对", "it was not compared with what was sent: give --sent with the event as sent")
    elif hashed is None:
        report.fails(None, "此条不含原文散列", "it tells of no bytes: compare the receipt of the message")
    elif hashlib.sha256(sent).hexdigest() != hashed:
        words = f"it is of bytes with SHA-256 {hashed}, what was sent has {hashlib.sha256(sent).hexdigest()}"
        report.fails(None, "回执不是所发原文的", words)
    else:
        report.holds("所发原文逐字节一致", "it is of the very bytes that were sent")


def _tell(report: Report, tree: StoredTree, number: int, content: Mapping[str, Any]) -> None:
    chinese, english = _NAMED[content.get("kind", "accepted")]
    at = content["recorded_at" if tree is LOG else "at"]
    where = f"position {number} of the log" if tree is LOG else f"number {number} of the arrivals"
    report.holds(
        f"{chinese}: {'日志位置' if tree is LOG else '收件'} {number}, {at}", f"{english}: {where}, recorded at {at}"
    )
    names = ("source", "id", "publisher", "raw_sha256", "quarantine_id", "step", "action", "by", "position", "reason")
    told = [f"{name} {content[name]}" for name in names if content.get(name) is not None]
    report.holds("所记: " + ", ".join(told), "recorded: " + ", ".join(told))
    for each in content.get("reasons") or ():
        report.holds(
            f"隔离原因 {each['rule']} {each['at']}", f"because of {each['rule']} {each['at']}: {each['message']}"
        )
