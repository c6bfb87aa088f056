"""`taizhang export-log`: a copy of the whole log as files, in the layout of C2SP tlog-tiles."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from domain.tree.merkle import TILE_WIDTH
from services.evidence.notes.checkpoint import open_checkpoint
from services.evidence.notes.signing import CheckpointSigner
from services.log.stored_tree import AnyConnection
from services.log.tiles import Tile, tiles_of_level
from services.log.tree import raw_bundle, tile_bytes

LEVELS_MAX: Final = 8


class LogFile(NamedTuple):
    """One file of a copy: its name, the tile that it holds, how its bytes are read, and how many events end with it."""

    name: str
    tile: Tile
    read: Callable[[], bytes]
    events: int = 0


def files_of(connection: AnyConnection, size: int) -> Iterator[LogFile]:
    """The files of a copy of the first `size` events, but for its key and its checkpoint."""
    for level in range(LEVELS_MAX):
        for tile in tiles_of_level(level, size):
            yield LogFile(tile.path(), tile, partial(tile_bytes, connection, tile))
    for tile in tiles_of_level(None, size):
        raw = tile.path().replace("tile/entries/", "raw/")
        yield LogFile(tile.path(), tile, partial(tile_bytes, connection, tile))
        yield LogFile(raw, tile, partial(raw_bundle, connection, tile), tile.width)


def export_log(
    connection: AnyConnection, signer: CheckpointSigner, folder: Path, progress: Callable[[int], None] = lambda _: None
) -> int:
    """Write the log up to its checkpoint of now; return the number of events.

    A folder that holds an earlier export is brought up to date: full tiles never change and are left alone.
    `progress` is called with the number of events done since the last call.
    """
    note = signer.checkpoint(connection)
    checkpoint, _ = open_checkpoint(note, signer.verifier)
    for file in files_of(connection, checkpoint.size):
        _write(folder / file.name, file)
        progress(file.events)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "key").write_text(f"{signer.verifier}\n", encoding="utf-8")
    # The checkpoint comes last: what it speaks of is there by then.
    (folder / "checkpoint").write_bytes(note)
    return checkpoint.size


def _write(path: Path, file: LogFile) -> None:
    if file.tile.width == TILE_WIDTH and path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.draft")
    draft.write_bytes(file.read())
    draft.replace(path)
