"""Reading the branches' own tables: their states, meetings, parents, and on which days they are in effect."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from psycopg import Cursor, sql

from domain.ledger.living import Life
from domain.values.terms import Formation, MeetingKind, Tier

# Of the rows that span the day, by branch the latest as known; the branches named, or all.
_LATEST: Final = """
SELECT DISTINCT ON (branch) branch, {{columns}} FROM {{schema}}.{table}
 WHERE position <= %(known_at)s AND day_from <= %(day)s AND day_to > %(day)s
   AND (%(names)s::text[] IS NULL OR branch = ANY(%(names)s))
 ORDER BY branch, position DESC
"""
_STATE: Final = ("name", "tier", "formation", "region", "groups", "formed_on", "term_from", "term_to", "extended_to",
                 "vacant_since")  # fmt: skip
_MEETINGS: Final = """
SELECT branch, day, kind, held FROM (
    SELECT DISTINCT ON (branch, day, kind) branch, day, kind, held FROM {schema}.meeting
     WHERE position <= %(known_at)s AND day <= %(day)s AND (%(names)s::text[] IS NULL OR branch = ANY(%(names)s))
     ORDER BY branch, day, kind, position DESC
) latest WHERE held > 0 ORDER BY branch, day, kind
"""
# What was ever told of one branch on the day, in order of position; each row overrides the ones before.
_TOLD: Final = """
SELECT position, {{columns}} FROM {{schema}}.{table}
 WHERE branch = %(branch)s AND position <= %(known_at)s AND day_from <= %(day)s AND day_to > %(day)s
 ORDER BY position
"""
_TOLD_MEETINGS: Final = """
SELECT position, day, kind, held FROM {schema}.meeting
 WHERE branch = %(branch)s AND position <= %(known_at)s AND day <= %(day)s ORDER BY position
"""
_TOLD_COVERS: Final = """
SELECT position, org, value FROM {schema}.presence JOIN {schema}.organization USING (org_no)
 WHERE entity = %(branch)s AND position <= %(known_at)s AND day_from <= %(day)s AND day_to > %(day)s
 ORDER BY position
"""


@lru_cache(maxsize=256)
def _composed(text: str, schema: str, columns: tuple[str, ...] = ()) -> sql.Composed:
    named = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL(text).format(schema=sql.Identifier(schema), columns=named)


class BranchState(NamedTuple):
    """A formed branch as its own facts have it on a day; days are ordinals."""

    branch: str
    name: str
    tier: Tier
    formation: Formation
    region: str
    groups: int
    formed_on: int
    term_from: int
    term_to: int | None
    extended_to: list[int]
    vacant_since: int | None

    @property
    def life(self) -> Life:
        """What of it decides whether it is in effect."""
        return Life(
            self.tier, self.groups, self.formed_on, self.term_from, self.term_to, tuple(self.extended_to),
            self.vacant_since,
        )  # fmt: skip


class Told(NamedTuple):
    """What was told of one branch on a day, in order of position; of the same thing a later row overrides.

    Attributes:
        states: with each position the state, None while not formed.
        parents: the parent, None for none.
        in_effect: whether it is in effect.
        meetings: how many of a kind were held on a day that is not after it: an ordinal, the kind, the number.
        covers: an organization, and how it is covered; None while it is not.
    """

    states: list[tuple[int, BranchState | None]]
    parents: list[tuple[int, str | None]]
    in_effect: list[tuple[int, bool]]
    meetings: list[tuple[int, int, MeetingKind, int]]
    covers: list[tuple[int, str, Formation | None]]

    @property
    def positions(self) -> set[int]:
        """Where anything was told."""
        return {row[0] for rows in self for row in rows}


class BranchReading:
    """Reads the branches of one version of the projection; of all of them, in sight or not."""

    def __init__(self, cursor: Cursor[Any], schema: str, day: int, known_at: int) -> None:
        """Read at a pair of clocks: a day, and a position that the version has reached."""
        self._cursor, self._schema, self._day, self._known_at = cursor, schema, day, known_at

    def _latest(self, table: str, columns: tuple[str, ...], names: Sequence[str] | None) -> list[tuple[Any, ...]]:
        query = _composed(_LATEST.format(table=table), self._schema, columns)
        given = {"known_at": self._known_at, "day": self._day, "names": None if names is None else list(names)}
        return self._cursor.execute(query, given, binary=True).fetchall()

    def states(self, names: Sequence[str] | None = None) -> dict[str, BranchState]:
        """By name every formed branch; or those among these."""
        rows = self._latest("branch", _STATE, names)
        return {row[0]: BranchState(*row) for row in rows if row[3] is not None}

    def parents(self, names: Sequence[str] | None = None) -> dict[str, str]:
        """By branch the one that it stands under, as far as that has effect."""
        return {branch: parent for branch, parent in self._latest("parent", ("parent",), names) if parent is not None}

    def in_effect(self, names: Sequence[str] | None = None) -> set[str]:
        """The branches in effect."""
        return {branch for branch, lives in self._latest("in_effect", ("in_effect",), names) if lives}

    def meetings(self, names: Sequence[str] | None = None) -> dict[str, list[tuple[int, MeetingKind]]]:
        """By branch its quorate meetings by the day, in order; those before it was formed too."""
        given = {"known_at": self._known_at, "day": self._day, "names": None if names is None else list(names)}
        found: dict[str, list[tuple[int, MeetingKind]]] = {}
        rows = self._cursor.execute(_composed(_MEETINGS, self._schema), given, binary=True)
        for branch, day, kind, held in rows:
            found.setdefault(branch, []).extend([(day, kind)] * held)
        return found

    def told(self, branch: str) -> Told:
        """All that was told of one branch on the day, up to the state of knowledge."""
        given = {"branch": branch, "known_at": self._known_at, "day": self._day}

        def rows(text: str, columns: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
            return self._cursor.execute(_composed(text, self._schema, columns), given, binary=True).fetchall()

        states = rows(_TOLD.format(table="branch"), _STATE)
        return Told(
            [(at, None if own[2] is None else BranchState(branch, *own)) for at, *own in states],
            [(at, parent) for at, parent in rows(_TOLD.format(table="parent"), ("parent",))],
            [(at, lives) for at, lives in rows(_TOLD.format(table="in_effect"), ("in_effect",))],
            [(at, day, kind, held) for at, day, kind, held in rows(_TOLD_MEETINGS)],
            [(at, org, how) for at, org, how in rows(_TOLD_COVERS)],
        )
