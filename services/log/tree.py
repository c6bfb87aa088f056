"""The log as a Merkle tree: tiles and entries, read from the store through any connection to it."""

from typing import Final

from domain.tree.leaf import leaf
from services.log.stored_tree import AnyConnection, LogDamagedError, StoredTree, rows
from services.log.tiles import Tile, encode_bundle, encode_raw_bundle
from services.system.errors import NotFoundError

#: Leaf p - 1 is the event at position p; the size is the last position.
LOG: Final = StoredTree(
    "position",
    "SELECT coalesce(max(notification_id), 0) FROM taizhang.log",
    """
    SELECT leaf_hash FROM taizhang.log WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id
    """,
    "SELECT hash FROM taizhang.tile_root WHERE level = %s AND index >= %s AND index < %s ORDER BY index",
)
_LEAVES: Final = """
SELECT notification_id, source, id, raw_sha256, recorded_at, publisher, intake FROM taizhang.log
 WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id
"""
_RAW: Final = """
SELECT state FROM taizhang.log WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id
"""


def tile_bytes(connection: AnyConnection, tile: Tile) -> bytes:
    """A tile's hashes, or its entries where it has no level; NotFoundError where the log is not that far."""
    if not tile.exists_at(LOG.size(connection)):
        raise NotFoundError(f"{tile.path()} is not there yet: the log is too short; take its size from the checkpoint")
    if tile.level is None:
        parts = [leaf(*row) for row in rows(connection, _LEAVES, (tile.start, tile.start + tile.width))]
    else:
        parts = LOG.hashes_at(connection, tile.level, tile.start, tile.width)
    if len(parts) != tile.width:
        raise LogDamagedError(f"{tile.path()} has {len(parts)} of {tile.width} parts left: run taizhang verify")
    return encode_bundle(parts) if tile.level is None else b"".join(parts)


def raw_bundle(connection: AnyConnection, tile: Tile) -> bytes:
    """The raw bytes of the events of an entry bundle, as received."""
    if not tile.exists_at(LOG.size(connection)):
        raise NotFoundError(f"bundle {tile.index} is not there yet: the log is too short")
    found = rows(connection, _RAW, (tile.start, tile.start + tile.width))
    return encode_raw_bundle(state for (state,) in found)
