"""Whom a pseudonym stands for: encrypted with a key for each person (AES-256-GCM), forgotten by destroying the key.

The log never holds more than the pseudonym, so what is forgotten here changes no history, no rate and no proof.
"""

import os
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from services.system.errors import AlreadyEndedError, NotFoundError, TaizhangError

# NIST SP 800-38D section 8.2: 96 bits; each key seals one text, so that no nonce can come twice under it.
NONCE_BYTES: Final = 12
KEY_BITS: Final = 256

_KEEP_KEY: Final = "INSERT INTO taizhang.person_key (pseudonym, sealed_key) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_KEEP: Final = """
INSERT INTO taizhang.person (pseudonym, sealed, purpose, keep_until, kept_by) VALUES (%s, %s, %s, %s, %s)
"""
_SHOW: Final = """
SELECT k.sealed_key, p.sealed FROM taizhang.person p JOIN taizhang.person_key k USING (pseudonym) WHERE pseudonym = %s
"""
_LIST: Final = """
SELECT pseudonym, purpose, keep_until, kept_at, kept_by FROM taizhang.person
 WHERE pseudonym > %s ORDER BY pseudonym LIMIT %s
"""
_IS_KEPT: Final = "SELECT FROM taizhang.person_key WHERE pseudonym = %s"
_ERASE: Final = "DELETE FROM taizhang.person_key WHERE pseudonym = %s"
_ERASED: Final = "INSERT INTO taizhang.person_erased (pseudonym, by, reason) VALUES (%s, %s, %s)"
# A deleted row's bytes stay in the table's file until it is written anew.
_OVERWRITE: Final = ("VACUUM (FULL) taizhang.person_key", "VACUUM (FULL) taizhang.person")


class PersonUnreadableError(TaizhangError):
    """The person's key does not open with the service's own: the key file is another one's."""


class Kept(NamedTuple):
    """A pseudonym whose person is kept, without the person."""

    pseudonym: str
    purpose: str
    keep_until: date
    kept_at: datetime
    kept_by: str


class Persons:
    """The persons kept, over a pool of connections; `master` opens their keys and is not in the database."""

    def __init__(self, pool: "ConnectionPool[Connection[TupleRow]]", master: bytes) -> None:
        self._pool = pool
        self._master = AESGCM(master)

    def keep(self, pseudonym: str, person: dict[str, Any], purpose: str, keep_until: date, by: str) -> None:
        """Keep whom a pseudonym stands for.

        Raises:
            AlreadyEndedError: one is kept under it.
        """
        key = AESGCM.generate_key(KEY_BITS)
        sealed_key = _seal(self._master, key, pseudonym)
        sealed = _seal(AESGCM(key), orjson.dumps(person), pseudonym)
        with self._pool.connection() as connection, connection.transaction():
            if connection.execute(_KEEP_KEY, (pseudonym, sealed_key)).rowcount == 0:
                raise AlreadyEndedError(f"a person is kept under {pseudonym}; erase that one first")
            connection.execute(_KEEP, (pseudonym, sealed, purpose, keep_until, by))

    def show(self, pseudonym: str) -> dict[str, Any]:
        """Whom a pseudonym stands for.

        Raises:
            NotFoundError: nobody is kept under it.
            PersonUnreadableError: the service's key is not the one that it was kept with.
        """
        with self._pool.connection() as connection:
            found = connection.execute(_SHOW, (pseudonym,)).fetchone()
        if found is None:
            raise _nobody(pseudonym)
        try:
            key = _open(self._master, found[0], pseudonym)
            person: dict[str, Any] = orjson.loads(_open(AESGCM(key), found[1], pseudonym))
        except InvalidTag as error:
            raise PersonUnreadableError(
                f"{pseudonym} cannot be opened: restore keys/persons.key from its backup"
            ) from error
        return person

    def kept(self, after: str, limit: int) -> Sequence[Kept]:
        """Up to `limit` pseudonyms in order, those after `after`."""
        with self._pool.connection() as connection:
            return [Kept(*row) for row in connection.execute(_LIST, (after, limit))]

    def require_kept(self, pseudonym: str) -> None:
        """See that somebody is kept under it; NotFoundError where nobody is."""
        with self._pool.connection() as connection:
            if connection.execute(_IS_KEPT, (pseudonym,)).fetchone() is None:
                raise _nobody(pseudonym)

    def erase(self, pseudonym: str, by: str, reason: str) -> None:
        """Forget a person: destroy the key and what it sealed, and note that it was done.

        Raises:
            NotFoundError: nobody is kept under it.
        """
        with self._pool.connection() as connection:
            with connection.transaction():
                if connection.execute(_ERASE, (pseudonym,)).rowcount == 0:
                    raise _nobody(pseudonym)
                connection.execute(_ERASED, (pseudonym, by, reason))
            for statement in _OVERWRITE:
                connection.execute(statement.encode())


def _seal(cipher: AESGCM, plain: bytes, pseudonym: str) -> bytes:
    """Nonce and ciphertext, bound to the pseudonym, so that nobody can put one person in another's place."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, pseudonym.encode())


def _open(cipher: AESGCM, sealed: bytes, pseudonym: str) -> bytes:
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], pseudonym.encode())


def _nobody(pseudonym: str) -> NotFoundError:
    return NotFoundError(f"nobody is kept under {pseudonym}; GET /v1/persons lists the pseudonyms that are")
