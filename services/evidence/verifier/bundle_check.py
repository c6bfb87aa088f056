"""Verify an evidence bundle by itself: offline, without a database, with nothing but this package.

The steps have the numbers under which they are done. A step that finds a fault is the last: what rests on it says
nothing any more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.events.facts import Event
from domain.tree.merkle import MerkleError
from domain.tree.proofs import read_proof, verify_shared
from domain.values.instants import parse_date
from domain.values.strict_json import NotJsonError, read_json
from services.evidence.bundles.answers import fold, no_garbage_collection
from services.evidence.bundles.archive import read_members
from services.evidence.bundles.bundle import (
    COMPLETE,
    EVENTS,
    FORMAT,
    KEYS,
    MANIFEST,
    MAP,
    MEMBERS,
    TREE,
    Question,
    answer_of,
    members_besides,
    read_question,
)
from services.evidence.bundles.relevant import named
from services.evidence.copies.copies import CopyError
from services.evidence.copies.forms import erased_by
from services.evidence.copies.lines import read_line
from services.evidence.copies.stored import StoredEvent
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.key_history import KeyHistory, LogKeys
from services.evidence.notes.notes import NoteError, VerifierKey
from services.evidence.notes.vouched import Told
from services.evidence.roots import completeness
from services.evidence.verifier.complete_check import Shown, check_complete
from services.evidence.verifier.deciding import Decided
from services.evidence.verifier.report import Report
from services.evidence.verifier.scan import Part, check_event
from services.ledger.ruleset import ruleset

_MANIFEST: Final = frozenset((
    "format", "origin", "key", "tree_size", "rules", "as_of", "known_at", "question", "organizations",
))  # fmt: skip
NAMED_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself; nothing of it is proved before it was compared with what it rests on."""

    origin: str
    key: VerifierKey
    tree_size: int
    question: Question
    organizations: list[str]


@dataclass(slots=True)
class Verified:
    """What a verification found, and what witnesses may have signed: the bundle's own head.

    `checkpoint` is None where its signature does not hold; `recorded_at` is the last event's, `told` the statement of
    roots that it rests on, if any; `keys` those that were brought along, and what the file shows to follow from them.
    """

    report: Report
    key: VerifierKey
    note: bytes
    checkpoint: Checkpoint | None = None
    known_at: int = 0
    recorded_at: datetime | None = None
    told: Told | None = None
    keys: LogKeys | None = None


def verify_bundle(path: Path, log_keys: LogKeys | None) -> Verified:
    """Verify a bundle by itself, with the log's keys or, without any, with the key that it brings.

    Raises:
        CopyError: the file is no bundle, or one that other rules made.
    """
    # 1. The file: its members, each once, and no byte besides (services/evidence/bundles/archive.py).
    besides = members_besides(path)
    shows_complete = COMPLETE in besides
    if shows_complete != (MAP in besides):
        raise CopyError(f"{path} has one of {COMPLETE} and {MAP} without the other")
    members = read_members(path, (*MEMBERS, *besides))
    # 2. The manifest and the answer: JSON in which each name stands once, of this format and by these rules.
    try:
        manifest = _read_manifest(read_json(members[MANIFEST]))
        answer = read_json(members["answer.json"])
        proof = read_proof(members[TREE])
        complete = _read_complete(members) if shows_complete else None
        keys = KeyHistory.read(members[KEYS]) if KEYS in besides else None
    except (NotJsonError, KeyError, TypeError, ValueError, AttributeError, NoteError) as fault:
        raise CopyError(f"{path} is no evidence bundle: {type(fault).__name__} {fault}; export it again") from None
    if log_keys is not None and keys is not None:
        log_keys = log_keys.or_by(keys)
    verified = Verified(Report(0), manifest.key if log_keys is None else log_keys.current, members["checkpoint"])
    verified.keys = log_keys
    report = verified.report
    # 3. The checkpoint: signed by the log's key.
    try:
        verified.key = key = manifest.key if log_keys is None else log_keys.of(members["checkpoint"])
        checkpoint, _ = open_checkpoint(members["checkpoint"], key)
    except NoteError as fault:
        report.fails(None, "检查点的签名不成立", f"checkpoint: {fault}")
        return verified
    verified.checkpoint, verified.known_at = checkpoint, manifest.question.known_at
    # 4. What the manifest says of the log is what the checkpoint says.
    _bind(report, manifest, checkpoint, key)
    if report.faults:
        return verified
    # 5. The events: in order, each known at the time asked for; together leaves of the tree, their bytes as received.
    tree = Tree(checkpoint, proof, None if complete is None else complete.stated)
    stored = _included(report, path, members[EVENTS], tree, manifest.question.known_at)
    report.size = len(stored)
    verified.recorded_at = stored[-1].recorded_at if stored else None
    if report.faults:
        return verified
    # 6. Each event: such that intake accepts it (services/evidence/verifier/deciding.py).
    events = _decided(report, stored)
    if report.faults:
        return verified
    # 7. and 8. The list of organizations, and the answer: what the question means over these events.
    with no_garbage_collection():
        _compare(report, manifest, answer, events, shows_complete=shows_complete)
    # 9. That these events are all.
    if complete is not None and not report.faults:
        hashes = {each.position: each.leaf_hash for each in stored}
        verified.told = check_complete(
            report, complete, checkpoint, Shown(manifest.question, manifest.organizations, events, hashes)
        )
    _weaken(report, stored)
    return verified


