"""What a verifier brings along: keys that it trusts, checkpoints that it kept, an answer that it was given."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx

from domain.ledger.rates import ANY, Filters
from services.evidence.copies.copies import CopyError, bounded_get, bounded_read
from services.evidence.notes.beside_key import TREES, origin_for
from services.evidence.notes.key_history import KeyHistory, LogKeys
from services.evidence.notes.notes import NOTE_BYTES_MAX, NoteError, VerifierKey
from services.evidence.notes.tlog_policy import Policy
from services.evidence.verifier.quorum import Asking
from services.evidence.verifier.report import Report
from services.log.tree import LOG, StoredTree

WITNESS_TIMEOUT_S: Final = 30
#: What somebody brings along: an answer of every region's every group is far below.
FILE_BYTES_MAX: Final = 64 * 2**20
Notes = list[tuple[str, bytes]]
BECAUSE: Final = {"rotated": "轮换", "lost": "丢失", "leaked": "泄露", "restored": "恢复"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verifier brings along: keys that it trusts, checkpoints that it kept, an answer that it was given.

    `proofs` are of consistency. `key_history` is what GET /v1/log/keys answered, `vouched` what mirrors signed of the
    roots. `within_s` is how old a cosignature may be. `policy` decides instead of `quorum`; `sent` is what a receipt
    must be of. `configured` says that the witnesses are those that the settings name, so that one that is silent is
    told of and does not end the verification.
    """

    log_key: VerifierKey | None = None
    witness_keys: Sequence[VerifierKey] = ()
    checkpoints: Sequence[Path] = ()
    witnesses: Sequence[str] = ()
    answer: Path | None = None
    filters: Filters = ANY
    workers: int | None = None
    log_only: bool = False
    quorum: int | None = None
    proofs: Sequence[Path] = ()
    within_s: float | None = None
    configured: bool = False
    key_history: Path | None = None
    vouched: Sequence[Path] = ()
    policy: Policy | None = None
    sent: Path | None = None

    def log_keys(self, own: VerifierKey | None, history: KeyHistory | None, report: Report) -> LogKeys | None:
        """The keys to go by: the one that was brought along, or else the log's own, and what follows from it."""
        trusted = self.log_key or own
        if self.key_history is not None:
            history = KeyHistory.read(file_of(self.key_history))
        if trusted is None:
            return None
        keys = LogKeys.follow(trusted, history)
        tell_keys(report, keys)
        return keys

    @property
    def asking(self) -> Asking:
        """Which witnesses must have signed."""
        return Asking(self.witness_keys, self.quorum, self.within_s, self.policy)

    def kept(self, tree: StoredTree = LOG) -> Notes:
        """The checkpoints kept of the log, or of a tree beside it; CopyError where one is not there."""
        notes = [(path.name, file_of(path)) for path in self.checkpoints]
        return [each for each in notes if _tree_of(each[1]) is tree]

    def notes(self, origin: str, report: Report) -> Notes:
        """The log's checkpoints kept, and those that witnesses keep; CopyError where one cannot be had."""
        found = self.kept()
        for address in self.witnesses:
            url = str(httpx.URL(f"{address.rstrip('/')}/checkpoint", params={"origin": origin}))
            try:
                found.append((address, bounded_get(url, NOTE_BYTES_MAX, WITNESS_TIMEOUT_S)))
            except CopyError as fault:
                if not self.configured:
                    raise CopyError(f"witness {address}: {fault}") from None
                report.notes(f"见证人 {address} 未作答", f"witness {address} is silent: {fault}")
        return found


def tell_keys(report: Report, keys: LogKeys) -> None:
    """Note which key is gone by in the end, and whom the one that is trusted does not vouch for."""
    if keys.current != keys.trusted:
        report.holds(
            f"公钥已更换, 新旧两把均已签名: 现为 {keys.current}",
            f"the key was changed, and old and new key signed that: it is {keys.current} now",
        )
    if (change := keys.unfollowed) is not None:
        report.notes(
            f"自第 {change.size + 1} 个事件起改用另一把公钥 ({BECAUSE[change.because]}), 旧钥未签: 请另行核实",
            f"from event {change.size + 1} on the log signs with another key, since the one before was "
            f"{change.because}; that key does not vouch for it: have the new one made known to you another way",
        )


def _tree_of(note: bytes) -> StoredTree:
    origin = note.split(b"\n", 1)[0].decode(errors="replace")
    return next((tree for tree in TREES[1:] if origin.endswith(origin_for("", tree))), LOG)


def file_of(path: Path) -> bytes:
    """Its bytes; CopyError where it cannot be read, or is too large."""
    return bounded_read(path, FILE_BYTES_MAX)


def by_policy(asked: Asked, data: bytes) -> Asked:
    """What a policy asks for, in place of keys and a number.

    Raises:
        CopyError: it is none, names no log or several, or stands beside what it decides.
    """
    try:
        policy = Policy.parse(data)
    except NoteError as fault:
        raise CopyError(f"this is no policy: {fault}") from None
    if asked.witness_keys or asked.quorum is not None:
        raise CopyError("a policy names the witnesses and how many: leave --witness-key and --quorum away")
    if asked.log_key is None and len(policy.logs) != 1:
        raise CopyError(f"the policy names {len(policy.logs)} logs: say with --log-key which one this is of")
    if asked.log_key is not None and policy.logs and asked.log_key not in policy.logs:
        raise CopyError(f"{asked.log_key} is none of the logs that the policy names")
    log_key = asked.log_key or policy.logs[0]
    return replace(asked, log_key=log_key, witness_keys=list(policy.witnesses.values()), policy=policy)
