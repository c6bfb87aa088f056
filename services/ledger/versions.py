"""Which versions of the ledger projection there are, and which one is in use."""

from typing import Any, Final, NamedTuple

from psycopg import Connection, Cursor

from projections.ledger.fold.tables import LedgerTables
from services.ledger.ruleset import Rules, rules, ruleset
from services.system.errors import TaizhangError

LEDGER: Final = "ledger"
CHANNEL: Final = "taizhang_projection"

_IN_USE: Final = """
SELECT version, position, ruleset, tables, reading FROM taizhang.projection WHERE name = %s AND state = 'in_use'
"""
_STOP: Final = _IN_USE + " FOR UPDATE"
_BUILDING: Final = """
SELECT version, position, ruleset, tables, reading FROM taizhang.projection WHERE name = %s AND state = 'building'
ORDER BY version DESC
"""
_RETIRED: Final = """
SELECT version FROM taizhang.projection WHERE name = %s AND state = 'retired' ORDER BY version DESC
"""
_KEPT: Final = """
SELECT version, position, ruleset, tables, reading FROM taizhang.projection
 WHERE version = %s AND name = %s AND state <> 'building' AND to_regnamespace(name || '_' || version) IS NOT NULL
"""
_NEW: Final = """
INSERT INTO taizhang.projection (version, name, state, position, ruleset, tables, reading)
SELECT coalesce(max(version), 0) + 1, %s, %s, 0, %s, %s, %s FROM taizhang.projection RETURNING version
"""
_MEET: Final = """
INSERT INTO taizhang.ruleset (ruleset, tables)
SELECT %(ruleset)s, %(tables)s
 WHERE NOT EXISTS (SELECT FROM taizhang.ruleset WHERE ruleset = %(ruleset)s AND tables = %(tables)s)
ON CONFLICT DO NOTHING
"""
_CLAIM: Final = (
    "SELECT position, state, ruleset, tables, reading FROM taizhang.projection WHERE version = %s FOR UPDATE"
)
_ADVANCE: Final = "UPDATE taizhang.projection SET position = %s WHERE version = %s"
# The versions that a process reads, as advisory locks of its session: class and number.
_READ: Final = 0x4C454447
_HOLD: Final = "SELECT pg_advisory_lock_shared(%s, %s)"
_LET_GO: Final = "SELECT pg_advisory_unlock_shared(%s, %s)"
_UNREAD: Final = "SELECT pg_try_advisory_xact_lock(%s, %s)"
_RETIRE: Final = "UPDATE taizhang.projection SET state = 'retired' WHERE name = %s AND state = 'in_use'"
_USE: Final = """
UPDATE taizhang.projection SET state = 'in_use', swapped_at = clock_timestamp() WHERE version = %s
"""


class OvertakenError(TaizhangError):
    """Another process has advanced the same version; this one must begin anew from the tables."""


class RetiredError(OvertakenError):
    """Another version has taken the place of this one, which stays as it is."""


class OtherRulesError(RetiredError):
    """Other rules made this version, and only a program of those rules applies events to it."""


class Version(NamedTuple):
    """One version of the ledger projection; `position` is the last event that it has applied.

    The rules that made it are those of `services.ledger.ruleset`; "" where a release made it that did not name them.
    """

    number: int
    position: int
    ruleset: str
    tables_hash: str = ""
    reading: str = ""

    @property
    def rules(self) -> Rules:
        """The rules that made it."""
        return Rules(self.ruleset, self.tables_hash, self.reading)

    @property
    def is_own(self) -> bool:
        """Whether the rules of this program made it: only then does this program apply events to it."""
        return self.rules == rules()

    @property
    def tables(self) -> LedgerTables:
        """Its tables, in a schema of their own."""
        return LedgerTables(f"{LEDGER}_{self.number}")


def in_use(cursor: Cursor[Any]) -> Version | None:
    """The version in use; None before the first."""
    row = cursor.execute(_IN_USE, (LEDGER,)).fetchone()
    return Version(*row) if row else None


def building(cursor: Cursor[Any]) -> list[Version]:
    """The versions that are not finished, the newest first."""
    return [Version(*row) for row in cursor.execute(_BUILDING, (LEDGER,))]


