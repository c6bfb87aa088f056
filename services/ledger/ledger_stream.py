"""The current ledger's changes: what a consumer needs to keep a copy of it, from any mark on.

A change is an organization's whole row as it is now, or nothing for one that is no longer active. So a consumer that
keeps the last change of each organization has the ledger, wherever it began and whatever it was sent twice.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from domain.ledger.policy import DEFAULT_POLICY
from domain.ledger.rates import ANY
from domain.ledger.rows import Row
from domain.values.instants import parse_date
from projections.ledger.columns.columns import Snapshot
from projections.ledger.columns.counts import deciding_entries, matching, rows_of
from services.ledger.queries import Queries, rows_at
from services.ledger.view import View
from services.system.settings import SHANGHAI

CHUNK: Final = 1_000
_NEVER: Final = date.min


class Mark(NamedTuple):
    """The ledger at a position of the log and the end of a date; rows change with either."""

    position: int
    as_of: date

    def __str__(self) -> str:
        return f"{self.position}@{self.as_of.isoformat()}"

    @classmethod
    def beginning(cls) -> Self:
        """Before everything."""
        return cls(0, _NEVER)

    @classmethod
    def parse(cls, text: str, queries: Queries) -> Self:
        """Read `position@date`, or a position alone, which stands for the date on which it was recorded.

        Raises:
            ValueError: neither of the two.
        """
        position, _, day = text.partition("@")
        if not (position.isascii() and position.isdigit() and len(position) < 19):
            raise ValueError("a mark is a position, or position@date as a change's id gives it")
        if day:
            return cls(int(position), parse_date(day))
        recorded_at = queries.recorded_at(int(position))
        return cls(int(position), recorded_at.astimezone(SHANGHAI).date() if recorded_at else _NEVER)


class Change(NamedTuple):
    """One organization's row from now on; None: it is not active."""

    org: str
    row: Row | None

    def as_json(self, mark: Mark) -> dict[str, Any]:
        """The change as messages show it."""
        row = None
        if self.row is not None:
            row = {**self.row._asdict(), "attributes": self.row.attributes._asdict()}
        return {"org": self.org, "position": mark.position, "as_of": mark.as_of.isoformat(), "row": row}


def changes(queries: Queries, since: Mark, as_of: date) -> tuple[Mark, Iterator[list[Change]]]:
    """The mark that the ledger has come to, and what changed on the way, in pieces of at most 1,000."""
    view = queries.view.current
    now = Mark(max(view.snapshot.position, since.position), max(as_of, since.as_of))
    return now, _changes(queries, view, since, now)


def _changes(queries: Queries, view: View, since: Mark, now: Mark) -> Iterator[list[Change]]:
    snapshot, day = view.snapshot, now.as_of.toordinal()
    touched = _touched(snapshot, since, now)
    if not touched.any():
        return
    policy = snapshot.policy(day, now.position)
    decided = deciding_entries(snapshot, day, now.position)
    rows = rows_of(snapshot, decided[touched[snapshot.entries["org_no"][decided]]], policy)
    if queries.scope is not None:
        filters = queries.narrowed(ANY)
        rows = rows.where(matching(snapshot, rows, filters))
        # What was never in sight cannot go out of it.
        before = rows_of(snapshot, deciding_entries(snapshot, since.as_of.toordinal(), since.position), DEFAULT_POLICY)
        seen = np.zeros(snapshot.organizations, np.bool_)
        seen[before.org_no[matching(snapshot, before, filters)]] = True
        touched &= seen
    for first in range(0, len(rows), CHUNK):
        with queries.cursor() as cursor:
            part = rows_at(view, cursor, rows.where(np.arange(first, min(first + CHUNK, len(rows)))), policy)
        yield [Change(each.org, each) for each in part]
    if since.position == 0:  # a copy that is just begun holds nothing that could be gone
        return
    touched[rows.org_no] = False
    gone = np.flatnonzero(touched).tolist()
    for first in range(0, len(gone), CHUNK):
        yield [Change(snapshot.orgs[number], None) for number in gone[first : first + CHUNK]]


def _touched(snapshot: Snapshot, since: Mark, now: Mark) -> NDArray[np.bool_]:
    """For each organization whether its row may differ between two marks."""
    before, after = since.as_of.toordinal(), now.as_of.toordinal()
    touched = np.zeros(snapshot.organizations, np.bool_)
    policies = [snapshot.policy(day, position) for position, day in ((since.position, before), (now.position, after))]
    if policies[0] != policies[1]:
        touched[:] = True
        return touched
    entries = snapshot.entries
    moved = entries["position"] > since.position
    if before != after:
        for edge in ("day_from", "day_to"):
            moved |= (entries[edge] > before) & (entries[edge] <= after)
    touched[entries["org_no"][moved]] = True
    return touched
