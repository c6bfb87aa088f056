"""Whether a quorum of witnesses stands behind what was verified, and how long ago they signed (C2SP tlog-cosignature).

A cosignature counts for a log's head, or for one that a consistency proof joins to it, if that head holds all that
was asked for: a witness vouches for the tree that it saw and for none that grew from it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from domain.tree.merkle import MerkleError
from domain.tree.proofs import verify_consistency
from domain.values.strict_json import NotJsonError, read_json
from services.evidence.bundles.answers import read_hash
from services.evidence.copies.copies import CopyError
from services.evidence.notes.checkpoint import parse_size
from services.evidence.notes.notes import NoteError, VerifierKey
from services.evidence.notes.tlog_policy import Policy
from services.evidence.notes.vouched import Told, require_vouched
from services.evidence.verifier.report import Opened, Report
from services.system.settings import SHANGHAI

#: How far a witness's clock may differ from the log's and from ours.
CLOCKS_DIFFER_S: Final = 300


class Consistency(NamedTuple):
    """A proof that a tree keeps every leaf of an earlier one, as GET /v1/log/proof/consistency gives it."""

    old_size: int
    new_size: int
    hashes: list[bytes]


class Asking(NamedTuple):
    """Which witnesses must have signed: so many of them, all if `quorum` is None, at most so many seconds ago.

    A policy decides by itself which of them are enough.
    """

    witnesses: Sequence[VerifierKey]
    quorum: int | None
    within_s: float | None
    policy: Policy | None = None


def read_consistency(data: bytes) -> Consistency:
    """Read a proof; CopyError where it is none."""
    try:
        value = read_json(data)
        old, new = (parse_size(str(value[name])) for name in ("old_size", "new_size"))
        return Consistency(old, new, [read_hash(each) for each in value["hashes"]])
    except (NotJsonError, NoteError, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise CopyError(f"no answer of GET /v1/log/proof/consistency: {fault}; save it whole, as JSON") from None


def joined(report: Report, own: Opened, kept: Iterable[Opened], proofs: Sequence[Consistency]) -> list[Opened]:
    """The bundle's own head, and those of the heads kept that are the same or that a proof joins to it."""
    found = [own]
    for each in kept:
        old, new = sorted((own, each), key=lambda opened: opened.checkpoint.size)
        sizes = old.checkpoint.size, new.checkpoint.size
        due = [proof.hashes for proof in proofs if (proof.old_size, proof.new_size) == sizes]
        if sizes[0] == sizes[1]:
            due = [[]]
        if not due:
            report.notes(
                f"{each.label} ({each.checkpoint.size:,} 个事件) 与本包的检查点之间没有一致性证明, 不计入",
                f"{each.label} ({each.checkpoint.size:,} events) is not joined to the bundle's own head "
                f"({own.checkpoint.size:,}) and counts for nothing: give --consistency with the proof from {sizes[0]} "
                f"to {sizes[1]}",
            )
            continue
        try:
            verify_consistency(*sizes, due[0], old.checkpoint.root_hash, new.checkpoint.root_hash)
        except MerkleError as fault:
            words = f"contradicts {each.label}: "
            words += (
                f"another root at the same size {sizes[0]}"
                if sizes[0] == sizes[1]
                else f"the tree of {sizes[1]} events is not shown to extend that of {sizes[0]}: {fault}"
            )
            report.fails(None, f"与 {each.label} 不符", words)
            continue
        report.holds(
            f"与 {each.label} 一致 ({each.checkpoint.size:,} 个事件)",
            f"agrees with {each.label} ({each.checkpoint.size:,} events)",
        )
        found.append(each)
    return found


def count_witnesses(
    report: Report, heads: Sequence[Opened], asking: Asking, known_at: int, recorded_at: datetime | None
) -> None:
    """So many of the witnesses must have signed one of the heads that hold all events up to `known_at`.

    `recorded_at` is when the last of what was asked for was recorded: nobody can have signed it before.
    """
    if not asking.witnesses and (asking.policy is None or asking.policy.is_met(())):
        report.notes("未给出见证人公钥, 未核对见证", "no witness was asked for: give --witness-key")
        return
    now = datetime.now(UTC).timestamp()
    earliest = 0.0 if recorded_at is None else recorded_at.timestamp() - CLOCKS_DIFFER_S
    if asking.within_s is not None:
        earliest = max(earliest, now - asking.within_s)
    signed: dict[VerifierKey, str] = {}
    reasons: dict[VerifierKey, str] = {}
    for label, checkpoint, cosigned in heads:
        for witness, at in cosigned.items():
            when = _shown(at)
            if checkpoint.size < known_at:
                reasons[witness] = f"it signed {checkpoint.size:,} events ({label}), {known_at:,} are asked for"
            elif at > now + CLOCKS_DIFFER_S:
                reasons[witness] = f"its signature is dated {when}, which is to come"
            elif at < earliest:
                reasons[witness] = f"its signature is of {when}: too old, or before what it is said to cover"
            else:
                signed[witness] = f"{checkpoint.size:,} events at {when}"
    _tell(report, asking, signed, reasons)


def count_mirrors(
    report: Report, told: Told | None, notes: Sequence[tuple[str, bytes]], keys: Sequence[VerifierKey]
) -> None:
    """Each note must be the word of one of the keys on the very roots that everything here rests on."""
    if told is None:
        if notes and report.first is None:
            report.fails(None, "此件不依据任何树根", "it rests on no roots, so that no mirror can have signed any")
        return
    for label, data in notes:
        try:
            mirror, at = require_vouched(told, data, list(keys))
        except NoteError as fault:
            report.fails(
                None, f"{label} 不是镜像对此树根的签署", f"{label} is no mirror's word on these roots: {fault}"
            )
            continue
        report.holds(
            f"镜像 {mirror.name} 持有全部事件, 重算后签署了此树根: {_shown(at)}",
            f"mirror {mirror.name}, which has the events, folded these roots anew and signed them at {_shown(at)}",
        )
    if not notes:
        report.notes(
            "树根是否由事件推得, 此处未核对",
            "that the roots follow from the log's events is the log's own word here: give --vouched with a mirror's",
        )


def _tell(report: Report, asking: Asking, signed: dict[VerifierKey, str], reasons: dict[VerifierKey, str]) -> None:
    witnesses = list(dict.fromkeys(asking.witnesses))
    due = len(witnesses) if asking.quorum is None else asking.quorum
    for witness, what in signed.items():
        report.holds(f"见证人 {witness.name} 已签: {what}", f"witness {witness.name} has signed {what}")
    must = f"{due} must" if asking.policy is None else f"the policy asks for {asking.policy.quorum_name}"
    count = f"{len(signed)} of {len(witnesses)} witnesses have signed, {must}"
    asks = f"要求 {due} 名" if asking.policy is None else f"规则要求 {asking.policy.quorum_name}"
    if len(signed) >= due if asking.policy is None else asking.policy.is_met(signed):
        report.holds(f"{len(witnesses)} 名见证人中 {len(signed)} 名已签, {asks}", count)
        return
    said = [
        f"{witness.name} ({reasons[witness]})" if witness in reasons else witness.name
        for witness in witnesses
        if witness not in signed
    ]
    report.fails(
        None,
        f"{len(witnesses)} 名见证人中只有 {len(signed)} 名已签, {asks}",
        f"{count}; no checkpoint is signed by witness {', '.join(said)}: give one with --checkpoint or --witness",
    )


def _shown(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, SHANGHAI).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return f"POSIX time {seconds}"