def retired(cursor: Cursor[Any]) -> list[int]:
    """The numbers of the versions that are no longer in use, the newest first."""
    return [number for (number,) in cursor.execute(_RETIRED, (LEDGER,))]


def kept(cursor: Cursor[Any], number: int) -> Version | None:
    """A version that is or was in use, while its tables are there."""
    row = cursor.execute(_KEPT, (number, LEDGER)).fetchone()
    return Version(*row) if row else None


def stop(cursor: Cursor[Any]) -> Version | None:
    """The version in use, which nobody advances until the transaction ends."""
    row = cursor.execute(_STOP, (LEDGER,)).fetchone()
    return Version(*row) if row else None


def meet(cursor: Cursor[Any]) -> None:
    """Note this program's rules, in the order in which the database meets rules."""
    cursor.execute(_MEET, {"ruleset": rules().ruleset, "tables": rules().tables})


def create(cursor: Cursor[Any], state: str) -> Version:
    """Create a version with empty tables: one `in_use` is indexed, one that is `building` not yet."""
    meet(cursor)
    cursor.execute("LOCK TABLE taizhang.projection IN EXCLUSIVE MODE")
    row = cursor.execute(_NEW, (LEDGER, state, *rules())).fetchone()
    assert row is not None  # noqa: S101 - INSERT RETURNING gives one row
    version = Version(row[0], 0, *rules())
    version.tables.create(cursor)
    if state == "in_use":
        version.tables.index(cursor)
        version.tables.point(cursor)
    return version


def ensure(connection: Connection[Any]) -> Version:
    """The version in use, created if there is none."""
    rules()  # reckoned before the transaction begins, for it takes a second, and many under load
    with connection.transaction(), connection.cursor() as cursor:
        found = in_use(cursor)
        if found is None:
            cursor.execute("LOCK TABLE taizhang.projection IN EXCLUSIVE MODE")
            found = in_use(cursor) or create(cursor, "in_use")
        if found.tables.protect(cursor):
            found.tables.point(cursor)
        return found


def claim(cursor: Cursor[Any], version: Version) -> None:
    """Hold the version until the transaction ends.

    Raises:
        RetiredError: it is no longer in use.
        OtherRulesError: other rules than this program's made it.
        OvertakenError: another process has advanced it.
    """
    row = cursor.execute(_CLAIM, (version.number,)).fetchone()
    if row is not None and row[1] == "retired":
        raise RetiredError(f"version {version.number} is no longer in use; go on with the one that is")
    if row is not None and Rules(*row[2:]) != rules():
        raise OtherRulesError(
            f"version {version.number} was made by rule set {row[2]}, this program has {ruleset()}: it applies no "
            "event to that version; taizhang rebuild makes one of its own"
        )
    if row is None or row[0] != version.position:
        raise OvertakenError(f"version {version.number} was advanced by another process; begin anew from its tables")


def advance(cursor: Cursor[Any], version: Version, position: int) -> Version:
    """Bind what was just written to `position`; the version is claimed."""
    cursor.execute(_ADVANCE, (position, version.number))
    cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(position)))
    return version._replace(position=position)


def swap(cursor: Cursor[Any], version: Version) -> None:
    """Put a version in use; the one before is retired and its tables are kept."""
    cursor.execute(_RETIRE, (LEDGER,))
    cursor.execute(_USE, (version.number,))
    version.tables.protect(cursor)
    version.tables.point(cursor)
    cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(version.position)))


def hold(connection: Connection[Any], number: int) -> None:
    """Keep the tables of a version from being dropped, until `let_go` or the end of the connection."""
    connection.execute(_HOLD, (_READ, number))


def let_go(connection: Connection[Any], number: int) -> None:
    """Let the tables of a version be dropped again."""
    connection.execute(_LET_GO, (_READ, number))


def drop_unread(cursor: Cursor[Any], number: int) -> bool:
    """Drop a version with its tables, unless an answer under way is read from it; whether it was dropped."""
    if cursor.execute(_UNREAD, (_READ, number)).fetchone() != (True,):
        return False
    drop(cursor, number)
    return True


def drop(cursor: Cursor[Any], number: int) -> None:
    """Drop a version with its tables."""
    LedgerTables(f"{LEDGER}_{number}").drop(cursor)
    cursor.execute("DELETE FROM taizhang.projection WHERE version = %s", (number,))
