"""A mirror's own copy of a log: a folder as `taizhang export-log` writes it, filled tile by tile and never believed.

Every event is hashed anew on its way in. `taizhang verify FOLDER` reads the folder as any other copy.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from domain.tree.merkle import TILE_WIDTH, Frontier
from services.evidence.copies.copies import FolderCopy
from services.evidence.copies.forms import Form
from services.evidence.copies.stored import CopiedLog, MangledEntryError, StoredEvent, StoredLog
from services.evidence.roots.stated import SOURCE
from services.evidence.verifier.scan import Part, check_event
from services.log.tiles import Tile, encode_bundle, encode_raw_bundle
from services.system.errors import TaizhangError
from services.system.files import write_durably

#: Tiles between two notes of how far the copy goes: what a crash costs at most.
TILES_AT_ONCE: Final = 16
_FOR_ALL: Final = 0o644


class RefusedError(TaizhangError):
    """What a log serves is not what it signed, at a position or (None) as a whole.

    `stands` says that nothing later can mend it. `evidence` is the signed head that contradicts one signed before, as
    a request of tlog-witness.
    """

    def __init__(
        self, position: int | None, words: str, *, stands: bool = False, evidence: bytes | None = None
    ) -> None:
        super().__init__(words)
        self.position, self.stands, self.evidence = position, stands, evidence


class OwnCopy:
    """The files. What is in them beyond what was verified is overwritten when it is copied again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def log(self, size: int) -> CopiedLog:
        """The first `size` events, of which the last tile was written at just that size."""
        return CopiedLog(FolderCopy(self.folder), size)

    def extend(
        self, served: StoredLog, frontier: Frontier, size: int, keep: Callable[[Frontier, list[int]], None]
    ) -> None:
        """Copy the events behind those of the frontier, up to `size`, and append their leaves to it.

        Args:
            served: the log as it is served at `size`.
            frontier: of what is here.
            size: the last position to copy.
            keep: told now and then how far files are on disk, and the positions in between at which roots are stated.

        Raises:
            RefusedError: an event is not what its leaf says.
            CopyError: the log does not answer.
        """
        part, told = Part(frontier.size + 1, size), list[int]()
        form = self._form_at(frontier.size)
        for index in range(frontier.size // TILE_WIDTH, -(-size // TILE_WIDTH)):
            start, width = index * TILE_WIDTH, min(TILE_WIDTH, size - index * TILE_WIDTH)
            try:
                events = list(served.events(start + 1, start + width))
            except MangledEntryError as fault:
                raise RefusedError(fault.position, f"the entry is no leaf: {fault}") from None
            hashes = [self._checked(part, event, start + number) for number, event in enumerate(events, 1)]
            self._require_same(index, frontier, hashes)
            if form is not None and len(events) > frontier.size - start:
                first = Form.of(events[frontier.size - start])
                if (wrong := first.fault(form)) is not None:
                    raise RefusedError(first.position, wrong[1])
                form = None  # those that follow are compared with one another
            # What erases a value there does not take it from here.
            kept = list(self.log(frontier.size).events(start + 1, frontier.size)) if start < frontier.size else []
            events[: len(kept)] = kept
            self._write(Tile(None, index, width), events, hashes)
            told += [
                event.position for event in events[frontier.size - start :] if event.source == event.publisher == SOURCE
            ]
            frontier.extend(hashes[frontier.size - start :])
            if not (index + 1) % TILES_AT_ONCE or frontier.size == size:
                keep(frontier, told)
                told = []

    @staticmethod
    def _checked(part: Part, event: StoredEvent, position: int) -> bytes:
        hashed = check_event(part, event, position)
        if part.faults or hashed is None:
            raise RefusedError(part.faults[0].position, part.faults[0].english)
        return hashed

    def _form_at(self, position: int) -> Form | None:
        """That of the last leaf that is here."""
        if not position:
            return None
        return next((Form.of(event) for event in self.log(position).events(position, position)), None)

    def _require_same(self, index: int, frontier: Frontier, hashes: Sequence[bytes]) -> None:
        """What was served of this tile before must still be there."""
        known = frontier.size - index * TILE_WIDTH
        if known <= 0:
            return
        before = FolderCopy(self.folder).read(Tile(0, index, known).path())
        for number, hashed in enumerate(hashes[:known]):
            if before[32 * number : 32 * number + 32] != hashed:
                position = index * TILE_WIDTH + number + 1
                raise RefusedError(position, "another event is served here than the one that was copied before")

    def _write(self, tile: Tile, events: Sequence[StoredEvent], hashes: Sequence[bytes]) -> None:
        entries = encode_bundle(event.leaf(event.position) for event in events)
        raws = encode_raw_bundle(event.raw_part() for event in events)
        path = tile.path()
        self.write(path, entries)
        self.write(path.replace("tile/entries/", "raw/"), raws)
        self.write(Tile(0, tile.index, tile.width).path(), b"".join(hashes))

    def write(self, name: str, data: bytes) -> None:
        """One file, on disk when this returns."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, data, _FOR_ALL)

    def tidy(self, size: int) -> None:
        """Take away the partial tiles of earlier sizes."""
        index, width = divmod(size, TILE_WIDTH)
        kept = {(self.folder / self._partial(level, index, width)) for level in ("tile/entries", "raw", "tile/0")}
        for partial in sorted(self.folder.glob("**/*.p/*")):
            if partial not in kept:
                partial.unlink()
        for folder in self.folder.glob("**/*.p"):
            if not any(folder.iterdir()):
                shutil.rmtree(folder)

    @staticmethod
    def _partial(level: str, index: int, width: int) -> str:
        return Tile(None, index, width or TILE_WIDTH).path().replace("tile/entries", level)
