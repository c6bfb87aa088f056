"""The three things that `taizhang verify` takes: the running database, a copy or an address, and an evidence bundle."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psycopg

from domain.rates import ANY, Filters
from services.evidence.answers import Answer
from services.evidence.bundle_check import verify_bundle
from services.evidence.checkpoint import Checkpoint
from services.evidence.copies import CopyError, open_copy
from services.evidence.keys import load_key
from services.evidence.log_tree import tree_size
from services.evidence.notes import Note, NoteError, VerifierKey
from services.evidence.report import Report, compare_checkpoints, open_checkpoints
from services.evidence.verify import Source, verify_log
from services.ruleset import ruleset

WITNESS_TIMEOUT_S: Final = 30

Notes = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verifier brings along: keys that it trusts, checkpoints that it kept, an answer that it was given."""

    log_key: VerifierKey | None = None
    witness_keys: Sequence[VerifierKey] = ()
    checkpoints: Sequence[Path] = ()
    witnesses: Sequence[str] = ()
    answer: Path | None = None
    filters: Filters = ANY
    workers: int | None = None

    def notes(self, origin: str) -> Notes:
        """The checkpoints kept, and those that witnesses keep; CopyError where one cannot be had."""
        found: Notes = [(path.name, _file(path)) for path in self.checkpoints]
        for address in self.witnesses:
            try:
                answer = httpx.get(
                    f"{address.rstrip('/')}/checkpoint",
                    params={"origin": origin},
                    timeout=WITNESS_TIMEOUT_S,
                    trust_env=False,
                )
            except httpx.HTTPError as fault:
                raise CopyError(f"witness {address} does not answer: {fault}") from None
            if answer.status_code != httpx.codes.OK:
                raise CopyError(f"witness {address} answered {answer.status_code}: {answer.text[:300]}")
            found.append((address, answer.content))
        return found


def audit_database(
    conninfo: str, key_file: Path, asked: Asked, progress: Callable[[int], None], total: Callable[[int], None]
) -> Report:
    """Verify the database that a service runs on against its own log, and against the last checkpoint it signed."""
    with psycopg.connect(conninfo) as connection:
        size = tree_size(connection)
    total(size)
    notes: Notes = []
    key = asked.log_key
    if key_file.exists():
        key = key or load_key(key_file).verifier
        last = key_file.with_name(f"{key_file.name}.checkpoint")
        if last.exists():
            notes.append((last.name, _file(last)))
    return _audit(Source(size, conninfo=conninfo), key, notes, asked, progress)


def audit_copy(
    where: str, api_key: str | None, asked: Asked, progress: Callable[[int], None], total: Callable[[int], None]
) -> Report:
    """Verify a whole log by a ledger's address or from a copy."""
    with closing(open_copy(where, api_key)) as copy:
        note = copy.read("checkpoint")
        own_key = copy.read("key") if asked.log_key is None else b""
    try:
        size = Checkpoint.parse(Note.parse(note).text).size
        key = asked.log_key or VerifierKey.parse(own_key.decode().removesuffix("\n"))
    except (NoteError, UnicodeDecodeError) as fault:
        report = Report(0)
        report.fails(None, "检查点或公钥损坏", f"the checkpoint or the key of {where} is mangled: {fault}")
        return report
    total(size)
    return _audit(Source(size, copy=where, api_key=api_key), key, [("checkpoint", note)], asked, progress)


def audit_bundle(path: Path, asked: Asked) -> Report:
    """Verify an evidence bundle offline; kept checkpoints must be its own, by root, where the sizes are equal."""
    report, notes, key = verify_bundle(path, asked.log_key)
    kept = open_checkpoints(report, [*notes, *asked.notes(key.name)], key, asked.witness_keys)
    for label, checkpoint in kept[1:]:
        own = kept[0][1]
        if checkpoint.size == own.size and checkpoint.root_hash != own.root_hash:
            report.fails(None, f"与 {label} 不符", f"contradicts {label}: another root at the same size {own.size}")
    _own_key(report, asked, key)
    return report


def _audit(
    source: Source, key: VerifierKey | None, notes: Notes, asked: Asked, progress: Callable[[int], None]
) -> Report:
    answer = None if asked.answer is None else Answer(_file(asked.answer), asked.filters)
    notes = notes + (asked.notes(key.name) if key is not None else [])
    signatures = Report(source.size)
    checkpoints = [] if key is None else open_checkpoints(signatures, notes, key, asked.witness_keys)
    sizes = [checkpoint.size for _, checkpoint in checkpoints] + ([answer.tree_size] if answer else [])
    report, hashes = verify_log(source, sizes, answer, workers=asked.workers, progress=progress)
    report.good += signatures.good
    report.faults += signatures.faults
    report.faults_total += signatures.faults_total
    compare_checkpoints(report, hashes, checkpoints)
    if key is None:
        report.holds("没有公钥, 未核对任何签名", "no key, so no signature was checked: give --log-key")
    else:
        _own_key(report, asked, key)
    if answer is not None:
        evidence = Checkpoint("", answer.tree_size, answer.root_hash)
        compare_checkpoints(report, hashes, [("the answer's evidence", evidence)])
        _compare_answer(report, hashes.differences or [], answer)
    return report


def _compare_answer(report: Report, differences: Sequence[str], answer: Answer) -> None:
    if report.first is not None and report.first.position is not None:
        return  # what the events say is in doubt, and so are all figures
    for difference in differences:
        report.fails(None, "答案与事件不符", difference)
    if answer.ruleset != ruleset():
        report.holds(
            "答案出自另一版规则, 这里按本版规则计算",
            f"the answer was made by other rules ({answer.ruleset}): it is compared by those of this version",
        )
    if report.first is None:
        report.holds("按事件重新汇总, 与答案完全一致", "folded anew from the events, the answer agrees in every figure")


def _own_key(report: Report, asked: Asked, key: VerifierKey) -> None:
    if asked.log_key is None:
        report.holds(
            f"公钥取自日志本身, 请与公布的核对: {key}",
            "the key is the log's own word: compare it with the one made known elsewhere, or give --log-key",
        )


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise CopyError(f"{path} cannot be read: {fault.strerror}") from None
