"""An archive as it is read: whose it is, which of its files hold a state of knowledge, and its events."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq

from domain.events.facts import Event
from domain.tree.merkle import Frontier, join_roots, leaf_hash
from services.archive.layout import EVENT, ArchiveError, Segment, digest_of, logs_in, read_manifest
from services.evidence.copies.stored import StoredEvent, event_of
from services.evidence.notes.notes import VerifierKey
from services.ledger.known import Known
from services.log.blinding import blinding_in
from services.system.errors import InvalidValueError, NotFoundError
from services.system.settings import SHANGHAI

# Files hashed at once: a core each, and the disk behind them.
_THREADS: Final = 4
_EVENTS_AT_ONCE: Final = 4096
_LEAF: Final = ("position", "source", "id", "recorded_at", "publisher", "intake", "raw", "blinding", "commitment")


class ArchivedLog:
    """One log of an archive; what is read of it was signed by the log's key.

    Attributes:
        origin: the log's.
        size: how many events it holds.
        manifest: what the archive says of it.
    """

    def __init__(self, folder: Path, key: VerifierKey | None = None) -> None:
        """Open one log's folder.

        Raises:
            ArchiveError: the key did not sign it, or files lie in it that are not of the archive.
        """
        self.folder = folder
        self.manifest, self.key = read_manifest(folder, key)
        self.origin, self.size = self.manifest.log, self.manifest.size
        named = {name for segment in self.manifest.segments for name, _ in segment.files.values()}
        for path in sorted(folder.glob("*/*.parquet")):
            if path.relative_to(folder).as_posix() not in named:
                raise ArchiveError(f"{path} is not of the archive, and engines would read it: remove it")
        self._ends = [segment.last for segment in self.manifest.segments]
        self._checked: set[Path] = set()

    def segments(self, position: int) -> Sequence[Segment]:
        """Those that hold the first `position` events."""
        return self.manifest.segments[: bisect_left(self._ends, position) + 1] if position else ()

    def files(self, table: str, position: int) -> list[str]:
        """The files with all that a table's rows tell of the first `position` events, each as it was signed.

        Raises:
            ArchiveError: one is missing or was changed.
        """
        found = [file for each in self.segments(position) if (file := each.files.get(table))]
        paths = [(self.folder / name, digest) for name, digest in found]
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda file: self._require(*file), paths))
        return [str(path) for path, _ in paths]

    def _require(self, path: Path, digest: str) -> None:
        if path in self._checked:
            return
        if not path.is_file() or digest_of(path) != digest:
            raise ArchiveError(
                f"{path} is not the file that the log's key signed for: it was changed or lost; nothing is answered "
                "from this archive, take a sound copy or write it anew"
            )
        self._checked.add(path)

    def stored(self, segment: Segment, position: int) -> Iterator[StoredEvent]:
        """The events of a segment up to a position, in order, each with the leaf hash that its bytes give."""
        self._require(self.folder / segment.files[EVENT][0], segment.files[EVENT][1])
        yield from events_in(self.folder / segment.files[EVENT][0], position)

    def events(self, position: int) -> Iterator[Event]:
        """The first `position` events, whose leaves must give the roots that were signed.

        Raises:
            ArchiveError: while they are read, where they do not.
        """
        for segment in self.segments(position):
            tree = Frontier()
            for stored in self.stored(segment, segment.last):
                tree.append(stored.leaf_hash)
                if stored.position <= position:
                    yield event_of(stored)
            require_root(segment, tree)

    def known(self, position: int) -> Known:
        """When a position was recorded and learned, and the root of the tree up to it."""
        if not 0 <= position <= self.size:
            raise NotFoundError(
                f"the archive of {self.origin} ends at position {self.size}; ask as known at that one or an earlier one"
            )
        root = self._root_at(position).hex()
        if position == 0:
            return Known(0, None, None, "recorded", root)
        path = self.files(EVENT, position)[-1]
        row = pq.read_table(
            path, columns=["recorded_at", "learned_at", "basis"], filters=pc.field("position") == position
        ).to_pylist()[0]
        recorded_at = row["recorded_at"].astimezone(UTC)
        wrong = tuple(each.clock for each in self.manifest.clocks if each.speaks_of(position, recorded_at))
        return Known(position, recorded_at, row["learned_at"].astimezone(UTC), row["basis"], root, wrong)

    def known_by(self, instant: datetime) -> Known:
        """The last state of knowledge at or before an instant; a clock wrong right after it makes that doubtful too.

        Raises:
            InvalidValueError: the instant is after all that the archive knows.
        """
        known = self.known(self.position_at(instant))
        after = tuple(each.clock for each in self.manifest.clocks if each.clock.first == known.position + 1)
        return known._replace(wrong=known.wrong + after)

    def _root_at(self, position: int) -> bytes:
        """Root of the first `position` leaves: those of whole segments joined, and of the rest anew from its bytes."""
        whole, rest = Frontier(), Frontier()
        for segment in self.segments(position):
            if segment.last <= position and segment.last - segment.first + 1 == self.manifest.segment_events:
                whole.append(bytes.fromhex(segment.root_hash))
            else:
                rest.extend(stored.leaf_hash for stored in self.stored(segment, position))
        return join_roots([*whole.roots, *rest.roots])

    def position_at(self, instant: datetime) -> int:
        """The last position learned at or before an instant (spec/domain.md, Learned at); 0 before the first.

        Raises:
            InvalidValueError: the instant is after all that the archive knows, which cannot tell what came then.
        """
        last = self.known(self.size).learned_at
        if last is None or instant > last:
            said = "nothing" if last is None else f"what was learned by {last.astimezone(SHANGHAI).isoformat()}"
            raise InvalidValueError(
                f"the archive of {self.origin} holds {said}, at position {self.size}; ask as known at that instant or "
                "an earlier one, or at a position"
            )
        begins = [self._learned_first(segment) for segment in self.manifest.segments]
        within = sum(begin <= instant for begin in begins)
        if within == 0:
            return 0
        segment = self.manifest.segments[within - 1]
        self._require(self.folder / segment.files[EVENT][0], segment.files[EVENT][1])
        learned = pq.read_table(self.folder / segment.files[EVENT][0], columns=["learned_at"]).column(0).to_numpy()
        return segment.first - 1 + int(learned.searchsorted(_naive(instant), side="right"))

    def _learned_first(self, segment: Segment) -> datetime:
        """When the segment's first position was learned, from its file's own statistics."""
        footer = pq.read_metadata(self.folder / segment.files[EVENT][0])
        column = footer.schema.names.index("learned_at")
        first: datetime = footer.row_group(0).column(column).statistics.min
        return first.astimezone(UTC)


def _naive(instant: datetime) -> np.datetime64:
    """As NumPy has it: without an offset, in UTC."""
    return np.datetime64(instant.astimezone(UTC).replace(tzinfo=None), "us")


def events_in(path: Path, position: int) -> Iterator[StoredEvent]:
    """The events of a file up to a position, each with the leaf hash that its bytes give."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_EVENTS_AT_ONCE, columns=list(_LEAF)):
            for values in zip(*(batch.column(name).to_pylist() for name in _LEAF), strict=True):
                stored = stored_event(*values)
                if stored.position > position:
                    return
                yield stored


