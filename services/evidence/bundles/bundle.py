"""An evidence bundle: the events behind some organizations' rows, with their proofs, to be verified offline.

A ZIP file of `manifest.json` (origin, key, tree size, rules, both clocks, the question, the organizations that it
means), `checkpoint`, `answer.json` (the organizations' rows, and their counts and rates together), `events.jsonl`
(what is recorded of each event, and its bytes, in order of position) and `tree` (the hashes that lead from the leaves
of all events to the checkpoint's root).

It proves that these events are in the log and that the figures follow from them. That no other event of the log
touches these organizations shows in the whole log (`taizhang verify` on an address or a copy), or, where they are
asked for by name at a position of which the log states the roots, by `complete.json` and `map`.

Byte by byte: services/evidence/evidence-format.md.
"""

import json
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from domain.events.facts import Event
from domain.ledger.rates import REGION_DIMENSION_LENGTHS, Counts, Filters, add, count_row, matches, nothing, rates
from domain.ledger.rows import Ledger, Row, told
from services.evidence.bundles.answers import fold, named_filters, no_garbage_collection
from services.evidence.bundles.relevant import Accepted, access_for, consulted, named
from services.evidence.copies.copies import ZIP_FAULTS
from services.evidence.copies.forms import erased_by
from services.evidence.copies.lines import line_of
from services.evidence.copies.stored import DatabaseLog, StoredEvent, event_of
from services.evidence.notes.checkpoint import open_checkpoint
from services.evidence.notes.identity import history
from services.evidence.notes.key_history import KeyHistory
from services.evidence.notes.notes import VerifierKey
from services.evidence.notes.signing import CheckpointSigner
from services.evidence.roots import completeness
from services.evidence.roots.kept import Kept, kept
from services.evidence.roots.proving import roots_stated
from services.evidence.roots.stated import Stated
from services.ledger.ruleset import ruleset
from services.log.tree import LOG, AnyConnection
from services.system.errors import InvalidValueError, NotFoundError

FORMAT: Final = "taizhang-evidence/3"
MANIFEST: Final = "manifest.json"
EVENTS: Final = "events.jsonl"
#: Hashes, of 32 bytes each, one behind the other (domain.tree.proofs.shared_ranges).
TREE: Final = "tree"
MEMBERS: Final = (MANIFEST, "checkpoint", "answer.json", EVENTS, TREE)
#: What a bundle has besides where it shows that its events are all (services/evidence/roots/completeness.py).
COMPLETE: Final = "complete.json"
MAP: Final = "map"
#: And where the log's key was ever changed: what GET /v1/log/keys answers, for whoever knows an earlier one.
KEYS: Final = "keys.json"
ORGANIZATIONS_MAX: Final = 10_000
_AT_ONCE: Final = 500


def is_bundle(path: Path) -> bool:
    """Whether a file is an evidence bundle, and not a copy of a log."""
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except ZIP_FAULTS:
        return False


def members_besides(path: Path) -> tuple[str, ...]:
    """Which of the members a bundle has that not every bundle has."""
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(name for name in (COMPLETE, MAP, KEYS) if name in archive.namelist())
    except ZIP_FAULTS:
        return ()


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
        if asked is not None and "scope" in asked:
            asked["scope"] = list(asked["scope"])
        regions = {str(digits): key for digits, key in self.regions.items()}
        return {
            "organizations": sorted(self.organizations), "filters": asked, "regions": regions, "count": self.count,
        }  # fmt: skip

    def in_words(self) -> str:
        """What was asked, as a verifier tells it: names and values of the API."""
        said = [f"as_of={self.as_of}", f"known_at={self.known_at}"]
        if self.organizations:
            said.append(f"{len(self.organizations)} organizations by name")
        if self.filters is not None:
            given = [f"{name}={value}" for name, value in self.filters._asdict().items() if value is not None]
            given += [f"region:{digits}={key}" for digits, key in self.regions.items()]
            given += [] if self.count is None else [f"only rows that add to {self.count}"]
            said.append("the group " + (", ".join(given) or "of all organizations"))
        return "; ".join(said)


def read_question(asked: Mapping[str, Any], as_of: date, known_at: int) -> Question:
    """What `Question.as_json` wrote; KeyError, TypeError or ValueError where it did not, to the letter."""
    if asked["count"] is not None and asked["count"] not in Counts._fields:
        raise ValueError(f"count {asked['count']!r} is none of {', '.join(Counts._fields)}")
    filters = None if asked["filters"] is None else named_filters(asked["filters"])
    regions = {int(digits): key for digits, key in asked["regions"].items()}
    if not set(REGION_DIMENSION_LENGTHS).issuperset(regions):
        raise ValueError(f"regions have a number of digits of {', '.join(map(str, REGION_DIMENSION_LENGTHS))}")
    if not all(isinstance(each, str) for each in (*asked["organizations"], *regions.values())):
        raise TypeError("organizations and regions are strings")
    if filters is None and (regions or asked["count"] is not None):
        raise ValueError("regions and count narrow a group, and no group is asked for")
    question = Question(as_of, known_at, asked["organizations"], filters, regions, asked["count"])
    if question.as_json() != asked:
        raise ValueError("the question is not written as a bundle writes it")
    return question


def answer_of(state: Ledger, organizations: Collection[str]) -> dict[str, Any]:
    """The rows of organizations that are active, and their counts and rates together."""
    wanted = set(organizations)
    rows = [row for row in state.rows() if row.org in wanted]
    counts = nothing(judged=state.activity_policy is not None)
    for row in rows:
        counts = add(counts, count_row(row))
    return {
        "rows": [told(row) for row in rows],
        "counts": counts._asdict(),
        "rates": {name: rate._asdict() for name, rate in rates(counts).items()},
    }


