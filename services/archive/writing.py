"""`taizhang archive`: the log and the ledger's rows into Parquet files, from where the archive ends."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from psycopg import Connection, sql

from domain.tree.merkle import Frontier, join_roots, leaf_hash, root
from projections.ledger.columns.columns import unwired
from projections.ledger.columns.rows import LedgerReading
from services.archive.layout import (
    ARCHIVE,
    EVENT,
    FORMAT,
    LEDGER,
    POLICIES,
    SEGMENT_EVENTS,
    ArchiveError,
    Manifest,
    Segment,
    columns_of,
    digest_of,
    folder_of,
    read_manifest,
)
from services.evidence.copies.stored import DatabaseLog, StoredEvent
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.notes import SignerKey
from services.evidence.notes.signing import CheckpointSigner
from services.ledger import versions
from services.ledger.ruleset import rules
from services.ledger.wrong_clocks import stated_in
from services.log.tree import LOG
from services.postgres.database import connect
from services.system.files import locked, sync_folder, write_durably

# Given on, as a copy of the log is.
_FOR_ALL: Final = 0o644
_ROW_GROUP: Final = 1 << 14
# Until a run has come to its end, its files have this behind their names, and no engine reads them.
_DRAFT: Final = ".draft"
# How long the projection is waited for, where it follows the log.
FOLLOW_S_MAX: Final = 60.0
_LOOK_S: Final = 0.2
_ARROW: Final = {
    "int4": pa.int32(), "int8": pa.int64(), "text": pa.string(), "bool": pa.bool_(), "bytea": pa.binary(),
    "date": pa.date32(), "timestamptz": pa.timestamp("us", tz="UTC"), "text[]": pa.list_(pa.string()),
}  # fmt: skip
# Answers of number 0, nothing said, stand in no table.
FIRST_NUMBERS: Final = {"entry": 0, "attributes": 0, "organization": 0, "answers": 1}
_ROWS: Final = "SELECT {columns} FROM {schema}.{table} WHERE {number} >= %s AND {number} < %s ORDER BY {order}"


class Written(NamedTuple):
    """What a run has done: the log's origin, the events that the archive holds, and how many files were written."""

    log: str
    size: int
    files: int


class _Rows(NamedTuple):
    """The entries of one segment, and by table the number with which the next one's rows begin."""

    entries: dict[str, NDArray[Any]]
    next_numbers: dict[str, int]


def archive_log(  # noqa: PLR0917 - what is archived, by whose word, where and how
    connection: Connection[Any],
    conninfo: str,
    key: SignerKey,
    signer: CheckpointSigner,
    archive: Path,
    progress: Callable[[int], None] = lambda _: None,
    segment_events: int = SEGMENT_EVENTS,
) -> Written:
    """Bring the archive's part of this log up to a checkpoint of now.

    Args:
        connection: to the database, in autocommit mode.
        conninfo: of the same database.
        key: the log's.
        signer: with that key.
        archive: the folder of all logs.
        progress: told how many events the archive holds by now.
        segment_events: a power of two; another than the archive's writes it anew.

    Raises:
        ArchiveError: the archive is of another history or was changed, or the ledger's rows are not those of the log.
    """
    note = signer.checkpoint(connection, LOG.size(connection))
    checkpoint, _ = open_checkpoint(note, signer.verifier)
    version = _reached(connection, checkpoint.size)
    folder = folder_of(archive, checkpoint.origin)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder):
            for left in folder.glob(f"*/*{_DRAFT}"):
                left.unlink()
            kept = _kept(connection, folder, signer, version, segment_events)
            with closing(DatabaseLog(conninfo)) as log:
                writer = _Writer(connection, conninfo, version, folder, checkpoint)
                segments = writer.write(log, kept, segment_events, progress)
            if segments and segments[-1].head != checkpoint.root_hash.hex():
                raise ArchiveError(
                    f"the log's events do not give the root that was signed for {checkpoint.size} of them: run "
                    "taizhang verify"
                )
            manifest = Manifest(
                checkpoint.origin, checkpoint.size, checkpoint.root_hash.hex(), segment_events, *version.rules,
                tuple(segments), tuple(stated_in(connection, checkpoint.size)),
            )  # fmt: skip
            _publish(folder, manifest, manifest.signed(key, note))
    finally:
        versions.let_go(connection, version.number)
    return Written(checkpoint.origin, checkpoint.size, writer.files)


def _reached(connection: Connection[Any], size: int) -> versions.Version:
    """The version in use, held against being dropped, once it has applied the log's first `size` events."""
    deadline = time.monotonic() + FOLLOW_S_MAX
    last = -1
    while True:
        with connection.cursor() as cursor:
            version = versions.in_use(cursor)
        position = 0 if version is None else version.position
        if version is not None and version.rules != rules():
            raise ArchiveError(
                "other rules than this program's made the ledger's rows: run taizhang rebuild, or wait for the one "
                "that is under way"
            )
        if version is not None and position >= size:
            versions.hold(connection, version.number)
            return version
        if position > last:
            last, deadline = position, time.monotonic() + FOLLOW_S_MAX
        if time.monotonic() > deadline:
            raise ArchiveError(
                f"the ledger stands at position {position:,} and the log at {size:,}: start the service, or run "
                "taizhang rebuild"
            )
        time.sleep(_LOOK_S)


