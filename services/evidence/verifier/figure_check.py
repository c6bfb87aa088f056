"""Verify the proof of one figure by itself: offline, with nothing but this package.

The steps have the numbers of services/evidence/evidence-format.md. A step that finds a fault is the last.
"""

from domain.ledger.rates import RATES, ratio
from domain.tree.merkle import MerkleError
from domain.tree.sum_tree import root_of
from services.evidence.copies.copies import CopyError
from services.evidence.notes.checkpoint import open_checkpoint
from services.evidence.notes.key_history import LogKeys
from services.evidence.notes.notes import NoteError, VerifierKey
from services.evidence.notes.vouched import Told
from services.evidence.roots.figure_proof import ALL_KINDS, WHOLE, FigureProof, read
from services.evidence.roots.stated import Stated
from services.evidence.verifier.bundle_check import Verified
from services.evidence.verifier.report import Report
from services.evidence.verifier.roots_check import included, stated_in


def verify_figure(data: bytes, log_keys: LogKeys | None) -> Verified:
    """Verify a figure's proof, with the log's keys or, without any, with the key that it brings.

    Raises:
        CopyError: it is no such file.
    """
    # 1. The file: lines in the one way in which they are written.
    proof = read(data)
    try:
        own_key = VerifierKey.parse(proof.key)
    except NoteError as fault:
        raise CopyError(f"this is no figure's proof that can be read: {fault}") from None
    verified = Verified(Report(1), own_key if log_keys is None else log_keys.current, proof.note)
    verified.keys = log_keys
    report = verified.report
    try:
        verified.key = own_key if log_keys is None else log_keys.of(proof.note)
    except NoteError as fault:
        report.fails(None, "检查点的签名不成立", f"checkpoint: {fault}")
        return verified
    if own_key != verified.key:
        report.fails(None, "自称另一把公钥", f"the key is {own_key}, the log's is {verified.key}")
        return verified
    # 2. The checkpoint: signed by the log's key.
    try:
        checkpoint, _ = open_checkpoint(proof.note, verified.key)
    except NoteError as fault:
        report.fails(None, "检查点的签名不成立", f"checkpoint: {fault}")
        return verified
    verified.checkpoint = checkpoint
    # 3. The event that states the roots: a leaf of the tree, its bytes as received, the service's own word.
    stored = included(report, proof.entry, proof.raw, proof.path, checkpoint)
    stated = None if stored is None or report.faults else stated_in(report, stored)
    if stored is None or stated is None or report.faults:
        return verified
    verified.known_at, verified.recorded_at = stored.position, stored.recorded_at
    verified.told = Told(
        checkpoint.origin, stored.position, stored.leaf(stored.position), stated.as_of, stated.known_at
    )
    report.holds(
        f"位置 {stored.position} 的事件公布了树根, 已在日志中",
        f"position {stored.position} of the log states the roots",
    )
    # 4. The sums: from the region's node to the root that was stated.
    check_sums(report, proof, stated)
    if not report.faults:
        _tell(report, proof, stated)
    return verified


def check_sums(report: Report, proof: FigureProof, stated: Stated) -> None:
    """Refuse a figure whose sums do not lead to the root that was stated."""
    if proof.kind is not None and proof.kind not in stated.kinds:
        report.fails(None, "未知的类型", f"{proof.kind} is none of the kinds that are counted")
        return
    try:
        made = root_of(proof.sums, stated.width)
    except MerkleError as fault:
        report.fails(None, "合计不成立", f"the sums: {fault}")
        return
    if made != stated.sums:
        words = f"the figures lead to the root {made.hex()}, position {stated.position} states {stated.sums.hex()}"
        report.fails(None, "数字与公布的树根不符", words)


def _tell(report: Report, proof: FigureProof, stated: Stated) -> None:
    digits, key = proof.sums.digits, proof.sums.key or WHOLE
    counts = stated.figure(proof.sums.counts, proof.kind)
    where = "the whole ledger" if digits == 0 else f"region:{digits}={key}"
    of = f"{where}, kind={proof.kind or ALL_KINDS}, as_of={stated.as_of}, known_at={stated.known_at}"
    report.holds(f"所证: {of}", f"the figure: {of}; by the rules {stated.ruleset}")
    for name, (above, below) in RATES.items():
        if above in counts and below in counts:
            over = f"{counts[above]:,}/{counts[below]:,}"
            value = ratio(counts[above], counts[below])
            report.holds(f"{name} {over}", f"{name} is {over}" + ("" if value is None else f", {value}"))
    said = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    report.holds(f"全部计数: {said}", f"all counts: {said}")
    report.statement = "complete"
