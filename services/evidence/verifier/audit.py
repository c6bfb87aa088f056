"""The three things that `taizhang verify` takes: the running database, a copy or an address, and an evidence bundle."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
from psycopg import IsolationLevel

from services.access.reading_trail import READINGS
from services.evidence.bundles.answers import Answer, AnswerError
from services.evidence.copies.copies import CopyError, LogCopy, open_copy
from services.evidence.notes.beside_key import TREES, cosigned_file, key_for, last_file
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.identity import NothingSignedError, history
from services.evidence.notes.key_files import load_key
from services.evidence.notes.key_history import KeyHistory, LogKeys
from services.evidence.notes.notes import Note, NoteError, VerifierKey
from services.evidence.verifier.asked import Asked, Notes, file_of, tell_keys
from services.evidence.verifier.bundle_check import Verified, verify_bundle
from services.evidence.verifier.check_arrival_tree import check_arrival_tree
from services.evidence.verifier.check_arrivals import check_arrivals
from services.evidence.verifier.check_guards import check_guards
from services.evidence.verifier.check_projection import check_projection
from services.evidence.verifier.check_readings import check_readings
from services.evidence.verifier.figure_check import verify_figure
from services.evidence.verifier.quorum import count_mirrors, count_witnesses, joined, read_consistency
from services.evidence.verifier.receipt_check import verify_receipt
from services.evidence.verifier.report import Opened, Report, compare_checkpoints, open_checkpoints
from services.evidence.verifier.verify import Source, verify_log
from services.ledger.ruleset import ruleset
from services.log.arrivals import ARRIVALS
from services.log.tree import LOG, StoredTree

#: Longer logs than any ledger's are not believed to be there: each position takes time and memory.
LOG_SIZE_MAX: Final = 2**32


def audit_database(
    conninfo: str, key_file: Path, asked: Asked, progress: Callable[[int], None], total: Callable[[int], None]
) -> Report:
    """Verify the database that a service runs on: its log, and all that is kept beside the log.

    The log against itself and the last checkpoint that it signed; the trail of reading likewise; the account of what
    arrived; and the ledger's tables, row by row, against the log folded anew.
    """
    report = Report(0)
    keys = _keys_here(conninfo, key_file, asked, report)
    # 1. The log: every hash made anew, and compared with all that is stored and was signed of it.
    # It may grow meanwhile: what was signed is read before its size, so that it is never of more events.
    notes = _last(key_file, LOG) + (asked.notes(keys.current.name, report) if keys else [])
    of_others = {tree: _last(key_file, tree) + asked.kept(tree) for tree in TREES[1:]}
    with psycopg.connect(conninfo) as connection:
        size = LOG.size(connection)
    total(size if asked.log_only else 2 * size)
    report = _audit(Source(size, conninfo=conninfo), keys, notes, asked, progress, report)
    if asked.log_only:
        return report

    def heads(tree: StoredTree) -> list[tuple[str, Checkpoint]]:
        under = None if keys is None else keys.under(lambda key: key_for(key, tree))
        opened = [] if under is None else open_checkpoints(report, of_others[tree], under)
        return [(each.label, each.checkpoint) for each in opened]

    with psycopg.connect(conninfo) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        # 2. What keeps the tables from being rewritten: triggers, functions, policies, views.
        check_guards(report, connection)
        # 3. The trail of reading, against its own tree and the heads signed of it.
        check_readings(report, connection, heads(READINGS))
        # 4. The account of what arrived, against itself, then against its own tree and the heads signed of it.
        check_arrivals(report, connection)
        check_arrival_tree(report, connection, heads(ARRIVALS))
    if report.first is not None and report.first.position is not None:
        report.notes("日志有误, 未核对台账各表", "the ledger's tables were not compared: the log itself is in doubt")
        return report
    # 5. The ledger's tables, row by row against the log folded anew.
    with psycopg.connect(conninfo, autocommit=True) as connection:
        check_projection(report, connection, progress)
    return report


def _keys_here(conninfo: str, key_file: Path, asked: Asked, report: Report) -> LogKeys | None:
    """The keys of the log in a database; what it says of them must hold, and be of the key in the file."""
    own = load_key(key_file).verifier if key_file.exists() else None
    found = None
    with psycopg.connect(conninfo) as connection:
        try:
            found = history(connection)
        except NothingSignedError as fault:
            report.fails(None, "日志密钥的记录被改动", str(fault))
    if found is not None and own != found.current:
        report.notes(
            f"本机没有日志现用的密钥 {found.current}, 日志未被签署",
            f"this host does not have the key that the log signs with, {found.current}: nothing is signed here",
        )
        own = found.current
    return asked.log_keys(own, found, report)


def _last(key_file: Path, tree: StoredTree) -> Notes:
    """The last checkpoint signed and the last that was cosigned, if there are any; they lie beside the key."""
    last = last_file(key_file, tree)
    return [(path.name, file_of(path)) for path in (last, cosigned_file(last)) if path.exists()]


def _cosigned(copy: LogCopy) -> Notes:
    """The last checkpoint that witnesses have cosigned, where the ledger has one."""
    try:
        return [("checkpoint/cosigned", copy.read("checkpoint/cosigned"))]
    except CopyError:
        return []


def audit_copy(
    where: str, api_key: str | None, asked: Asked, progress: Callable[[int], None], total: Callable[[int], None]
) -> Report:
    """Verify a whole log by a ledger's address or from a copy."""
    report = Report(0)
    with closing(open_copy(where, api_key)) as copy:
        try:
            own = None if asked.log_key else VerifierKey.parse(copy.read("key").decode().removesuffix("\n"))
            keys = asked.log_keys(own, _history(copy), report)
            assert keys is not None  # noqa: S101 -- one key is known by now
            notes = asked.notes(keys.current.name, report) + (_cosigned(copy) if asked.witness_keys else [])
            note = copy.read("checkpoint")  # after the witnesses', so that theirs is never of more events
            size = Checkpoint.parse(Note.parse(note).text).size
        except (NoteError, UnicodeDecodeError) as fault:
            report.fails(None, "检查点或公钥损坏", f"the checkpoint or the key of {where} is mangled: {fault}")
            return report
    if size > LOG_SIZE_MAX:
        raise CopyError(f"the checkpoint of {where} is of {size} events: at most {LOG_SIZE_MAX} are verified")
    total(size)
    notes = [("checkpoint", note), *notes]
    return _audit(Source(size, copy=where, api_key=api_key), keys, notes, asked, progress, report)


