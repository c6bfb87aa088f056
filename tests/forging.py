"""A log in memory, the bundles that it gives, and what somebody may do to one before handing it on."""

import base64
import hashlib
import json
import random
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.ledger.rates import Filters
from domain.tree.leaf import leaf
from domain.tree.merkle import leaf_hash, root
from domain.tree.proofs import consistency_proof, inclusion_proof
from services.evidence.bundles.answers import fold
from services.evidence.bundles.bundle import Contents, Question, Roots, answer_of, complete_with, pack
from services.evidence.bundles.relevant import Accepted, access_for, relevant
from services.evidence.copies.copies import CopyError
from services.evidence.copies.stored import StoredEvent, event_of
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.key_history import KeyHistory
from services.evidence.notes.notes import Note, SignatureType, SignerKey, VerifierKey
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_bundle
from services.evidence.verifier.report import Report
from tests.small_city import event

KEY = SignerKey("log.example/forged", SignatureType.ED25519, bytes(range(32)))
THIEF = SignerKey("log.example/forged", SignatureType.ED25519, bytes(range(1, 33)))
BEGINNING = datetime(2024, 3, 2, tzinfo=UTC)
REFUSED = "refused"
CITY = 20
#: The day after the city was recorded.
AFTER = date(2024, 3, 1)
Members = dict[str, bytes]


class MemoryLog:
    """A log that was accepted, or made by who holds its key, whatever intake would have said."""

    def __init__(self, key: SignerKey = KEY) -> None:
        self.key = key
        self.keys: KeyHistory | None = None
        self.stored: list[StoredEvent] = []
        self.leaves: list[bytes] = []

    def add(self, content: Mapping[str, Any] | bytes, publisher: str = "office", **intake: object) -> None:
        """One event more, as it was received."""
        raw = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
        named, position = json.loads(raw), len(self.stored) + 1
        coordinates = {"channel": "http", "request": "r", "index": position, **intake}
        values = (
            named["source"],
            named["id"],
            hashlib.sha256(raw).digest(),
            BEGINNING + timedelta(seconds=position),
            publisher,
        )
        made = leaf_hash(leaf(position, *values, coordinates))
        self.stored.append(StoredEvent(position, *values, coordinates, raw, made, None, None))
        self.leaves.append(made)

    def head(self, size: int | None = None) -> Checkpoint:
        size = len(self.leaves) if size is None else size
        return Checkpoint(self.key.name, size, root(self.leaves[:size]))

    def note(self, *witnesses: SignerKey, size: int | None = None, at: datetime | None = None) -> bytes:
        text, when = self.head(size).text(), int((at or datetime.now(UTC)).timestamp())
        return Note(text, (self.key.sign(text), *(each.sign(text, when) for each in witnesses))).to_bytes()

    def consistency(self, old: int) -> list[bytes]:
        return consistency_proof(self.leaves, old)

    def events(self, first: int, last: int) -> Iterator[StoredEvent]:
        return iter(self.stored[first - 1 : last])

    def bundle(
        self, file: Path, question: Question, note: bytes | None = None, also: Iterable[int] = (),
        roots: Roots | None = None,
    ) -> None:  # fmt: skip
        """The bundle that the service would give, with the events at further positions."""
        events = [event_of(each) for each in self.stored[: question.known_at]]
        group = (row.org for row in fold(events, question.as_of).rows() if question.means(row))
        contents = Contents(question, orgs := question.with_group(group), relevant(events, orgs), roots)
        complete = None
        if roots is not None:
            position = roots.stated.position
            path = inclusion_proof(self.leaves, position - 1)
            complete = complete_with(roots, contents, self.stored[position - 1], path)
        access = [(_accepted(e), event_of(e)) for e in self.stored if ".access." in event_of(e).type]
        own = {*also, *(event.position for event in contents.events)}
        own |= access_for([_accepted(self.stored[position - 1]) for position in own], access)
        proven = ((self.stored[p - 1], inclusion_proof(self.leaves, p - 1)) for p in sorted(own))
        pack(contents, self.key.verifier, self.note() if note is None else note, proven, file, complete,
             self.keys)  # fmt: skip


def _accepted(stored: StoredEvent) -> Accepted:
    return Accepted(stored.source, stored.publisher)


def read(file: Path) -> Members:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(file: Path, members: Members) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def verify(file: Path, key: VerifierKey | None = KEY.verifier, **asked: Any) -> Report | str:  # noqa: ANN401 - Asked
    """The report, or that the file is refused as unreadable."""
    try:
        return audit_bundle(file, Asked(log_key=key, **asked))
    except CopyError:
        return REFUSED