class Roots(NamedTuple):
    """The roots that the log states for a bundle's position, and the trees that are kept of them."""

    stated: Stated
    trees: Kept

    @classmethod
    def last(cls, connection: AnyConnection, folder: Path, known_at: int | None = None) -> "Roots":
        """Those that the log states last, of a position or of any, with the trees in a folder.

        Raises:
            NotReadyError: the log states none yet, or the trees are not there.
        """
        stated = roots_stated(connection, known_at)
        return cls(stated, kept(folder, stated))


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle is about: the question, the organizations that it means, the events that decide their rows.

    With `roots` it shows that these events are all; the question then names organizations, and is as known at theirs.
    """

    question: Question
    organizations: Collection[str]
    events: Collection[Event]
    roots: Roots | None = None


def write_bundle(
    connection: AnyConnection, signer: CheckpointSigner, log: DatabaseLog, contents: Contents, file: Path | IO[bytes]
) -> int:
    """Write a bundle; return the number of events in it.

    Raises:
        NotFoundError: no event speaks of a named organization, and that nothing does is not to be shown.
        NotReadyError: the trees that are kept do not lead to the roots that the log states.
    """
    question, roots = contents.question, contents.roots
    silent = set(question.organizations).difference(*(named(event) for event in contents.events))
    if silent and roots is None:
        raise NotFoundError(
            f"no event of the ledger at or before position {question.known_at} speaks of {', '.join(sorted(silent))}"
        )
    positions = _positions(log, contents)
    note = signer.head(
        connection, max([*positions[-1:], question.known_at if roots is None else roots.stated.position])
    )
    checkpoint, _ = open_checkpoint(note, signer.verifier)
    shown, complete = positions, None
    if roots is not None:
        shown = [*positions, roots.stated.position]
        leaves = {each.position: each.leaf_hash for each in _stored(log, positions)}
        complete = complete_with(roots, contents, next(log.at([roots.stated.position])), leaves)
    tree = LOG.shared_proof(connection, shown, checkpoint.size)
    pack(contents, signer.verifier, note, _stored(log, positions), tree, file, complete, history(connection))
    return len(positions)


def complete_with(
    roots: Roots, contents: Contents, stated: StoredEvent, leaves: Mapping[int, bytes]
) -> completeness.Completeness:
    """What shows that a bundle's events are all, with the event that states the roots.

    Args:
        roots: what the log states of the bundle's position.
        contents: what it is about.
        stated: the event that states them.
        leaves: by position the leaf hashes of the bundle's events.
    """
    belonging = completeness.belonging_to(roots.stated, [(e, leaves[e.position]) for e in contents.events])
    wanted = completeness.due(belonging, *consulted(contents.events, contents.organizations))
    return completeness.shown_in(roots.trees, roots.stated, stated, belonging, wanted)


def pack(  # noqa: PLR0917 - what stands in a bundle
    contents: Contents,
    key: VerifierKey,
    note: bytes,
    events: Iterable[StoredEvent],
    tree: Iterable[bytes],
    file: Path | IO[bytes],
    complete: completeness.Completeness | None = None,
    keys: KeyHistory | None = None,
) -> None:
    """Write the file: the question and its answer, the head that the key has signed, the events, what leads there."""
    question, organizations = contents.question, contents.organizations
    checkpoint, _ = open_checkpoint(note, key)
    manifest = {
        "format": FORMAT,
        "origin": checkpoint.origin,
        "key": str(key),
        "tree_size": checkpoint.size,
        "rules": ruleset(),
        "as_of": question.as_of.isoformat(),
        "known_at": question.known_at,
        "question": question.as_json(),
        "organizations": list(organizations),
    }
    with no_garbage_collection():
        answer = answer_of(fold(contents.events, question.as_of), organizations)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        # Entries bear ZIP's first date, not that of the making: the same question again has the same bytes.
        for name, content in (
            (MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1)),
            ("checkpoint", note),
            ("answer.json", json.dumps(answer, ensure_ascii=False, indent=1)),
        ):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        if complete is not None:
            archive.writestr(zipfile.ZipInfo(COMPLETE), completeness.write(complete), zipfile.ZIP_DEFLATED)
            archive.writestr(zipfile.ZipInfo(MAP), b"".join(complete.proof))
        if keys is not None and keys.changes:
            archive.writestr(zipfile.ZipInfo(KEYS), json.dumps(keys.json(), indent=1), zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo(TREE), b"".join(tree))
        with archive.open(EVENTS, "w") as lines:
            for event in events:
                lines.write(json.dumps(line_of(event), ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def _positions(log: DatabaseLog, contents: Contents) -> list[int]:
    """Where the bundle's events are, with those of access by which they were let in.

    Where one has lost its blinding value, what says so is among them, however late it came.
    """
    own = sorted(event.position for event in contents.events)
    stored = [(Accepted(each.source, each.publisher), each.position, each.is_erased) for each in _stored(log, own)]
    given = [(Accepted(each.source, each.publisher), event_of(each)) for each in log.access(contents.question.known_at)]
    erased = {position for _, position, is_erased in stored if is_erased}
    saying = [each.position for each in log.erasures() if erased & set(erased_by(each))] if erased else []
    return sorted({*own, *access_for((said for said, *_ in stored), given), *saying})


def _stored(log: DatabaseLog, positions: Sequence[int]) -> Iterator[StoredEvent]:
    for at in range(0, len(positions), _AT_ONCE):
        yield from log.at(positions[at : at + _AT_ONCE])
