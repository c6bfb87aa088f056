"""Organizations found by a part of their name or code, and in the order of names."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor, sql

from domain.values.names import FULL_WIDTH, HALF_WIDTH, one_width
from projections.ledger.columns.columns import Int32, Snapshot

# strpos, not LIKE: what is looked for may hold % and _.
_NAMED: Final = """
SELECT attributes_no FROM {schema}.attributes WHERE strpos(lower(name), lower(%(part)s)) > 0
"""
# Only what holds letters, digits or brackets can be written in another width, and to fold a name's takes its time.
_NAMED_IN_ANY_WIDTH: Final = """
SELECT attributes_no FROM {schema}.attributes
 WHERE strpos(lower(translate(name, %(full)s, %(half)s)), lower(%(part)s)) > 0
"""
_CODED: Final = """
SELECT org_no FROM {schema}.organization WHERE strpos(upper(org), upper(%(part)s)) > 0
"""


class Found(NamedTuple):
    """Numbers of attributes with such a name, and of organizations with such an identifier."""

    attributes: list[int]
    organizations: list[int]


def find(cursor: Cursor[Any], schema: str, part: str) -> Found:
    """All that hold `part`, letters' case and width aside, and blanks around it.

    A name counts on the days on which it was the organization's.
    """
    plain = one_width(part)
    given = {"part": plain, "full": FULL_WIDTH, "half": HALF_WIDTH}

    def numbers(query: str) -> list[int]:
        rows = cursor.execute(sql.SQL(query).format(schema=sql.Identifier(schema)), given)
        return [number for (number,) in rows]

    in_any_width = any(each.isascii() for each in plain)
    return Found(numbers(_NAMED_IN_ANY_WIDTH if in_any_width else _NAMED), numbers(_CODED))


# Organizations beyond the order that are compared one by one before the order is made anew.
_TAIL_MAX: Final = 1 << 12


class Order(NamedTuple):
    """The first organizations of a version: their identifiers sorted, and by number the place of each."""

    version: int
    orgs: NDArray[Any]
    places: Int32


class Alphabet:
    """The order, made when asked for; any number of threads may ask."""

    def __init__(self) -> None:
        self._order = Order(-1, np.zeros(0, object), np.zeros(0, np.int32))

    def _current(self, version: int, snapshot: Snapshot) -> Order:
        order = self._order
        count = snapshot.organizations
        if order.version == version and count - len(order.places) <= _TAIL_MAX:
            return order
        orgs = np.array(snapshot.orgs[:count], object)
        by_name = np.argsort(orgs, kind="stable")
        places = np.empty(count, np.int32)
        places[by_name] = np.arange(count, dtype=np.int32)
        self._order = Order(version, orgs[by_name], places)
        return self._order

    def first(
        self, version: int, snapshot: Snapshot, numbers: Int32, after: str | None, limit: int
    ) -> NDArray[np.int64]:
        """Indexes of these organization numbers: the first `limit` after an identifier are among them, few others."""
        order = self._current(version, snapshot)
        placed = np.flatnonzero(numbers < len(order.places))
        others = np.flatnonzero(numbers >= len(order.places))
        places = order.places[numbers[placed]]
        if after is not None:
            behind = places >= np.searchsorted(order.orgs, after, side="right")
            placed, places = placed[behind], places[behind]
        if len(places) > limit:
            placed = placed[places <= np.partition(places, limit - 1)[limit - 1]]
        return np.concatenate([placed, others])