def is_refused(found: Report | str) -> bool:
    return isinstance(found, str) or found.first is not None


class Spoiled:
    """A bundle's parts, open to be changed, and put together again."""

    def __init__(self, members: Members) -> None:
        self.manifest = json.loads(members["manifest.json"])
        self.answer = json.loads(members["answer.json"])
        self.lines = [json.loads(line) for line in members["events.jsonl"].splitlines()]
        self.note = members["checkpoint"]

    def members(self) -> Members:
        return {
            "manifest.json": json.dumps(self.manifest).encode(),
            "checkpoint": self.note,
            "answer.json": json.dumps(self.answer).encode(),
            "events.jsonl": b"".join(json.dumps(line).encode() + b"\n" for line in self.lines),
        }

    def answer_again(self) -> None:
        """Let the answer be what the events shown give for the organizations listed."""
        stored = [_stored(line) for line in self.lines]
        state = fold([event_of(each) for each in stored], date.fromisoformat(self.manifest["as_of"]))
        self.answer = json.loads(json.dumps(answer_of(state, self.manifest["organizations"])))


def _stored(line: dict[str, Any]) -> StoredEvent:
    entry = json.loads(line["entry"])
    raw = base64.b64decode(line["raw"])
    return StoredEvent(
        line["position"], entry["source"], entry["id"], b"", BEGINNING, entry["publisher"], entry["intake"], raw, b"",
        None, None,
    )  # fmt: skip


def _event_left_out(spoiled: Spoiled, rng: random.Random) -> None:
    del spoiled.lines[rng.randrange(len(spoiled.lines))]


def _correction_left_out(spoiled: Spoiled, rng: random.Random) -> None:
    words = [n for n, line in enumerate(spoiled.lines) if b"taizhang.event." in base64.b64decode(line["raw"])]
    del spoiled.lines[rng.choice(words)]


def _organization_left_out(spoiled: Spoiled, rng: random.Random) -> None:
    left_out = rng.choice(spoiled.manifest["organizations"])
    spoiled.manifest["organizations"].remove(left_out)
    if rng.random() < 0.5:
        spoiled.answer_again()


def _organization_put_in(spoiled: Spoiled, rng: random.Random) -> None:
    given = spoiled.manifest["organizations"]
    given.insert(rng.randrange(len(given) + 1), rng.choice([*given, "group:another"]))


def _row_left_out(spoiled: Spoiled, rng: random.Random) -> None:
    del spoiled.answer["rows"][rng.randrange(len(spoiled.answer["rows"]))]


def _row_changed(spoiled: Spoiled, rng: random.Random) -> None:
    row = rng.choice(spoiled.answer["rows"])
    name = rng.choice(["full_members", "organization_covered", "work_covered", "org", "measure", "surplus"])
    value = row.get(name)
    row[name] = (not value) if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value}x"


def _row_repeated(spoiled: Spoiled, rng: random.Random) -> None:
    spoiled.answer["rows"].append(rng.choice(spoiled.answer["rows"]))


def _figure_changed(spoiled: Spoiled, rng: random.Random) -> None:
    counts = spoiled.answer["counts"]
    name = rng.choice([*counts, "surplus"])
    said = counts.get(name, 0)
    # What nobody could answer is null in an honest one.
    counts[name] = rng.choice([0, 1] if said is None else [said + 1, said + 0.5, None])


def _rate_changed(spoiled: Spoiled, rng: random.Random) -> None:
    rate = spoiled.answer["rates"][rng.choice(list(spoiled.answer["rates"]))]
    rate[rng.choice(["numerator", "denominator", "value", "surplus"])] = "1.0001"


def _foreign_figure(spoiled: Spoiled, rng: random.Random) -> None:
    spoiled.answer[rng.choice(["total", "groups", "whole"])] = deepcopy(spoiled.answer["counts"])


def _node_changed(spoiled: Spoiled, rng: random.Random) -> None:
    proof = rng.choice([line["proof"] for line in spoiled.lines if line["proof"]])
    at = rng.randrange(len(proof))
    match rng.randrange(3):
        case 0:
            data = bytearray(base64.b64decode(proof[at]))
            data[rng.randrange(32)] ^= 1 << rng.randrange(8)
            proof[at] = base64.b64encode(data).decode()
        case 1:
            del proof[at]
        case _:
            proof.insert(at, proof[at])


def _position_changed(spoiled: Spoiled, rng: random.Random) -> None:
    line = rng.choice(spoiled.lines)
    line["position"] += rng.choice([-1, 1, 1000, -1000, 0.5, True])


def _lines_swapped_or_repeated(spoiled: Spoiled, rng: random.Random) -> None:
    at = rng.randrange(len(spoiled.lines))
    spoiled.lines.insert(rng.randrange(len(spoiled.lines) + 1), spoiled.lines[at])