def stored_event(  # noqa: PLR0917 - the columns of a row
    position: int,
    source: str,
    id_: str,
    recorded_at: datetime,
    publisher: str,
    intake: str,
    raw: bytes,
    value: bytes | None,
    commitment: bytes | None,
) -> StoredEvent:
    """A row of `event` as evidence knows it; its hashes are made of its bytes."""
    told = StoredEvent(
        position, source, id_, sha256(raw).digest(), recorded_at, publisher, orjson.loads(intake), raw, b"", None, None,
        blinding_in(value, commitment),
    )  # fmt: skip
    return told._replace(leaf_hash=leaf_hash(told.leaf(position)))


def require_root(segment: Segment, tree: Frontier) -> None:
    """Refuse events of a segment that do not give the root that was signed for it."""
    if tree.size != segment.last - segment.first + 1 or join_roots(tree.roots).hex() != segment.root_hash:
        raise ArchiveError(
            f"the events {segment.first} to {segment.last} do not give the root that was signed for them: the archive "
            "was not written from this log"
        )


def open_archive(archive: Path, keys: Sequence[VerifierKey] = (), logs: Sequence[str] = ()) -> list[ArchivedLog]:
    """The logs of an archive, in order of their origins.

    Args:
        archive: the folder.
        keys: of the logs, known from elsewhere, one for each; none takes those in the folder.
        logs: only these origins; all, if there are none.

    Raises:
        ArchiveError: there is none, or one is not what its key signed.
    """
    folders = logs_in(archive)
    unknown = [each for each in logs if each not in folders]
    if not folders or unknown:
        raise ArchiveError(
            f"{archive} holds {'no archive' if not folders else f'no log {unknown[0]}'}"
            f"{': ' if folders else ''}{', '.join(folders)}; taizhang archive writes one"
        )
    named = {key.name: key for key in keys}
    chosen = [origin for origin in folders if not logs or origin in logs]
    strangers = [origin for origin in chosen if keys and origin not in named]
    if strangers:
        raise ArchiveError(f"no --log-key is that of {strangers[0]}: give one for each log, or none")
    return [ArchivedLog(folders[origin], named.get(origin)) for origin in chosen]