def _weaken(report: Report, stored: list[StoredEvent]) -> None:
    """What rests on events whose blinding values are gone follows from bytes that the tree does not prove."""
    erased = sum(each.is_erased for each in stored)
    if erased and not report.faults:
        report.notes(
            f"{erased:,} 个事件的隐藏值已抹去, 其内容不由树证明",
            f"the blinding values of {erased:,} events were erased: that these are their bytes is not shown",
        )
        report.statement, report.partial = "in the log", True


def _read_complete(members: Mapping[str, bytes]) -> completeness.Completeness:
    return completeness.read(read_json(members[COMPLETE]), read_proof(members[MAP]))


def _read_manifest(given: Mapping[str, Any]) -> Manifest:
    if given["format"] != FORMAT:
        raise ValueError(f"it is of format {given['format']!r}, this version reads {FORMAT}")
    if given.keys() != _MANIFEST:
        raise ValueError(f"{MANIFEST} has the members {', '.join(sorted(_MANIFEST))} and no others")
    if given["rules"] != ruleset():
        raise ValueError(
            f"it was made by the rules {given['rules']}, this version judges by {ruleset()}: verify it with the "
            "release that made it, or export it anew"
        )
    for name in ("tree_size", "known_at"):
        if type(given[name]) is not int:
            raise TypeError(f"{name} is {given[name]!r}: it is a whole number")
    organizations = given["organizations"]
    if not isinstance(organizations, list) or not all(isinstance(each, str) for each in organizations):
        raise TypeError("organizations are a list of strings")
    as_of: date = parse_date(given["as_of"])
    question = read_question(given["question"], as_of, given["known_at"])
    return Manifest(str(given["origin"]), VerifierKey.parse(given["key"]), given["tree_size"], question, organizations)


def _bind(report: Report, manifest: Manifest, checkpoint: Checkpoint, key: VerifierKey) -> None:
    known_at = manifest.question.known_at
    if manifest.key != key:
        report.fails(None, "证据包自称另一把公钥", f"{MANIFEST}: the key is {manifest.key}, the log's is {key}")
    if not manifest.origin == checkpoint.origin == key.name:
        words = f"{MANIFEST}: the origin is {manifest.origin}, the checkpoint's is {checkpoint.origin}"
        report.fails(None, "日志名不符", words)
    if manifest.tree_size != checkpoint.size:
        words = f"{MANIFEST}: the tree size is {manifest.tree_size}, the checkpoint is of {checkpoint.size} events"
        report.fails(None, "树的大小不符", words)
    if not 1 <= known_at <= checkpoint.size:
        words = f"{MANIFEST}: known_at {known_at} is not within the checkpoint's tree of {checkpoint.size} events"
        report.fails(None, "已知时点不在检查点之内", words)


class Tree(NamedTuple):
    """The tree that the events must be leaves of, the hashes that lead there, and an event that is shown besides."""

    checkpoint: Checkpoint
    proof: list[bytes]
    besides: StoredEvent | None


