"""An evidence bundle: the events behind some organizations' rows, with their proofs, to be verified offline.

A ZIP file of `manifest.json` (origin, key, tree size, both clocks, organizations), `checkpoint`, `answer.json`
(the organizations' rows, and their counts and rates together) and `events.jsonl` (position, entry, raw bytes and
proof of inclusion of each event).

It proves that these events are in the log and that the figures follow from them. That no other event of the log
touches these organizations shows only in the whole log: `taizhang verify` on an address or a copy.
"""

import base64
import json
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from domain.facts import POLICY, Event, EventKey, entity_of
from domain.instants import parse_date
from domain.ledger import Ledger, Row
from domain.merkle import MerkleError, leaf_hash
from domain.proofs import verify_inclusion
from domain.rates import Counts, Filters, add, count_row, matches, rates
from services.errors import InvalidValueError, NotFoundError
from services.evidence.answers import fold, no_garbage_collection
from services.evidence.checkpoint import Checkpoint, encode_hash, open_checkpoint, parse_hash
from services.evidence.copies import FILE_BYTES_MAX, CopyError
from services.evidence.log_tree import AnyConnection, inclusion_proof
from services.evidence.notes import NoteError, VerifierKey
from services.evidence.report import Report
from services.evidence.scan import Part, check_event
from services.evidence.signing import CheckpointSigner
from services.evidence.stored import MangledEntryError, StoredEvent, StoredLog, event_of, read_entry

FORMAT: Final = "taizhang-evidence/1"
MANIFEST: Final = "manifest.json"
ORGANIZATIONS_MAX: Final = 10_000


def is_bundle(path: Path) -> bool:
    """Whether a file is an evidence bundle, and not a copy of a log."""
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def relevant(events: Collection[Event], organizations: Collection[str]) -> list[Event]:
    """The events that can have a part in these organizations' rows, at any date and knowledge.

    Of each organization its own; all of every member, branch and instructor that any event puts at one of them;
    every policy; and whatever corrects or retracts one of these.
    """
    wanted = set(organizations)
    keys: dict[EventKey, Event] = {event.key: event for event in events}
    entities = {POLICY}
    for event in events:
        if wanted.isdisjoint(_mentioned(event.data)):
            continue
        target = event if event.is_fact else keys.get(event.target)
        if target is not None and target.is_fact:
            entities.add(entity_of(target.type, target.data))
            if not event.is_fact and "replacement" in event.data:
                entities.add(entity_of(target.type, {**target.data, **event.data["replacement"]}))
    for event in events:  # a correction may have given a member another name
        target = keys.get(event.target) if not event.is_fact else None
        replacement = event.data.get("replacement")
        if (
            target is not None
            and target.is_fact
            and replacement
            and entity_of(target.type, {**target.data, **replacement}) in entities
        ):
            entities.add(entity_of(target.type, target.data))
    facts = {event.key for event in events if event.is_fact and entity_of(event.type, event.data) in entities}
    return [event for event in events if event.key in facts or (not event.is_fact and event.target in facts)]


def _mentioned(value: object) -> Iterator[str]:
    """Every string anywhere in an event's data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _mentioned(each)
    elif isinstance(value, list):
        for each in value:
            yield from _mentioned(each)


def answer_of(state: Ledger, organizations: Collection[str]) -> dict[str, Any]:
    """The rows of organizations that are active, and their counts and rates together."""
    rows = [row for row in state.rows() if row.org in set(organizations)]
    counts = Counts()
    for row in rows:
        counts = add(counts, count_row(row))
    return {
        "rows": [_row(row) for row in rows],
        "counts": counts._asdict(),
        "rates": {name: rate._asdict() for name, rate in rates(counts).items()},
    }


def _row(row: Row) -> dict[str, Any]:
    return {**row._asdict(), "attributes": row.attributes._asdict()}


@dataclass(frozen=True, slots=True)
class Question:
    """Which organizations' rows are asked for, at both clocks: those named, or those that the filters mean."""

    as_of: date
    known_at: int
    organizations: Collection[str] = ()
    filters: Filters | None = None

    def members(self, state: Ledger) -> list[str]:
        """The organizations, in order.

        Raises:
            InvalidValueError: none, or more than a bundle takes.
        """
        found = set(self.organizations)
        if self.filters is not None:
            found |= {row.org for row in state.rows() if matches(row, self.filters)}
        if not 1 <= len(found) <= ORGANIZATIONS_MAX:
            raise InvalidValueError(
                f"the question means {len(found):,} organizations: a bundle takes 1 to {ORGANIZATIONS_MAX:,}"
            )
        return sorted(found)


def write_bundle(
    connection: AnyConnection, signer: CheckpointSigner, log: StoredLog, question: Question, path: Path
) -> int:
    """Write the bundle that answers a question; return the number of events in it.

    Raises:
        NotFoundError: no event speaks of a named organization.
        InvalidValueError: the question means no organization, or too many.
    """
    note = signer.checkpoint(connection)
    checkpoint, _ = open_checkpoint(note, signer.verifier)
    with no_garbage_collection():
        events = list(log.known(question.known_at))
        state = fold(events, question.as_of)
        organizations = question.members(state)
        chosen = relevant(events, organizations)
    silent = set(question.organizations).difference(*(_mentioned(event.data) for event in chosen))
    if silent:
        raise NotFoundError(f"no event at or before position {question.known_at} speaks of {', '.join(sorted(silent))}")
    manifest = {
        "format": FORMAT,
        "origin": checkpoint.origin,
        "key": str(signer.verifier),
        "tree_size": checkpoint.size,
        "as_of": question.as_of.isoformat(),
        "known_at": question.known_at,
        "organizations": organizations,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
        archive.writestr("checkpoint", note)
        archive.writestr("answer.json", json.dumps(answer_of(state, organizations), ensure_ascii=False, indent=1))
        with archive.open("events.jsonl", "w") as lines:
            for event in chosen:
                (stored,) = log.events(event.position, event.position)
                lines.write(_line(stored, inclusion_proof(connection, event.position, checkpoint.size)))
    return len(chosen)


def _line(event: StoredEvent, proof: Iterable[bytes]) -> bytes:
    value = {
        "position": event.position,
        "entry": event.leaf(event.position).decode(),
        "raw": base64.b64encode(event.raw).decode(),
        "proof": [encode_hash(each) for each in proof],
    }
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


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
            _compare(report, question, json.loads(answer), events)
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


def _compare(report: Report, question: dict[str, Any], answer: dict[str, Any], events: list[StoredEvent]) -> None:
    late = [event.position for event in events if event.position > int(question["known_at"])]
    if late:
        report.fails(late[0], "晚于所问的已知时点", f"the event is later than known_at {question['known_at']}")
    state = fold([event_of(event) for event in events], parse_date(question["as_of"]))
    made = json.loads(json.dumps(answer_of(state, question["organizations"])))
    wrong = [name for name in ("rows", "counts", "rates") if answer.get(name) != made[name]]
    for name in wrong:
        report.fails(None, f"答案的 {name} 不符", f"answer.json: {name} does not follow from the events")
    if not wrong:
        many = len(question["organizations"])
        report.holds(f"{many} 个组织的台账与事件一致", f"the rows of {many} organizations follow from the events")
        report.holds(
            "是否另有涉及的事件, 须核对整个日志",
            "that no other event touches them shows only in the whole log: verify its address or a copy",
        )


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > FILE_BYTES_MAX:
        raise CopyError(f"{name} is larger than {FILE_BYTES_MAX} bytes unpacked: it is refused")
    return archive.read(name)