def _kept(
    connection: Connection[Any], folder: Path, signer: CheckpointSigner, version: versions.Version, segment_events: int
) -> list[Segment]:
    """The full segments that stay as they are, in order; none where other rules or segments made them."""
    if not (folder / ARCHIVE).exists():
        return []
    manifest, _ = read_manifest(folder, signer.verifier)
    _require_prefix(connection, manifest)
    if manifest.segment_events != segment_events or (manifest.ruleset, manifest.tables) != version.rules[:2]:
        return []
    full = [each for each in manifest.segments if each.last - each.first + 1 == segment_events]
    for name, digest in (file for each in full for file in each.files.values()):
        if not (folder / name).is_file() or digest_of(folder / name) != digest:
            raise ArchiveError(
                f"{folder / name} is not the file that was written: it was changed or lost; write into an empty folder"
            )
    return full


def _require_prefix(connection: Connection[Any], manifest: Manifest) -> None:
    if manifest.size > LOG.size(connection) or LOG.root_at(connection, manifest.size).hex() != manifest.root_hash:
        raise ArchiveError(
            f"the archive holds {manifest.size:,} events of another history of {manifest.log}: run taizhang verify "
            "on both; to begin anew, write into an empty folder"
        )


def _publish(folder: Path, manifest: Manifest, signed: bytes) -> None:
    """Give the files their names and put the manifest in the place of the one before; what only that named goes."""
    named = {name for segment in manifest.segments for name, _ in segment.files.values()}
    for draft in folder.glob(f"*/*{_DRAFT}"):
        draft.replace(draft.with_suffix(""))
    for table in {path.parent for path in folder.glob("*/*")}:
        sync_folder(table)
    write_durably(folder / ARCHIVE, signed, _FOR_ALL)
    for path in folder.glob("*/*"):
        if path.relative_to(folder).as_posix() not in named:
            path.unlink()


