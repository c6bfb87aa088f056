"""A log in memory, the bundles that it gives, and what somebody may do to one before handing it on."""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.events.evidence import BLINDED, ERASED, Because
from domain.ledger.rates import Filters
from domain.tree.leaf import Blinding, leaf_of, record_of
from domain.tree.merkle import leaf_hash, root
from domain.tree.proofs import consistency_proof, shared_proof
from services.evidence.bundles.answers import fold
from services.evidence.bundles.bundle import Contents, Question, Roots, complete_with, pack
from services.evidence.bundles.relevant import Accepted, access_for, relevant
from services.evidence.copies.copies import CopyError
from services.evidence.copies.stored import StoredEvent, event_of
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.key_history import Change, KeyHistory
from services.evidence.notes.notes import Note, SignatureType, SignerKey, VerifierKey
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_bundle
from services.evidence.verifier.report import Report
from services.log.blinding import SOURCE
from tests.histories import fits
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
    """A log that was accepted, or made by who holds its key, whatever intake would have said.

    It is blinded from its first event on, or from the one that states it, as `begin_blinding` adds it.
    """

    def __init__(self, key: SignerKey = KEY, *, blinded: bool = True) -> None:
        self.key, self.blinded = key, blinded
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
        blinding = Blinding(hashlib.sha256(b"value of %d" % position).digest()) if self.blinded else None
        made = leaf_hash(leaf_of(position, record_of(position, *values, coordinates), blinding))
        self.stored.append(StoredEvent(position, *values, coordinates, raw, made, None, None, blinding))
        self.leaves.append(made)

    def begin_blinding(self) -> None:
        """From here on, this event's own leaf included."""
        self.blinded = True
        self.add(said_of_blinding(BLINDED, {}, len(self.stored)), SOURCE)

    def erase(self, *positions: int, said: bool = True) -> None:
        """Take the values away, and say so."""
        for position in positions:
            stored = self.stored[position - 1]
            commitment = bytes.fromhex(json.loads(stored.leaf(position))["commitment"])
            self.stored[position - 1] = stored._replace(blinding=Blinding(None, commitment))
        if said:
            self.add(said_of_blinding(ERASED, {"positions": list(positions)}, len(self.stored)), SOURCE)

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
            complete = complete_with(
                roots, contents, self.stored[roots.stated.position - 1], dict(enumerate(self.leaves, 1))
            )
        access = [(_accepted(e), event_of(e)) for e in self.stored if ".access." in event_of(e).type]
        own = {*also, *(event.position for event in contents.events)}
        own |= access_for([_accepted(self.stored[position - 1]) for position in own], access)
        note = self.note() if note is None else note
        shown = {*own, *(() if roots is None else (roots.stated.position,))}
        leaves = self.leaves[: open_checkpoint(note, self.key.verifier)[0].size]
        tree = shared_proof(leaves, [position - 1 for position in shown if position <= len(leaves)])
        pack(contents, self.key.verifier, note, [self.stored[p - 1] for p in sorted(own)], tree, file, complete,
             self.keys)  # fmt: skip


def said_of_blinding(type_: str, data: dict[str, Any], number: int) -> dict[str, Any]:
    """What a log says of the values that hide its leaves."""
    day = {"effective_on": AFTER.isoformat()}
    return {
        "specversion": "1.0", "id": f"b{number}", "source": SOURCE, "type": type_, "time": f"{AFTER}T08:00:00+08:00",
        "data": {**day, **data},
    }  # fmt: skip


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


def everything(as_of: date, known_at: int) -> Question:
    """The question of all organizations."""
    return Question(as_of, known_at, (), Filters())


def log_of(history: Sequence[Mapping[str, Any]], *, blinded: bool = True) -> MemoryLog:
    made = MemoryLog(blinded=blinded)
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


def accepted(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The deliveries without the corrections that do not fit a target that is known: intake would refuse them."""
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for each in history:
        named = each["data"].get("corrects")
        target = known.get((named["source"], named["id"])) if named else None
        if target is None or "replacement" in target["data"] or "retracts" in target["data"] or (
            fits(target["type"], each["data"]["replacement"])
        ):  # fmt: skip
            known[each["source"], each["id"]] = each
    return list(known.values())


NEW = SignerKey(KEY.name, SignatureType.ED25519, bytes(range(5, 37)))
CHANGED_AT = 10


def changed(because: Because = "rotated", *signing: SignerKey, new: SignerKey = NEW) -> MemoryLog:
    """A city's log that signs with a new key from an event on."""
    log = log_of(city())
    change = Change(2, because, KEY.verifier, new.verifier, CHANGED_AT, root(log.leaves[:CHANGED_AT]))
    log.keys = KeyHistory.of(KEY.verifier, [change.signed(*(signing or (KEY, new)))])
    log.key = new
    return log
