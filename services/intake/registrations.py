"""By which sources organizations were registered, read inside the writer's turn: the ledger's records, then the log.

Only a registry's word of an organization asks; it costs a look at that organization's record, and one at the
columns of the events which the projection has not come to.
"""

from collections.abc import Sequence
from typing import Final

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.access.rights import REGISTERED
from services.ledger import versions

_AT: Final = """
SELECT notification_id, source FROM taizhang.log WHERE notification_id = ANY(%s) AND topic = %s
"""
_AFTER: Final = """
SELECT subject, source FROM taizhang.log WHERE notification_id > %s AND topic = %s AND subject = ANY(%s)
"""


def registered_by(cursor: Cursor[TupleRow], orgs: Sequence[str]) -> dict[str, set[str]]:
    """By organization the sources whose registrations of it stand, as far as the log has come.

    A registration that was taken back since the projection last looked counts still, and one that a correction put at
    another organization not yet: so much may be refused until it has caught up, and nothing let in.
    """
    version = versions.in_use(cursor)
    found: dict[str, set[str]] = {org: set() for org in orgs}
    if version is not None:
        records = version.tables.entities(cursor, orgs)
        positions = {org: [position for position, _ in record.facts] for org, record in records.items()}
        asked = [position for told in positions.values() for position in told]
        sources: dict[int, str] = dict(cursor.execute(_AT, (asked, REGISTERED)).fetchall())
        for org, told in positions.items():
            found[org].update(sources[position] for position in told if position in sources)
    after = 0 if version is None else version.position
    for org, source in cursor.execute(_AFTER, (after, REGISTERED, list(orgs))):
        found[org].add(source)
    return found