class _Writer:
    """Writes the segments after those that are kept."""

    def __init__(
        self, connection: Connection[Any], conninfo: str, version: versions.Version, folder: Path, head: Checkpoint
    ) -> None:
        self._connection, self._conninfo, self._version = connection, conninfo, version
        self._folder, self._head = folder, head
        self._reading = LedgerReading(version.tables.schema)
        self.files = 0

    def write(
        self, log: DatabaseLog, kept: list[Segment], segment_events: int, progress: Callable[[int], None]
    ) -> list[Segment]:
        segments = list(kept)
        roots = Frontier()
        roots.extend(bytes.fromhex(each.root_hash) for each in kept)
        numbers = kept[-1].next_numbers if kept else FIRST_NUMBERS
        bounds = _bounds(len(kept) * segment_events, self._head.size, segment_events)
        for (first, last), rows in zip(bounds, self._segments(bounds, numbers), strict=True):
            events = list(log.events(first, last))
            leaves = [self._leaf(event, first + n) for n, event in enumerate(events)]
            if len(leaves) != last - first + 1:
                raise ArchiveError(f"the log lacks events between {first} and {last}: run taizhang verify")
            tree = Frontier()
            tree.extend(leaves)
            head = join_roots([*roots.roots, *tree.roots])
            segment = Segment(first, last, root(leaves).hex(), head.hex(), rows.next_numbers, {})
            self._write_segment(segment, events, rows, numbers)
            numbers = rows.next_numbers
            segments.append(segment)
            if last - first + 1 == segment_events:
                roots.append(root(leaves))
            progress(last)
        return segments

    def _leaf(self, event: StoredEvent, position: int) -> bytes:
        """The leaf of an event anew, from its bytes: what was changed since it was accepted is not archived."""
        made = leaf_hash(event._replace(raw_sha256=hashlib.sha256(event.raw).digest()).leaf(position))
        if made != event.leaf_hash or event.position != position:
            raise ArchiveError(f"the event at position {position} is not what was accepted: run taizhang verify")
        return made

    def _segments(self, bounds: Sequence[tuple[int, int]], numbers: dict[str, int]) -> Iterator[_Rows]:
        """For each segment its entries, read through in order of position."""
        waiting: list[NDArray[Any]] = []
        # They stream over a connection of their own, while the other tables' rows are asked for beside.
        with connect(self._conninfo, "archive") as streaming, streaming.transaction(), streaming.cursor() as cursor:
            parts = self._reading.entry_parts(cursor, numbers["entry"], self._head.size)
            for _, last in bounds:
                taken: list[NDArray[Any]] = []
                while True:
                    part = waiting.pop() if waiting else _next(parts)
                    if part is None:
                        break
                    cut = int(np.searchsorted(part["position"], last, side="right"))
                    taken.append(part[:cut])
                    if cut < len(part):
                        waiting.append(part[cut:])
                        break
                rows = _by_name(taken)
                numbers = {
                    "entry": numbers["entry"] + len(rows["entry"]),
                    "attributes": max(numbers["attributes"], int(rows["attributes_no"].max(initial=-1)) + 1),
                    "organization": max(numbers["organization"], int(rows["org_no"].max(initial=-1)) + 1),
                    "answers": max(numbers["answers"], int(rows["answers"].max(initial=0)) + 1),
                }
                yield _Rows(rows, numbers)

    def _write_segment(self, segment: Segment, events: list[StoredEvent], rows: _Rows, numbers: dict[str, int]) -> None:
        metadata = {
            "format": FORMAT, "log": self._head.origin, "first": str(segment.first), "last": str(segment.last),
            "head": Checkpoint(self._head.origin, segment.last, bytes.fromhex(segment.head)).text(),
            "ruleset": self._version.ruleset, "tables": self._version.tables_hash,
        }  # fmt: skip
        self._write(segment, EVENT, _table(EVENT, [_event(event) for event in events]), metadata)
        order = np.lexsort((rows.entries["entry"], rows.entries["org_no"]))
        types = columns_of("entry")
        entries = pa.table({
            name: pa.array(rows.entries[name][order], _ARROW[kind]) for name, kind in types.items()
        })  # fmt: skip
        self._write(segment, "entry", entries, metadata)
        for table in ("attributes", "organization", "answers"):
            found = self._rows(table, numbers[table], rows.next_numbers[table])
            self._write(segment, table, found, metadata)
        for table in POLICIES:
            self._write(segment, table, self._rows(table, segment.first, segment.last + 1), metadata)

    def _rows(self, table: str, first: int, end: int) -> pa.Table:
        columns = [sql.Identifier(name) for name in columns_of(table)]
        number = sql.Identifier(LEDGER[table])
        query = sql.SQL(_ROWS).format(
            columns=sql.SQL(", ").join(columns), schema=sql.Identifier(self._version.tables.schema),
            table=sql.Identifier(table), number=number,
            order=sql.SQL("position, day_from") if table in POLICIES else number,
        )  # fmt: skip
        with self._connection.cursor(binary=True) as cursor:
            return _table(table, cursor.execute(query, (first, end)).fetchall())

    def _write(self, segment: Segment, table: str, rows: pa.Table, metadata: dict[str, str]) -> None:
        if not len(rows):
            return
        name = segment.name(table)
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        draft = path.with_name(f"{path.name}{_DRAFT}")
        ordered = [each for each, kind in columns_of(table).items() if kind in ("int4", "int8")]
        described = {f"taizhang.{key}": value for key, value in {**metadata, "table": table}.items()}
        with pq.ParquetWriter(
            draft, rows.schema, compression="zstd", store_schema=False,
            use_dictionary=[each for each in columns_of(table) if each not in ordered],
            column_encoding=dict.fromkeys(ordered, "DELTA_BINARY_PACKED"),
        ) as file:  # fmt: skip
            file.write_table(rows, _ROW_GROUP)
            file.add_key_value_metadata(described)
        with draft.open("rb+") as written:
            os.fsync(written.fileno())
        segment.files[table] = (name, digest_of(draft))
        self.files += 1


def _next(parts: Iterator[bytes]) -> NDArray[Any] | None:
    wire = next(parts, None)
    return None if wire is None else unwired(wire)


def _by_name(parts: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    names = columns_of("entry")
    whole = np.concatenate(parts) if parts else unwired(b"")
    return {name: whole[name].astype(np.int64 if kind == "int8" else np.int32) for name, kind in names.items()}


def _bounds(done: int, size: int, segment_events: int) -> list[tuple[int, int]]:
    return [(begin + 1, min(begin + segment_events, size)) for begin in range(done, size, segment_events)]


def _event(event: StoredEvent) -> tuple[Any, ...]:
    columns = event.columns
    assert columns is not None  # noqa: S101 - a database has them
    said = event.learned_at
    return (
        event.position, event.source, event.id, columns.topic, columns.subject, columns.effective_on,
        event.recorded_at.astimezone(UTC), (said or event.recorded_at).astimezone(UTC),
        "recorded" if said is None else "said", event.publisher,
        orjson.dumps(event.intake, option=orjson.OPT_SORT_KEYS).decode(), event.raw, *(event.blinding or (None, None)),
    )  # fmt: skip


def _table(table: str, rows: Sequence[Sequence[Any]]) -> pa.Table:
    kinds = columns_of(table)
    values = zip(*rows, strict=True) if rows else [()] * len(kinds)
    return pa.table({
        name: pa.array(column, _ARROW[kind]) for (name, kind), column in zip(kinds.items(), values, strict=True)
    })  # fmt: skip
