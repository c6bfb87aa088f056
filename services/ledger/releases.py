"""Releases of the program on one database: whose rules come later, and which of them are running.

While a rolling upgrade runs, processes of two rules share a database. Those of the later rules build a version of
their own; those of the earlier ones go on with theirs until it is swapped, and then apply nothing. They build again
only where no process of the later rules is left, which is a rollback.
"""

from typing import Any, Final

from psycopg import Connection, Cursor

from services.ledger import versions
from services.ledger.ruleset import Rules, rules
from services.ledger.versions import Version

_NUMBER: Final = "SELECT number FROM taizhang.ruleset WHERE ruleset = %s AND tables = %s"
# One lock for each rule set, shared by the processes that follow the log by it for as long as they run.
_LOCK: Final = "hashtextextended('taizhang rules ' || %s || ' ' || %s, 0)"
_STAND: Final = f"SELECT pg_advisory_lock_shared({_LOCK})"
_TRY: Final = f"SELECT pg_try_advisory_xact_lock({_LOCK})"


def stand_by(connection: Connection[Any]) -> None:
    """Let others see, for as long as this connection lives, that a process of this program's rules runs."""
    connection.execute(_STAND, rules()[:2])
    with connection.cursor() as cursor:
        versions.meet(cursor)


def is_upgrade(cursor: Cursor[Any], version: Version) -> bool:
    """Whether this program's rules came later than those that made a version; rules never met came before all."""
    own, made_by = _number(cursor, rules()), _number(cursor, version.rules)
    return not version.is_own and (own is None or made_by is None or made_by < own)


def is_due(connection: Connection[Any], version: Version | None) -> bool:
    """Whether this program is to build a version of its own in the place of the one in use.

    It is where its rules came later, and where no process is left of the rules that made the one in use.
    """
    if version is None or version.is_own:
        return False
    with connection.transaction(), connection.cursor() as cursor:
        if is_upgrade(cursor, version):
            return True
        return cursor.execute(_TRY, version.rules[:2]).fetchone() == (True,)


def _number(cursor: Cursor[Any], of: Rules) -> int | None:
    row = cursor.execute(_NUMBER, of[:2]).fetchone()
    return row[0] if row else None
