"""The writer's turn: what stands in the log while its gate is held."""

from datetime import datetime
from typing import Final, NamedTuple

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.values.clocks import Learning

# Exactly as the partial index log_access_idx has it (migration 0010).
OF_ACCESS: Final = """
topic IN ('taizhang.access.granted.v1', 'taizhang.access.revoked.v1', 'taizhang.access.key_registered.v1')
"""
# Beside the rest in one round trip: most turns have nothing new of access to read.
_SELECT_TURN: Final = f"""
SELECT coalesce(last.notification_id, 0), last.leaf_hash, coalesce((SELECT max(id) FROM taizhang.quarantine), 0),
       greatest(clock_timestamp(), last.recorded_at), coalesce(last.learned_at, last.recorded_at),
       (SELECT json_object_agg(import, said_ns) FROM taizhang.said_ahead),
       coalesce((SELECT max(notification_id) FROM taizhang.log WHERE {OF_ACCESS}), 0),
       last.notification_id IS NULL OR EXISTS (SELECT FROM taizhang.blinding)
  FROM (VALUES (1)) one LEFT JOIN
       (SELECT * FROM taizhang.log ORDER BY notification_id DESC LIMIT 1) last ON true
"""  # noqa: S608 - of constants


class Turn(NamedTuple):
    """What holds while the gate is held: nobody else appends until the transaction ends.

    `position` and `leaf_hash` are the last event's (0 and None for an empty log), `quarantine_id` the last
    quarantined message's, `now` the instant to record: never before the last one recorded. `learning` goes on from
    the last event. `access_position` is that of the last event that speaks of access, 0 where none does. `blinded`: the
    leaves of the events to come are, since those before are, or there are none.
    """

    position: int
    leaf_hash: bytes | None
    quarantine_id: int
    now: datetime
    learning: Learning
    access_position: int
    blinded: bool


def read_turn(cursor: Cursor[TupleRow]) -> Turn:
    """The turn after what the log has; nobody else appends meanwhile where the caller holds the gate."""
    row = cursor.execute(_SELECT_TURN, binary=True).fetchone()
    assert row is not None  # noqa: S101  # the query gives one row
    return Turn(row[0], row[1], row[2], row[3], Learning(row[4], row[5] or {}), row[6], row[7])
