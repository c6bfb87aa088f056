"""Which branches cover which organizations, at any pair of clocks: the branches' presences as columns.

They are a twentieth of what the ledger's columns hold, and are read when first asked for.
"""

import threading
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor, sql

from domain.values.terms import FORMATIONS
from projections.ledger.columns.columns import Coded, Int32, Snapshot, up_to

_PRESENCES: Final = """
SELECT entity, org_no, position, day_from, day_to, value FROM {schema}.presence
 WHERE entity LIKE 'branch:%%' AND position > %s AND position <= %s ORDER BY position
"""
_NOT_THERE: Final = -1


class Covering(NamedTuple):
    """What branches cover on a day, in order of branch and organization number; arrays of one length.

    `branch` are numbers in `names`, `formation` indexes in FORMATIONS.
    """

    names: list[str]
    branch: Int32
    org_no: Int32
    formation: NDArray[np.int8]

    def where(self, mask: NDArray[np.bool_]) -> "Covering":
        """Those that a mask picks."""
        return Covering(self.names, self.branch[mask], self.org_no[mask], self.formation[mask])


class _Presences(NamedTuple):
    """All presences of one version up to a position, in order of position.

    `pair` numbers branch and organization together, `formation` is _NOT_THERE from where a branch no longer covers it;
    `rank` is each branch's place in order of name.
    """

    version: int
    position: int
    branches: Coded
    pairs: dict[tuple[int, int], int]
    rows: Int32
    rank: Int32


class BranchCoverings:
    """The presences at hand, which grow with the ledger; any number of threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all = _nothing(-1)

    def at(  # noqa: PLR0917 - one question
        self, version: int, schema: str, snapshot: Snapshot, cursor: Cursor[Any], day: int, known_at: int
    ) -> Covering:
        """What each branch covers on a day, as known at a position that the snapshot has reached.

        Args:
            version: the projection's version.
            schema: its PostgreSQL schema.
            snapshot: whose position is read up to.
            cursor: reads the presences of all branches.
            day: the ordinal of a date.
            known_at: the position of the state of knowledge.
        """
        with self._lock:
            if self._all.version != version:
                self._all = _nothing(version)
            if self._all.position < snapshot.position:
                self._all = _grown(self._all, schema, cursor, snapshot.position)
            found = self._all
        pair, branch, org_no, position, day_from, day_to, formation = found.rows
        known = up_to(position, known_at)
        spans = np.flatnonzero((day_from[:known] <= day) & (day_to[:known] > day))
        last = np.full(int(pair.max(initial=-1)) + 1, _NOT_THERE, np.int64)
        # Of an index that stands twice, the last assignment holds; presences stand in order of position.
        last[pair[spans]] = spans
        last = last[last != _NOT_THERE]
        last = last[formation[last] != _NOT_THERE]
        last = last[np.lexsort((org_no[last], found.rank[branch[last]]))]
        return Covering(found.branches.texts, branch[last], org_no[last], formation[last].astype(np.int8))


def _nothing(version: int) -> _Presences:
    return _Presences(version, 0, Coded(), {}, np.zeros((7, 0), np.int32), np.zeros(0, np.int32))


def _grown(before: _Presences, schema: str, cursor: Cursor[Any], position: int) -> _Presences:
    """With what has come since, up to a position; `branches` and `pairs` grow in place."""
    statement = sql.SQL(_PRESENCES).format(schema=sql.Identifier(schema))
    branches, pairs, rows = before.branches, before.pairs, []
    for entity, org_no, at, day_from, day_to, value in cursor.execute(statement, (before.position, position)):
        branch = branches.number(entity)
        pair = pairs.setdefault((branch, org_no), len(pairs))
        formation = _NOT_THERE if value is None else FORMATIONS.index(value)
        rows.append((pair, branch, org_no, at, day_from, day_to, formation))
    if not rows:
        return before._replace(position=position)
    order = sorted(range(len(branches.texts)), key=branches.texts.__getitem__)
    rank = np.zeros(len(order), np.int32)
    rank[order] = np.arange(len(order))
    grown = np.concatenate([before.rows, np.array(rows, np.int32).T], axis=1)
    return before._replace(position=position, rows=grown, rank=rank)
