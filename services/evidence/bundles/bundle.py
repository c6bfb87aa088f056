"""An evidence bundle: the events behind some organizations' rows, with their proofs, to be verified offline.

A ZIP file of `manifest.json` (origin, key, tree size, both clocks, the question, the organizations that it means),
`checkpoint`, `answer.json` (the organizations' rows, and their counts and rates together) and `events.jsonl`
(position, entry, raw bytes and proof of inclusion of each event).

It proves that these events are in the log and that the figures follow from them. That no other event of the log
touches these organizations shows only in the whole log: `taizhang verify` on an address or a copy.
"""

import base64
import json
import zipfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, Any, Final

from domain.events.facts import Event
from domain.ledger.rates import Counts, Filters, add, count_row, matches, rates
from domain.ledger.rows import Ledger, Row
from services.evidence.bundles.answers import fold, named_filters, no_garbage_collection
from services.evidence.bundles.relevant import named
from services.evidence.copies.stored import DatabaseLog, StoredEvent
from services.evidence.notes.checkpoint import encode_hash, open_checkpoint
from services.evidence.notes.signing import CheckpointSigner
from services.log.tree import LOG, AnyConnection
from services.system.errors import InvalidValueError, NotFoundError

FORMAT: Final = "taizhang-evidence/1"
MANIFEST: Final = "manifest.json"
ORGANIZATIONS_MAX: Final = 10_000
_AT_ONCE: Final = 500


def is_bundle(path: Path) -> bool:
    """Whether a file is an evidence bundle, and not a copy of a log."""
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


@dataclass(frozen=True, slots=True)
class Question:
    """Which organizations' rows are asked for, at both clocks: those named, and those of a group.

    Attributes:
        as_of: the date whose end is asked for.
        known_at: a position.
        organizations: those named.
        filters: the group's, or None where only the named are meant.
        regions: by N the group's key under `region:N`.
        count: the group's rows that add to this count; None for all.
    """

    as_of: date
    known_at: int
    organizations: Collection[str] = ()
    filters: Filters | None = None
    regions: Mapping[int, str] = field(default_factory=dict)
    count: str | None = None

    def means(self, row: Row) -> bool:
        """Whether the group, if there is one, has this row."""
        return (
            self.filters is not None
            and matches(row, self.filters)
            and all(row.attributes.region[:digits] == key for digits, key in self.regions.items())
            and (self.count is None or getattr(count_row(row), self.count) != 0)
        )

    def with_group(self, group: Iterable[str]) -> list[str]:
        """The organizations named and those of the group, in order.

        Raises:
            InvalidValueError: none, or more than a bundle takes.
        """
        found = {*self.organizations, *group}
        if not 1 <= len(found) <= ORGANIZATIONS_MAX:
            raise InvalidValueError(
                f"the question means {len(found):,} organizations: a bundle takes 1 to {ORGANIZATIONS_MAX:,}"
            )
        return sorted(found)

    def as_json(self) -> dict[str, Any]:
        """What was asked, as the manifest has it."""
        asked = None if self.filters is None else {n: v for n, v in self.filters._asdict().items() if v is not None}
        regions = {str(digits): key for digits, key in self.regions.items()}
        return {
            "organizations": sorted(self.organizations), "filters": asked, "regions": regions, "count": self.count,
        }  # fmt: skip


def read_question(manifest: Mapping[str, Any], as_of: date) -> Question:
    """What `Question.as_json` wrote; KeyError, TypeError or ValueError where it did not."""
    asked = manifest["question"]
    if asked["count"] is not None and asked["count"] not in Counts._fields:
        raise ValueError(f"count {asked['count']!r} is none of {', '.join(Counts._fields)}")
    filters = None if asked["filters"] is None else named_filters(asked["filters"])
    regions = {int(digits): key for digits, key in asked["regions"].items()}
    return Question(as_of, int(manifest["known_at"]), asked["organizations"], filters, regions, asked["count"])


def answer_of(state: Ledger, organizations: Collection[str]) -> dict[str, Any]:
    """The rows of organizations that are active, and their counts and rates together."""
    wanted = set(organizations)
    rows = [row for row in state.rows() if row.org in wanted]
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
class Contents:
    """What a bundle is about: the question, the organizations that it means, the events that decide their rows."""

    question: Question
    organizations: Collection[str]
    events: Collection[Event]


def write_bundle(
    connection: AnyConnection, signer: CheckpointSigner, log: DatabaseLog, contents: Contents, file: Path | IO[bytes]
) -> int:
    """Write a bundle; return the number of events in it.

    Raises:
        NotFoundError: no event speaks of a named organization.
    """
    question, organizations = contents.question, contents.organizations
    silent = set(question.organizations).difference(*(named(event) for event in contents.events))
    if silent:
        raise NotFoundError(f"no event at or before position {question.known_at} speaks of {', '.join(sorted(silent))}")
    note = signer.checkpoint(connection, question.known_at)
    checkpoint, _ = open_checkpoint(note, signer.verifier)
    manifest = {
        "format": FORMAT,
        "origin": checkpoint.origin,
        "key": str(signer.verifier),
        "tree_size": checkpoint.size,
        "as_of": question.as_of.isoformat(),
        "known_at": question.known_at,
        "question": question.as_json(),
        "organizations": list(organizations),
    }
    with no_garbage_collection():
        answer = answer_of(fold(contents.events, question.as_of), organizations)
    positions = sorted(event.position for event in contents.events)
    proofs = LOG.inclusion_proofs(connection, positions, checkpoint.size)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
        archive.writestr("checkpoint", note)
        archive.writestr("answer.json", json.dumps(answer, ensure_ascii=False, indent=1))
        with archive.open("events.jsonl", "w") as lines:
            for at in range(0, len(positions), _AT_ONCE):
                for event in log.at(positions[at : at + _AT_ONCE]):
                    lines.write(_line(event, next(proofs)))
    return len(positions)


def _line(event: StoredEvent, proof: Iterable[bytes]) -> bytes:
    value = {
        "position": event.position,
        "entry": event.leaf(event.position).decode(),
        "raw": base64.b64encode(event.raw).decode(),
        "proof": [encode_hash(each) for each in proof],
    }
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
