"""The values that hide the leaves of events: kept in a table of their own, and erased there (spec/evidence.md).

A log is blinded from its first event on, or from the event on that states it (domain/events/evidence.py, BLINDED).
"""

from collections.abc import Iterable
from typing import Any, Final

from psycopg import Cursor

from domain.tree.leaf import Blinding, commitment_of, record_of

#: Source and publisher of what is said of blinding, the service's own word: no holder of a grant can have a name with a
#: slash.
SOURCE: Final = "/taizhang/blinding"
#: Beside taizhang.log: row by row through the index, however many positions are asked for.
BLINDING: Final = """
LEFT JOIN LATERAL (SELECT value, commitment FROM taizhang.blinding WHERE position = notification_id LIMIT 1) blinding
       ON true
"""
BLINDING_COLUMNS: Final = "blinding.value, blinding.commitment"
#: Keeps the values of the events that follow a position, in order.
KEEP: Final = """
INSERT INTO taizhang.blinding (position, value)
SELECT %b + number, value FROM unnest(%b::bytea[]) WITH ORDINALITY AS made (value, number)
"""
_RECORDS: Final = """
SELECT position, source, id, raw_sha256, recorded_at, publisher, intake, value
  FROM taizhang.blinding JOIN taizhang.log ON notification_id = position
 WHERE position = ANY(%s) AND value IS NOT NULL ORDER BY position FOR UPDATE OF blinding
"""
_ERASE: Final = """
UPDATE taizhang.blinding SET value = NULL, commitment = made.commitment
  FROM unnest(%b::bigint[], %b::bytea[]) AS made (position, commitment) WHERE blinding.position = made.position
"""
# What was overwritten stays in the table's file until it is written anew.
OVERWRITE: Final = "VACUUM (FULL) taizhang.blinding"


def blinding_in(value: bytes | None, commitment: bytes | None) -> Blinding | None:
    """What the two columns of a position say; None where the table has no row for it."""
    return None if value is None and commitment is None else Blinding(value, commitment)


def erase(cursor: Cursor[Any], positions: Iterable[int]) -> list[int]:
    """Erase the values of these positions, as far as they are there, and keep what they committed to."""
    rows = cursor.execute(_RECORDS, (list(positions),), binary=True).fetchall()
    if rows:
        commitments = [commitment_of(record_of(*row[:7]), row[7]) for row in rows]
        cursor.execute(_ERASE, ([row[0] for row in rows], commitments))
    return [row[0] for row in rows]
