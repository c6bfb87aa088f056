"""Verify an evidence bundle by itself: offline, without a database, with nothing but this package."""

import base64
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from domain.tree.merkle import MerkleError, leaf_hash
from domain.tree.proofs import verify_inclusion
from domain.values.instants import parse_date
from services.evidence.bundles.answers import fold
from services.evidence.bundles.bundle import FORMAT, MANIFEST, Question, answer_of, read_question
from services.evidence.copies.copies import FILE_BYTES_MAX, CopyError
from services.evidence.copies.stored import MangledEntryError, StoredEvent, event_of, read_entry
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint, parse_hash
from services.evidence.notes.notes import NoteError, VerifierKey
from services.evidence.verifier.report import Report
from services.evidence.verifier.scan import Part, check_event


def verify_bundle(path: Path, log_key: VerifierKey | None) -> tuple[Report, list[tuple[str, bytes]], VerifierKey]:
    """Verify a bundle by itself, with the log's key or, without one, with the key that it brings.

    Returns the report, the bundle's checkpoint as a labelled note, and the key used.

    Raises:
        CopyError: the file is no bundle.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest, note, answer = (_read(archive, name) for name in (MANIFEST, "checkpoint", "answer.json"))
            question = json.loads(manifest)
            if question["format"] != FORMAT:
                raise CopyError(f"{path} is of format {question['format']!r}, this version reads {FORMAT}")
            key = log_key or VerifierKey.parse(question["key"])
            report = Report(0)
            try:
                checkpoint, _ = open_checkpoint(note, key)
            except NoteError as fault:
                report.fails(None, "检查点的签名不成立", f"checkpoint: {fault}")
                return report, [], key
            events = list(_verified(report, archive, checkpoint))
            report.size = len(events)
            asked = read_question(question, parse_date(question["as_of"]))
            _compare(report, asked, question["organizations"], json.loads(answer), events)
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError, NoteError) as fault:
        raise CopyError(f"{path} is no evidence bundle: {type(fault).__name__} {fault}; export it again") from None
    return report, [(path.name, note)], key


def _verified(report: Report, archive: zipfile.ZipFile, checkpoint: Checkpoint) -> Iterator[StoredEvent]:
    """The events whose proofs hold."""
    count = 0
    for line in _read(archive, "events.jsonl").splitlines():
        value = json.loads(line)
        position = int(value["position"])
        count += 1
        try:
            entry = value["entry"].encode()
            event = read_entry(position, entry, base64.b64decode(value["raw"], validate=True), leaf_hash(entry))
            proof = [parse_hash(each) for each in value["proof"]]
            verify_inclusion(leaf_hash(entry), position - 1, checkpoint.size, proof, checkpoint.root_hash)
        except (MangledEntryError, MerkleError, NoteError, ValueError) as fault:
            report.fails(
                position, "事件不在日志中, 或被改动", f"the event is not in the log as it stands here: {fault}"
            )
            continue
        part = Part(position, position)
        check_event(part, event, position)
        report.faults += part.faults
        report.faults_total += part.faults_total
        if not part.faults:
            yield event
    report.holds(f"{count:,} 个事件的存在证明已核对", f"{count:,} events checked for their proofs of inclusion")


def _compare(
    report: Report, question: Question, organizations: list[str], answer: dict[str, Any], events: list[StoredEvent]
) -> None:
    late = [event.position for event in events if event.position > question.known_at]
    if late:
        report.fails(late[0], "晚于所问的已知时点", f"the event is later than known_at {question.known_at}")
    state = fold([event_of(event) for event in events], question.as_of)
    strangers = set(organizations).difference(
        question.organizations, (row.org for row in state.rows() if question.means(row))
    )
    if strangers:
        named = ", ".join(sorted(strangers)[:5])
        report.fails(None, "有不在所问之列的组织", f"the question does not mean {named}, by these events")
    made = json.loads(json.dumps(answer_of(state, organizations)))
    wrong = [name for name in ("rows", "counts", "rates") if answer.get(name) != made[name]]
    for name in wrong:
        report.fails(None, f"答案的 {name} 不符", f"answer.json: {name} does not follow from the events")
    if not wrong and not strangers:
        many = len(organizations)
        report.holds(f"{many} 个组织的台账与事件一致", f"the rows of {many} organizations follow from the events")
        report.holds(
            "是否另有涉及的事件, 须核对整个日志",
            "that no other event touches them shows only in the whole log: verify its address or a copy",
        )


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > FILE_BYTES_MAX:
        raise CopyError(f"{name} is larger than {FILE_BYTES_MAX} bytes unpacked: it is refused")
    return archive.read(name)
