"""The bytes of quarantined messages that hold numbers or names of persons: which go, and how.

Their hash stays, with the rules that they broke; a database's trigger lets nothing else of a message change.
"""

from datetime import datetime
from typing import Final

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.values.reasons import PERSONAL_RULES

_RULES: Final = sorted(PERSONAL_RULES)
_EMPTY: Final = """
UPDATE taizhang.quarantine
   SET emptied_at = %s, raw_length = length(raw), raw = '', attributes = NULL,
       intake = (intake::jsonb - 'attributes' - 'jws')::json,
       reasons = (SELECT json_agg(each || '{"value": null}' ORDER BY n)
                    FROM jsonb_array_elements(reasons::jsonb) WITH ORDINALITY AS told (each, n))
 WHERE id = ANY(%s) AND emptied_at IS NULL AND rules && %s
"""
_DUE: Final = """
SELECT q.id, e.action IS NULL FROM taizhang.quarantine q
  LEFT JOIN taizhang.quarantine_action e ON e.quarantine_id = q.id AND e.action <> 'still_refused'
 WHERE q.emptied_at IS NULL AND q.rules && %s AND (q.received_at < %s OR e.action = 'discarded')
 ORDER BY q.received_at LIMIT %s
"""


def empty(cursor: Cursor[TupleRow], at: datetime, ids: list[int]) -> int:
    """Take the bytes from those of the messages that hold numbers or names of persons; how many lost them."""
    return cursor.execute(_EMPTY, (at, ids, _RULES)).rowcount


def due(cursor: Cursor[TupleRow], before: datetime, limit: int) -> list[tuple[int, bool]]:
    """Up to `limit` messages whose bytes should go, discarded or received before an instant; whether each is open."""
    return [(id_, is_open) for id_, is_open in cursor.execute(_DUE, (_RULES, before, limit))]
