"""What an archive is made of: folders, tables, and the manifest of one log (README.md)."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote, unquote

import orjson

from domain.inspection.wrong_clock import WrongClock
from domain.values.strict_json import read_json
from projections.ledger.fold.tables import COLUMNS
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.notes import Note, NoteError, SignerKey, VerifierKey
from services.ledger.wrong_clocks import Stated
from services.system.errors import TaizhangError

FORMAT: Final = "taizhang-archive/2"
# Whole tiles at level 2 of the log's tree: a power of two, so that roots of segments join to the root of any prefix.
SEGMENT_EVENTS: Final = 1 << 16
EVENT: Final = "event"
# Tables of the ledger, and the column in whose order their rows were made.
LEDGER: Final = {
    "entry": "entry",
    "attributes": "attributes_no",
    "organization": "org_no",
    "answers": "answers",
    "policy": "position",
    "activity_policy": "position",
}
# Those with what was adopted: of one position several rows may come, on days that share none.
POLICIES: Final = ("policy", "activity_policy")
TABLES: Final = (EVENT, *LEDGER)
EVENT_COLUMNS: Final = {
    "position": "int8", "source": "text", "id": "text", "type": "text", "subject": "text", "effective_on": "date",
    "recorded_at": "timestamptz", "learned_at": "timestamptz", "basis": "text", "publisher": "text", "intake": "text",
    "raw": "bytea", "blinding": "bytea", "commitment": "bytea",
}  # fmt: skip
ARCHIVE: Final = "archive.json"
_ARCHIVE_BYTES_MAX: Final = 64 << 20
_JSON: Final = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2


class ArchiveError(TaizhangError):
    """A folder that is no archive, or one that is not what its log signed."""


def columns_of(table: str) -> dict[str, str]:
    """The columns of a table and their types as PostgreSQL names them."""
    return EVENT_COLUMNS if table == EVENT else COLUMNS[table]


def folder_of(archive: Path, origin: str) -> Path:
    """Where the archive keeps a log."""
    return archive / f"log={quote(origin, safe='')}"


def logs_in(archive: Path) -> dict[str, Path]:
    """By origin the folder of each log, in order of their origins."""
    found = {unquote(each.name.removeprefix("log=")): each for each in archive.glob("log=*") if each.is_dir()}
    return dict(sorted(found.items()))


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def archive_key(key: SignerKey) -> SignerKey:
    """The log's key under the name by which it signs manifests, so that no manifest is ever taken for a head."""
    return SignerKey(f"{key.name}/archive", key.type, key.seed)


def archive_verifier(key: VerifierKey) -> VerifierKey:
    """The public half of `archive_key`, from the log's."""
    return VerifierKey(f"{key.name}/archive", key.type, key.public)


class Segment(NamedTuple):
    """The positions first to last of a log.

    Attributes:
        root_hash: of the tree of these events alone.
        head: of the log's tree at the last of them.
        next_numbers: by table the number with which the next segment's rows begin.
        files: by table the name below the log's folder, and SHA-256 in hex.
    """

    first: int
    last: int
    root_hash: str
    head: str
    next_numbers: dict[str, int]
    files: dict[str, tuple[str, str]]

    def name(self, table: str) -> str:
        """Of the segment's file of a table, below the log's folder."""
        return f"{table}/{self.first:012}-{self.last:012}.parquet"


class Manifest(NamedTuple):
    """What an archive says of one log; `size` and `root_hash` are its checkpoint's.

    `clocks` are the statements on a wrong clock that stand at its end: whoever asks for what was known before one was
    made reads none of the events that came after.
    """

    log: str
    size: int
    root_hash: str
    segment_events: int
    ruleset: str
    tables: str
    reading: str
    segments: tuple[Segment, ...]
    clocks: tuple[Stated, ...] = ()

    def to_bytes(self) -> bytes:
        """What is signed: JSON in its one form; without `clocks` where there are none, as in older archives."""
        said = {**self._asdict(), "format": FORMAT, "segments": [each._asdict() for each in self.segments]}
        said["clocks"] = [{**each.clock._asdict(), "until": each.until.isoformat()} for each in self.clocks]
        if not self.clocks:
            del said["clocks"]
        return orjson.dumps(said, option=_JSON)

    @classmethod
    def parse(cls, said: Mapping[str, Any]) -> Self:
        """Read what `to_bytes` wrote, as JSON; ValueError, TypeError or KeyError where it is no such manifest."""
        given = dict(said)
        if given.pop("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}: write it anew with this release")
        segments = tuple(_segment(each) for each in given.pop("segments"))
        clocks = tuple(
            Stated(WrongClock(**clock), datetime.fromisoformat(until))
            for until, clock in ((each.pop("until"), each) for each in map(dict, given.pop("clocks", ())))
        )
        return cls(**given, segments=segments, clocks=clocks)

    def signed(self, key: SignerKey, checkpoint: bytes) -> bytes:
        """The one file that makes files an archive: checkpoint, key, manifest, and the note over the manifest's hash.

        The note is a checkpoint's form with the hash where that has the root.
        """
        digest = hashlib.sha256(self.to_bytes()).digest()
        note = Checkpoint(archive_key(key).name, self.size, digest).sign(archive_key(key))
        said = {"checkpoint": checkpoint.decode(), "key": str(key.verifier), "note": note.decode()}
        return orjson.dumps({**said, "manifest": orjson.loads(self.to_bytes())}, option=_JSON) + b"\n"


def _segment(said: Mapping[str, Any]) -> Segment:
    files = {table: (str(name), str(digest)) for table, (name, digest) in said["files"].items()}
    segment = Segment(**{**said, "files": files})
    for table, (name, _) in files.items():
        if table not in TABLES or name != segment.name(table):
            raise ValueError(f"{name} is no file of {table}")
    return segment


def read_manifest(folder: Path, key: VerifierKey | None) -> tuple[Manifest, VerifierKey]:
    """The manifest of the log in a folder, and the key that signed it.

    Args:
        folder: of one log.
        key: the log's, known from elsewhere; None takes the one in the folder.

    Raises:
        ArchiveError: something is missing or mangled, or the key did not sign it.
    """
    path = folder / ARCHIVE
    try:
        said = read_json(_bounded(path))
        manifest = Manifest.parse(said["manifest"])
        key = key or VerifierKey.parse(said["key"])
        note = Note.parse(said["note"].encode())
        note.verified_by([archive_verifier(key)])
        checkpoint, _ = open_checkpoint(said["checkpoint"].encode(), key)
        signed = Checkpoint.parse(note.text)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, NoteError) as fault:
        raise ArchiveError(f"{path} is no archive that this log's key has signed: {fault}") from None
    if hashlib.sha256(manifest.to_bytes()).digest() != signed.root_hash:
        raise ArchiveError(f"{path} does not hold the manifest that was signed: it was changed since")
    if (manifest.log, manifest.size, bytes.fromhex(manifest.root_hash)) != (
        checkpoint.origin,
        checkpoint.size,
        checkpoint.root_hash,
    ):
        raise ArchiveError(f"{path} holds a manifest of another log or tree than its checkpoint")
    return manifest, key


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_ARCHIVE_BYTES_MAX + 1)
    if len(data) > _ARCHIVE_BYTES_MAX:
        raise ArchiveError(f"{path} is larger than {_ARCHIVE_BYTES_MAX} bytes: it is refused")
    return data
