"""The three things that `taizhang verify` takes: the running database, a copy or an address, and an evidence bundle."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psycopg
from psycopg import IsolationLevel

from domain.ledger.rates import ANY, Filters
from services.access.reading_trail import READINGS
from services.evidence.bundles.answers import Answer
from services.evidence.copies.copies import CopyError, LogCopy, open_copy
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.notes import Note, NoteError, VerifierKey
from services.evidence.notes.signing import cosigned_file, last_file, load_key, readings_origin, readings_verifier
from services.evidence.verifier.bundle_check import verify_bundle
from services.evidence.verifier.check_beside import check_arrivals, check_readings
from services.evidence.verifier.check_projection import check_projection
from services.evidence.verifier.report import Report, compare_checkpoints, open_checkpoints
from services.evidence.verifier.verify import Source, verify_log
from services.ledger.ruleset import ruleset
from services.log.tree import LOG, StoredTree

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
    log_only: bool = False
    quorum: int | None = None

    def kept(self, *, of_readings: bool = False) -> Notes:
        """The checkpoints kept of the log, or of the trail of reading; CopyError where one is not there."""
        notes = [(path.name, _file(path)) for path in self.checkpoints]
        return [each for each in notes if _is_of_readings(each[1]) is of_readings]

    def notes(self, origin: str) -> Notes:
        """The log's checkpoints kept, and those that witnesses keep; CopyError where one cannot be had."""
        found = self.kept()
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
    """Verify the database that a service runs on: its log, and all that is kept beside the log.

    The log against itself and the last checkpoint that it signed; the trail of reading likewise; the account of what
    arrived; and the ledger's tables, row by row, against the log folded anew.
    """
    key = asked.log_key or (load_key(key_file).verifier if key_file.exists() else None)
    # The log may grow meanwhile: what was signed is read before its size, so that it is never of more events.
    notes = _last(key_file, LOG) + (asked.notes(key.name) if key else [])
    of_readings = _last(key_file, READINGS) + asked.kept(of_readings=True)
    with psycopg.connect(conninfo) as connection:
        size = LOG.size(connection)
    total(size if asked.log_only else 2 * size)
    report = _audit(Source(size, conninfo=conninfo), key, notes, asked, progress)
    if asked.log_only:
        return report
    checkpoints = open_checkpoints(report, of_readings, readings_verifier(key)) if key else []
    with psycopg.connect(conninfo) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        check_readings(report, connection, checkpoints)
        check_arrivals(report, connection)
    if report.first is not None and report.first.position is not None:
        report.holds("日志有误, 未核对台账各表", "the ledger's tables were not compared: the log itself is in doubt")
        return report
    with psycopg.connect(conninfo, autocommit=True) as connection:
        check_projection(report, connection, progress)
    return report


def _last(key_file: Path, tree: StoredTree) -> Notes:
    """The last checkpoint signed and the last that was cosigned, if there are any; they lie beside the key."""
    last = last_file(key_file, tree)
    return [(path.name, _file(path)) for path in (last, cosigned_file(last)) if path.exists()]


def _cosigned(copy: LogCopy) -> Notes:
    """The last checkpoint that witnesses have cosigned, where the ledger has one."""
    try:
        return [("checkpoint/cosigned", copy.read("checkpoint/cosigned"))]
    except CopyError:
        return []


def _is_of_readings(note: bytes) -> bool:
    return note.split(b"\n", 1)[0].decode(errors="replace").endswith(readings_origin(""))


def audit_copy(
    where: str, api_key: str | None, asked: Asked, progress: Callable[[int], None], total: Callable[[int], None]
) -> Report:
    """Verify a whole log by a ledger's address or from a copy."""
    with closing(open_copy(where, api_key)) as copy:
        try:
            key = asked.log_key or VerifierKey.parse(copy.read("key").decode().removesuffix("\n"))
            notes = asked.notes(key.name) + (_cosigned(copy) if asked.witness_keys else [])
            note = copy.read("checkpoint")  # after the witnesses', so that theirs is never of more events
            size = Checkpoint.parse(Note.parse(note).text).size
        except (NoteError, UnicodeDecodeError) as fault:
            report = Report(0)
            report.fails(None, "检查点或公钥损坏", f"the checkpoint or the key of {where} is mangled: {fault}")
            return report
    total(size)
    return _audit(Source(size, copy=where, api_key=api_key), key, [("checkpoint", note), *notes], asked, progress)


def audit_bundle(path: Path, asked: Asked) -> Report:
    """Verify an evidence bundle offline; kept checkpoints must be its own, by root, where the sizes are equal."""
    report, notes, key = verify_bundle(path, asked.log_key)
    kept = open_checkpoints(report, [*notes, *asked.notes(key.name)], key, asked.witness_keys, asked.quorum)
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
    signatures = Report(source.size)
    checkpoints = [] if key is None else open_checkpoints(signatures, notes, key, asked.witness_keys, asked.quorum)
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