def _bytes_changed(spoiled: Spoiled, rng: random.Random) -> None:
    line = rng.choice(spoiled.lines)
    raw = bytearray(base64.b64decode(line["raw"]))
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(7)
    line["raw"] = base64.b64encode(raw).decode()


def _entry_changed(spoiled: Spoiled, rng: random.Random) -> None:
    line = rng.choice(spoiled.lines)
    name, value = rng.choice([
        ("publisher", "nobody"), ("recorded_at", "2024-03-03T00:00:00.000000Z"), ("id", "x"), ("source", "/x"),
        ("position", line["position"] + 1), ("surplus", 1),
    ])  # fmt: skip
    entry = {**json.loads(line["entry"]), name: value}
    line["entry"] = json.dumps(entry, sort_keys=True, separators=(",", ":"))


def _clock_changed(spoiled: Spoiled, rng: random.Random) -> None:
    last, size = spoiled.lines[-1]["position"], spoiled.manifest["tree_size"]
    spoiled.manifest["known_at"] = rng.choice([last - 1, size + 1, size + 1000, 0, -1, last - 0.5, None])


def _date_changed(spoiled: Spoiled, rng: random.Random) -> None:
    spoiled.manifest["as_of"] = rng.choice(["1950-01-01", "2024-02-30", "20240229", None])


def _manifest_changed(spoiled: Spoiled, rng: random.Random) -> None:
    name = rng.choice([*spoiled.manifest, "surplus"])
    other = {
        "key": str(THIEF.verifier), "tree_size": spoiled.manifest["tree_size"] - 1, "rules": "0" * 64,
        "origin": "log.example/other", "question": {}, "organizations": {}, "as_of": "1950-01-01", "known_at": 1 << 70,
    }  # fmt: skip
    spoiled.manifest[name] = other.get(name, "other")


def _question_changed(spoiled: Spoiled, rng: random.Random) -> None:
    question = spoiled.manifest["question"]
    name, value = rng.choice([
        ("organizations", ["group:another"]), ("filters", {"region": "98"}), ("regions", {"2": "98"}),
        ("regions", {"3": "510"}), ("filters", {"region": 51}), ("filters", {"other": "x"}), ("count", "none"),
        ("surplus", 1),
    ])  # fmt: skip
    question[name] = value


def _checkpoint_changed(spoiled: Spoiled, rng: random.Random) -> None:
    text = Note.parse(spoiled.note).text
    other = rng.choice([text.replace("\n", "x\n", 1), text.replace("\n", "\n1", 1), text[:-9] + "AAAAAAA=\n"])
    signed = THIEF.sign(rng.choice([text, other]))
    spoiled.note = Note(text, (signed,)).to_bytes() if rng.random() < 0.5 else spoiled.note.replace(
        text.encode(), other.encode()
    )  # fmt: skip


#: By name what may be done to any bundle of a group; each makes it false, or unreadable.
FORGERIES: dict[str, Callable[[Spoiled, random.Random], None]] = {
    forgery.__name__.removeprefix("_"): forgery
    for forgery in (
        _event_left_out, _correction_left_out, _organization_left_out, _organization_put_in, _row_left_out,
        _row_changed, _row_repeated, _figure_changed, _rate_changed, _foreign_figure, _node_changed, _position_changed,
        _lines_swapped_or_repeated, _bytes_changed, _entry_changed, _clock_changed, _date_changed, _manifest_changed,
        _question_changed, _checkpoint_changed,
    )
}  # fmt: skip


def everything(as_of: date, known_at: int) -> Question:
    """The question of all organizations."""
    return Question(as_of, known_at, (), Filters())


def log_of(history: Sequence[Mapping[str, Any]]) -> MemoryLog:
    made = MemoryLog()
    for content in history:
        made.add(content)
    return made


def city(count: int = CITY) -> list[dict[str, Any]]:
    """So many groups, the first half of which a branch covers."""
    said = [
        event(f"r{n}", "organization.registered", org=f"group:g-{n}", kind="new_employment_group", category="courier",
              name="站", region=f"99{n % 2 + 1:02d}", employees=n)
        for n in range(count)
    ]  # fmt: skip
    covers = [f"group:g-{n}" for n in range(count // 2)]
    said.append(
        event("b", "branch.formed", branch="branch:b", name="支部", tier="branch", formation="joint", region="9901",
              covers=covers)
    )  # fmt: skip
    return said


def said(found: Report | str) -> str:
    assert isinstance(found, Report)
    return "\n".join(fault.english for fault in found.faults)