def _history(copy: LogCopy) -> KeyHistory | None:
    """The changes of the log's key; a log that never changed it, or an older release, has no such file."""
    try:
        return KeyHistory.read(copy.read("keys"))
    except CopyError:
        return None


def audit_bundle(path: Path, asked: Asked) -> Report:
    """Verify an evidence bundle offline, with the witnesses who signed its head or one that a proof joins to it."""
    told = Report(0)
    return _with_witnesses(path, verify_bundle(path, _brought(asked, told)), asked, told)


def audit_figure(path: Path, asked: Asked) -> Report:
    """Verify a figure's proof offline, with the witnesses as of a bundle."""
    told = Report(0)
    return _with_witnesses(path, verify_figure(file_of(path), _brought(asked, told)), asked, told)


def audit_receipt(path: Path, asked: Asked) -> Report:
    """Verify a receipt offline, or any tlog-proof of an event, with the witnesses as of a bundle."""
    told = Report(0)
    sent = None if asked.sent is None else file_of(asked.sent)
    return _with_witnesses(path, verify_receipt(file_of(path), _brought(asked, told), sent), asked, told)


def _brought(asked: Asked, told: Report) -> LogKeys | None:
    """The keys that the verifier brings along; CopyError where their history is mangled."""
    try:
        return asked.log_keys(None, None, told)
    except NoteError as fault:
        raise CopyError(f"{asked.key_history}: {fault}") from None


