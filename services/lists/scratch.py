"""Scratch space for a comparison: the list and the source's events, in order of organization, on disk.

SQLite sorts what may not fit into memory; nothing in it outlives the comparison. The list has a file of its own, so
that another process can fill it.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import orjson

from domain.events.facts import Event
from domain.fieldwork.list_said import Said
from domain.fieldwork.lists import Listed

_CACHE_KIB: Final = 65_536
_KEPT_AT_ONCE: Final = 1_000
_LISTED_FILE: Final = "list.sqlite"
_LISTED: Final = "CREATE TABLE listed (org TEXT NOT NULL, row INTEGER NOT NULL, fields BLOB NOT NULL)"
_TABLES: Final = """
CREATE TABLE said (org TEXT NOT NULL, said BLOB NOT NULL);
CREATE TABLE difference (number INTEGER PRIMARY KEY, event BLOB NOT NULL);
"""
_LIST: Final = "INSERT INTO listed VALUES (?, ?, ?)"
_REPEATED: Final = """
SELECT org, row, fields FROM listed WHERE org IN (SELECT org FROM listed GROUP BY org HAVING count(*) > 1)
ORDER BY org, row
"""
_DROP: Final = "DELETE FROM listed WHERE org = ? AND row = ?"
_SAID: Final = "INSERT INTO said VALUES (?, ?)"
_ALL_SAID: Final = "SELECT org, said FROM said ORDER BY org"


class Repeat(NamedTuple):
    """An organization that stands in the list again; `equal`: with the same words as in its first row."""

    org: str
    first: int
    row: int
    equal: bool


def _open(path: Path) -> sqlite3.Connection:
    # Another thread may go on where one left off, never two at once.
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE", f"cache_size = -{_CACHE_KIB}"):
        database.execute(f"PRAGMA {pragma}")
    return database


def keep_list(folder: Path, rows: Iterable[tuple[int, Listed]]) -> Iterator[Repeat]:
    """Keep the rows of a list, each with its number; give those of organizations that stand in it already.

    These are taken out. What was kept is there for `Scratch` of the same folder once the iterator has ended.
    """
    (folder / _LISTED_FILE).unlink(missing_ok=True)
    with closing(_open(folder / _LISTED_FILE)) as database:
        database.execute(_LISTED)
        database.execute("BEGIN")
        sorted_ = orjson.OPT_SORT_KEYS
        database.executemany(
            _LIST, ((listed.org, number, orjson.dumps(listed.fields, option=sorted_)) for number, listed in rows)
        )
        database.execute("CREATE INDEX listed_org ON listed (org, row)")
        for org, alike in groupby(database.execute(_REPEATED).fetchall(), itemgetter(0)):
            (_, first, fields), *others = alike
            for _, number, said in others:
                database.execute(_DROP, (org, number))
                yield Repeat(org, first, number, equal=said == fields)
        database.execute("COMMIT")


class Scratch:
    """One comparison's database, in files of a folder that the caller removes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._database = _open(folder / "scratch.sqlite")
        self._database.executescript(_TABLES)
        self._kept: list[tuple[bytes]] = []
        self._attached = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def attach_list(self) -> None:
        """Read the list that `keep_list` has kept in the folder from here on."""
        if self._attached:
            return
        self._attached = True
        self._database.execute("ATTACH ? AS list", (str(self.folder / _LISTED_FILE),))
        self._database.execute("BEGIN")

    def add(self, said: Iterable[tuple[str, Said]]) -> None:
        """Add what the source has said, by organization."""
        self._database.execute("BEGIN")
        self._database.executemany(_SAID, ((org, _packed(each)) for org, each in said))
        self._database.execute("COMMIT")

    def _all_said(self) -> Iterator[tuple[str, list[Said]]]:
        for org, rows in groupby(self._database.execute(_ALL_SAID), itemgetter(0)):
            yield org, [_unpacked(said) for _, said in rows]

    def _listed(self) -> Iterator[tuple[str, Listed]]:
        for org, fields in self._database.execute("SELECT org, fields FROM list.listed ORDER BY org"):
            yield org, Listed(org, orjson.loads(fields))

    def rows(self) -> Iterator[tuple[int, Listed]]:
        """The rows of the list, each with its number."""
        for org, row, fields in self._database.execute("SELECT org, row, fields FROM list.listed ORDER BY org"):
            yield row, Listed(org, orjson.loads(fields))

    def pairs(self) -> Iterator[tuple[str, list[Said], Listed | None]]:
        """Every organization of the list or of the source's events, in order, with both sides."""
        said, listed = self._all_said(), self._listed()
        left: tuple[str, list[Said]] | None = next(said, None)
        right: tuple[str, Listed] | None = next(listed, None)
        while left is not None or right is not None:
            if right is None or (left is not None and left[0] < right[0]):
                assert left is not None  # noqa: S101 - one of the two is there
                yield left[0], left[1], None
                left = next(said, None)
            elif left is None or right[0] < left[0]:
                yield right[0], [], right[1]
                right = next(listed, None)
            else:
                yield left[0], left[1], right[1]
                left, right = next(said, None), next(listed, None)

    def keep(self, event: bytes) -> None:
        """Keep an event that would be published."""
        self._kept.append((event,))
        if len(self._kept) == _KEPT_AT_ONCE:
            self._write()

    def _write(self) -> None:
        self._database.executemany("INSERT INTO difference (event) VALUES (?)", self._kept)
        self._kept.clear()

    def events(self) -> Iterator[bytes]:
        """The events kept, in order."""
        self._write()
        cursor: Iterable[Any] = self._database.execute("SELECT event FROM difference ORDER BY number")
        for (event,) in cursor:
            yield event


def _packed(said: Said) -> bytes:
    made = None if said.made is None else said.made.toordinal()
    return orjson.dumps((_values(said.event), [_values(word) for word in said.words], made))


def _values(event: Event) -> tuple[Any, ...]:
    return (event.position, event.source, event.id, event.type, event.time_ns, event.data)


def _unpacked(packed: bytes) -> Said:
    event, words, made = orjson.loads(packed)
    day = None if made is None else date.fromordinal(made)
    return Said(Event(*event), tuple(Event(*word) for word in words), day)
