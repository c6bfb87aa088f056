"""Organizations in order of their identifiers, so that a page of a list need not compare them all."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from projections.ledger.columns.columns import Int32, Snapshot

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
