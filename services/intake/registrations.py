"""By which sources organizations were registered, read inside the writer's turn: the ledger's records, then the log.

Only a registry's word that ends an organization asks; it costs a look at that organization's record, and one at the
columns of the events which the projection has not come to.
"""

from collections.abc import Sequence
from typing import Final

from psycopg import Cursor
from psycopg.rows import TupleRow

from services.ledger import versions

REGISTERED: Final = "taizhang.organization.registered.v1"
_AT: Final = """
SELECT subject, source FROM taizhang.log WHERE notification_id = ANY(%s) AND topic = %s
"""
_AFTER: Final = """
SELECT subject, source FROM taizhang.log WHERE notification_id > %s AND topic = %s AND subject = ANY(%s)
"""


def registered_by(cursor: Cursor[TupleRow], orgs: Sequence[str]) -> dict[str, set[str]]:
    """By organization the sources whose registrations of it stand, as far as the log has come.

    A registration that was taken back since the projection last looked counts still: so much may be refused until it
    has caught up, and nothing let in.
    """
    version = versions.in_use(cursor)
    found: dict[str, set[str]] = {org: set() for org in orgs}
    rows: list[TupleRow] = []
    if version is not None:
        records = version.tables.entities(cursor, orgs).values()
        positions = [position for record in records for position, _ in record.facts]
        rows += cursor.execute(_AT, (positions, REGISTERED)).fetchall()
    after = 0 if version is None else version.position
    rows += cursor.execute(_AFTER, (after, REGISTERED, list(orgs))).fetchall()
    for org, source in rows:
        found.setdefault(org, set()).add(source)
    return found