def _with_witnesses(path: Path, verified: Verified, asked: Asked, told: Report) -> Report:
    report, own = verified.report, verified.checkpoint
    report.take(told)
    if own is None:
        return report
    # 9. The heads kept elsewhere, and the witnesses behind those that are this one or joined to it.
    proofs = [read_consistency(file_of(each)) for each in asked.proofs]
    keys = verified.keys or LogKeys.follow(verified.key, None)
    if asked.key_history is None:
        tell_keys(report, keys)
    kept = open_checkpoints(report, asked.notes(verified.key.name, report), keys, asked.witness_keys)
    for opened in open_checkpoints(report, [(path.name, verified.note)], keys, asked.witness_keys):
        heads = joined(report, opened, kept, proofs)
        count_witnesses(report, heads, asked.asking, verified.known_at, verified.recorded_at)
    # 10. Mirrors, which have the events and folded the roots from them.
    count_mirrors(report, verified.told, [(each.name, file_of(each)) for each in asked.vouched], asked.witness_keys)
    _own_key(report, asked, verified.key)
    return report


def _audit(  # noqa: PLR0917 -- one verification
    source: Source,
    keys: LogKeys | None,
    notes: Notes,
    asked: Asked,
    progress: Callable[[int], None],
    signatures: Report,
) -> Report:
    answer = None if asked.answer is None else Answer(file_of(asked.answer), asked.filters)
    checkpoints = [] if keys is None else open_checkpoints(signatures, notes, keys, asked.witness_keys)
    sizes = [opened.checkpoint.size for opened in checkpoints] + ([answer.tree_size] if answer else [])
    report, hashes = verify_log(source, sizes, answer, workers=asked.workers, progress=progress)
    report.take(signatures)
    agreed = compare_checkpoints(report, hashes, checkpoints)
    if keys is None:
        report.notes("没有公钥, 未核对任何签名", "no key, so no signature was checked: give --log-key")
    else:
        _own_key(report, asked, keys.current)
        count_witnesses(report, agreed, asked.asking, 0 if answer is None else answer.position, None)
        _tell_lag(report, agreed)
        report.statement = "in the log"
    if answer is not None:
        evidence = Checkpoint("", answer.tree_size, answer.root_hash)
        compare_checkpoints(report, hashes, [Opened("the answer's evidence", evidence, {})])
        _compare_answer(report, hashes.differences or [], answer)
    return report


def _tell_lag(report: Report, agreed: Sequence[Opened]) -> None:
    witnessed = max((opened.checkpoint.size for opened in agreed if opened.cosigned), default=0)
    if 0 < witnessed < report.size:
        report.notes(
            f"位置 {witnessed + 1} 到 {report.size} 尚无见证人签名",
            f"positions {witnessed + 1} to {report.size} are under the log's signature alone: no witness asked for has "
            "signed them yet",
        )


def _compare_answer(report: Report, differences: Sequence[str], answer: Answer) -> None:
    if report.first is not None and report.first.position is not None:
        return  # what the events say is in doubt, and so are all figures
    if answer.ruleset != ruleset():
        made_by = f"the answer was made by other rules ({answer.ruleset})"
        if differences and report.first is None:
            raise AnswerError(f"{made_by}, and is NOT judged: verify it with the release that made it")
        report.notes("答案出自另一版规则, 这里按本版规则计算", f"{made_by}: it is compared by those of this version")
    for difference in differences:
        report.fails(None, "答案与事件不符", difference)
    if report.first is None:
        report.holds("按事件重新汇总, 与答案完全一致", "folded anew from the events, the answer agrees in every figure")
        report.statement = "complete"


def _own_key(report: Report, asked: Asked, key: VerifierKey) -> None:
    if asked.log_key is None:
        report.notes(
            f"公钥取自日志本身, 请与公布的核对: {key}",
            "the key is the log's own word: compare it with the one made known elsewhere, or give --log-key",
        )
