"""Sessions of people who signed in, kept on the server: what is ended here is over, whatever a browser keeps.

A browser holds a token of 256 random bits, the table its SHA-256. What the holder may do is asked anew each time.
"""

import hashlib
import secrets
import string
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from services.system.errors import NotFoundError

Way = Literal["provider", "link"]

LINK_MINUTES_MAX: Final = 60
# So much may pass before a session's last request is written down again: a page of ten requests writes once.
SEEN_S: Final = 30
# What is over is shown to nobody; it goes after so long.
KEPT: Final = timedelta(days=30)
_TOKEN_BYTES: Final = 32
_NAME_LETTERS: Final = 16
TOKEN_LENGTH: Final = 43

_OPEN: Final = """
ended_at IS NULL AND until > clock_timestamp() AND seen_at > clock_timestamp() - %(idle)s::interval
"""
_COLUMNS: Final = "SELECT session, holder, way, began_at, seen_at, until FROM taizhang.session"
_BEGIN: Final = """
INSERT INTO taizhang.session (session, token_sha256, holder, way, until)
VALUES (%s, %s, %s, %s, clock_timestamp() + %s::interval)
"""
_OVER: Final = "DELETE FROM taizhang.session WHERE until < clock_timestamp() - %s::interval"
_LINKS_OVER: Final = "DELETE FROM taizhang.sign_in_link WHERE until < clock_timestamp() - %s::interval"
_FIND: Final = _COLUMNS + " WHERE token_sha256 = %(token)s AND " + _OPEN
_SEEN: Final = "UPDATE taizhang.session SET seen_at = clock_timestamp() WHERE session = %s AND ended_at IS NULL"
_ALL: Final = _COLUMNS + " WHERE holder = %(holder)s AND " + _OPEN + " ORDER BY began_at DESC, session"
_END: Final = (
    """
UPDATE taizhang.session SET ended_at = clock_timestamp()
 WHERE holder = %(holder)s AND (%(session)s::text IS NULL OR session = %(session)s)
   AND (%(but)s::text IS NULL OR session <> %(but)s) AND """
    + _OPEN
)
_SIGN_OUT: Final = """
UPDATE taizhang.session SET ended_at = clock_timestamp() WHERE token_sha256 = %s AND ended_at IS NULL RETURNING way
"""
_LINK: Final = """
INSERT INTO taizhang.sign_in_link (token_sha256, holder, made_by, until)
VALUES (%s, %s, %s, clock_timestamp() + %s::interval) RETURNING until
"""
_REDEEM: Final = """
UPDATE taizhang.sign_in_link SET used_at = clock_timestamp()
 WHERE token_sha256 = %s AND used_at IS NULL AND until > clock_timestamp() RETURNING holder
"""


class Session(NamedTuple):
    """A session that is open: its name, whose it is, how it was begun, and when; `until` whatever its holder does."""

    session: str
    holder: str
    way: Way
    began_at: datetime
    seen_at: datetime
    until: datetime


class Sessions:
    """The sessions, over a pool of connections; every process of the service sees the same."""

    def __init__(self, pool: "ConnectionPool[Connection[TupleRow]]", idle: timedelta, whole: timedelta) -> None:
        self._pool = pool
        self.idle, self.whole = idle, whole

    def begin(self, holder: str, way: Way) -> str:
        """Begin a session of somebody who proved a name; the token that its browser keeps."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        name = f"session:{''.join(secrets.choice(string.ascii_lowercase) for _ in range(_NAME_LETTERS))}"
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(_OVER, (KEPT,))
            connection.execute(_BEGIN, (name, _hash(token), holder, way, self.whole))
        return token

    def open(self, token: str, *, is_request: bool = True) -> Session | None:
        """The session of a token; None where there is none, or it was ended, or is over, or was idle too long.

        Args:
            token: as the browser sent it.
            is_request: whether somebody asked just now, which a stream that goes on does not show.
        """
        if len(token) != TOKEN_LENGTH:
            return None
        with self._pool.connection() as connection:
            found = connection.execute(_FIND, {"token": _hash(token), "idle": self.idle}).fetchone()
            if found is None:
                return None
            session = Session(*found)
            if is_request and datetime.now(session.seen_at.tzinfo) - session.seen_at > timedelta(seconds=SEEN_S):
                connection.execute(_SEEN, (session.session,))
        return session

    def of_holder(self, holder: str) -> list[Session]:
        """The sessions of a person that are open, the newest first."""
        with self._pool.connection() as connection:
            return [Session(*row) for row in connection.execute(_ALL, {"holder": holder, "idle": self.idle})]

    def end(self, holder: str, session: str) -> None:
        """End one of a person's sessions.

        Raises:
            NotFoundError: it is nobody's, somebody else's, or over.
        """
        if not self._end(holder, session, None):
            raise NotFoundError(f"no session {session[:100]!r} of yours is open; GET /v1/sessions lists them")

    def end_all(self, holder: str, but: str | None = None) -> int:
        """End every session of a person, but for one where that is wanted; how many there were."""
        return self._end(holder, None, but)

    def _end(self, holder: str, session: str | None, but: str | None) -> int:
        given = {"holder": holder, "session": session, "but": but, "idle": self.idle}
        with self._pool.connection() as connection:
            return connection.execute(_END, given).rowcount

    def sign_out(self, token: str) -> Way | None:
        """End the session of a token; how it had been begun, None where there is none that is open."""
        with self._pool.connection() as connection:
            found = connection.execute(_SIGN_OUT, (_hash(token),)).fetchone()
        return None if found is None else found[0]

    def link(self, holder: str, by: str, minutes: int) -> tuple[str, datetime]:
        """A token by which somebody becomes `holder`, once, within so many minutes; and its end."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(_LINKS_OVER, (KEPT,))
            row = connection.execute(_LINK, (_hash(token), holder, by, timedelta(minutes=minutes))).fetchone()
        assert row is not None  # noqa: S101 - the statement returns its row
        return token, row[0]

    def redeem(self, token: str) -> str | None:
        """Whom a link's token makes, this once; None where it was used, is over, or never was."""
        with self._pool.connection() as connection:
            found = connection.execute(_REDEEM, (_hash(token),)).fetchone()
        return None if found is None else str(found[0])


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