def _included(report: Report, path: Path, lines: bytes, tree: Tree, known_at: int) -> list[StoredEvent]:
    """The events, where together they are leaves of the tree: which of them is not does not show."""
    size = tree.checkpoint.size
    part, found = Part(1, size), list[StoredEvent]()
    for line in lines.removesuffix(b"\n").split(b"\n") if lines else ():
        event = _read_line(path, line)
        position = event.position
        if found and position <= found[-1].position:
            words = f"it stands behind position {found[-1].position}: events stand in order of position, each once"
            report.fails(position, "事件次序不对, 或出现两次", words)
            return []
        found.append(event)
    leaves = {event.position - 1: event.leaf_hash for event in found}
    besides = tree.besides
    if besides is not None and leaves.setdefault(besides.position - 1, besides.leaf_hash) != besides.leaf_hash:
        report.fails(besides.position, "同一位置有两个事件", "two events are shown at this position")
        return []
    try:
        verify_shared(leaves, size, tree.proof, tree.checkpoint.root_hash)
    except MerkleError as fault:
        words = f"one of the events is not in the log as it stands here, or a hash of {TREE} is not: {fault}"
        report.fails(None, "事件不在日志中, 或被改动", words)
        return []
    for event in found:
        if event.position > known_at and not set(erased_by(event)) & set(part.erased):
            report.fails(event.position, "晚于所问的已知时点", f"the event is later than known_at {known_at}")
        check_event(part, event, event.position)
    for position in sorted(set(part.erased) - part.said_erased):
        words = "it is shown without its blinding value, and no event shown says that this was erased"
        report.fails(position, "隐藏值缺失而无声明", words)
    report.faults += part.faults
    report.faults_total += part.faults_total
    if not report.faults:
        report.holds(
            f"{len(found):,} 个事件的存在证明已核对", f"{len(found):,} events checked for their proof of inclusion"
        )
    return found


def _read_line(path: Path, line: bytes) -> StoredEvent:
    try:
        return read_line(read_json(line))
    except (NotJsonError, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise CopyError(f"{path}: a line of {EVENTS} cannot be read: {fault}; export it again") from None


def _decided(report: Report, stored: list[StoredEvent]) -> list[Event]:
    """The events as the domain knows them, where intake accepts each of them after those before it."""
    decided = Decided()
    for each in stored:
        for chinese, english in decided.faults(each):
            report.fails(each.position, chinese, english)
    if report.faults:
        return []
    report.holds(
        f"每个事件均合接收规则, 名称唯一; 来源签名 {decided.signed:,} 个已重新核验",
        f"intake accepts each of them, no two have one name; {decided.signed:,} signatures of sources verified anew",
    )
    if decided.unjudged:
        publishers = len(decided.unjudged)
        report.notes(
            f"{publishers} 个发布者的权限不见于日志中的授权, 未作判断",
            f"by what right {publishers} publishers spoke is not shown: the events hold no grant of theirs",
        )
    return list(decided.known.values())


def _compare(report: Report, manifest: Manifest, answer: object, events: list[Event], *, shows_complete: bool) -> None:
    question, listed = manifest.question, manifest.organizations
    state = fold(events, question.as_of)
    # 7. The list of organizations is what the question means: no more, no less, in order, each once.
    spoken_of = {name for event in events for name in named(event)}
    for name in sorted(set(question.organizations) - spoken_of)[:NAMED_MAX] if not shows_complete else ():
        report.fails(None, "所问组织无任何事件", f"{MANIFEST}: no event shown here speaks of {name}")
    due = sorted({*question.organizations, *(row.org for row in state.rows() if question.means(row))})
    surplus, missing = sorted(set(listed) - set(due)), sorted(set(due) - set(listed))
    if surplus:
        words = f"the question does not mean {', '.join(surplus[:NAMED_MAX])}, by these events"
        report.fails(None, "有不在所问之列的组织", words)
    if missing:
        words = f"the list leaves out {len(missing)} that the question means, as {', '.join(missing[:NAMED_MAX])}"
        report.fails(None, "遗漏所问之列的组织", words)
    if not surplus and not missing and listed != due:
        report.fails(None, "组织清单次序不对或有重复", "the list of organizations is not in order, each once")
    # 8. The answer is what these events make of it, and holds nothing else.
    made = answer_of(state, due)
    given = answer if isinstance(answer, dict) else {}
    for name in sorted(made.keys() | given.keys()):
        if name not in made:
            report.fails(None, "答案有多余的内容", f"answer.json: {name} is no member of an answer")
        elif _text(given.get(name)) != _text(made[name]):
            report.fails(None, f"答案的 {name} 不符", f"answer.json: {name} does not follow from the events")
    if not report.faults:
        many, counts = len(due), made["counts"]
        report.follows(
            f"{many} 个组织的台账与事件一致: 单位 {counts['organizations']:,}, 组织覆盖 "
            f"{counts['organization_covered']:,}",
            f"the rows of {many} organizations follow from the events: {counts['organizations']:,} organizations, "
            f"{counts['organization_covered']:,} covered",
        )
        report.holds(f"所问: {question.in_words()}", f"the question: {question.in_words()}")
        if not shows_complete:
            report.notes(
                "是否另有涉及的事件, 须核对整个日志",
                "that no other event touches them shows only in the whole log: verify its address or a copy",
            )


def _text(value: object) -> str:
    """A JSON value as text, in which 1, 1.0 and true differ and the order of names does not."""
    return json.dumps(value, sort_keys=True)
