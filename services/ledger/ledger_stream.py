"""The current ledger's changes: what a consumer needs to keep a copy of it, from any mark on.

A change is an organization's whole row as it is now, or nothing for one that is no longer active. So a consumer that
keeps the last change of each organization has the ledger, wherever it began and whatever it was sent twice.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from domain.ledger.policy import DEFAULT_POLICY
from domain.ledger.rows import Row, told
from domain.values.instants import parse_date
from domain.values.scope import Scope
from projections.ledger.columns.columns import Snapshot
from projections.ledger.columns.counts import deciding_entries, rows_of, seen
from services.ledger.queries import Queries
from services.ledger.row_reading import rows_at
from services.ledger.view import View
from services.system.errors import NotFoundError
from services.system.settings import SHANGHAI

CHUNK: Final = 1_000
_NEVER: Final = date.min
_SIGHT: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)
_VERSION: Final = re.compile(r"[0-9]{1,9}\.[0-9a-f]{12}", re.ASCII)


class Mark(NamedTuple):
    """The ledger at a position of the log and the end of a date, by a version; rows change with any of them.

    `version` is the label of the view that the rows were read from; "" where it is not known. `sight` stands for the
    regions that the rows were cut to; "" for all.
    """

    position: int
    as_of: date
    version: str
    sight: str = ""

    def __str__(self) -> str:
        text = f"{self.position}@{self.as_of.isoformat()}@{self.version}"
        return f"{text}@{self.sight}" if self.sight else text

    @classmethod
    def beginning(cls) -> Self:
        """Before everything."""
        return cls(0, _NEVER, "")

    @classmethod
    def parse(cls, text: str, queries: Queries, head: int, today: date) -> Self:
        """Read `position@date@version`, with `@sight` where that is limited, or a position alone.

        A position alone stands for the date on which it was recorded, and for the version in use. Without a version
        it is not known by which rules a copy was made, and all of it is sent anew; as for a copy of other regions.

        Raises:
            ValueError: none of these, or a mark that this log, which ends at `head`, has not come to.
        """
        position, _, rest = text.partition("@")
        day, _, rest = rest.partition("@")
        version, _, sight = rest.partition("@")
        if not (position.isascii() and position.isdigit() and len(position) < 19):
            raise ValueError("a mark is a position, or position@date@version as a change's id gives it")
        if version and not _VERSION.fullmatch(version):
            raise ValueError("a mark's version is a number and the beginning of a hash, as a change's id gives them")
        if sight and not _SIGHT.fullmatch(sight):
            raise ValueError("a mark's regions are 12 of 0-9 a-f, as a change's id gives them")
        if int(position) > head:
            raise ValueError(f"the log ends at position {head}: a mark beyond it is of another log; begin without one")
        if day:
            if parse_date(day) > today:
                raise ValueError(f"today is {today}: a mark has a date that has come; begin without one")
            return cls(int(position), parse_date(day), version if sight == sight_of(queries.scope) else "", sight)
        if int(position) == 0:
            return cls.beginning()
        try:
            recorded_at = queries.recorded_at(int(position))
        except NotFoundError as error:
            raise ValueError(str(error)) from error
        recorded_on = recorded_at.astimezone(SHANGHAI).date() if recorded_at else _NEVER
        return cls(int(position), recorded_on, queries.view.current.label)


def sight_of(scope: Scope) -> str:
    """A name for the regions that a caller is limited to; "" for none."""
    return "" if scope is None else hashlib.sha256(",".join(scope).encode()).hexdigest()[:12]


class Change(NamedTuple):
    """One organization's row from now on; None: it is not active."""

    org: str
    row: Row | None

    def as_json(self, mark: Mark) -> dict[str, Any]:
        """The change as messages show it."""
        row = None if self.row is None else told(self.row)
        return {"org": self.org, "position": mark.position, "as_of": mark.as_of.isoformat(), "row": row}


class Part(NamedTuple):
    """Some changes; with them whatever concerns organizations below the number `upto` of this version is told."""

    upto: int
    changes: list[Change]


class Changes(NamedTuple):
    """What leads from one mark to another.

    Attributes:
        mark: what the ledger has come to.
        anew: the view, where it is of another version than the mark; None where it is of the same.
        is_whole: whether the whole ledger is sent: what a copy holds beyond it is gone.
        parts: the changes, in pieces of at most 1,000.
    """

    mark: Mark
    anew: View | None
    is_whole: bool
    parts: Iterator[Part]


def mark_now(view: View, since: Mark, as_of: date) -> Mark:
    """What the ledger has come to on a date; the mark itself while the view has not reached it.

    The date may lie before the mark's: a clock was ahead, and what became effective since is taken back.
    """
    if view.snapshot.position < since.position:
        return since
    return since._replace(position=view.snapshot.position, as_of=as_of, version=view.label)


def changes(queries: Queries, since: Mark, as_of: date) -> Changes:
    """What changed since a mark."""
    view = queries.view.current
    now = mark_now(view, since, as_of)
    if since.position == 0:  # a copy that is just begun is of no version yet
        return Changes(now, None, True, _changes(queries, view, since, now, None))
    if now == since or now.version == since.version:
        return Changes(now, None, False, _changes(queries, view, since, now, frozenset()))
    differing = queries.differing(since.version, view) if since.version else None
    return Changes(now, view, differing is None, _changes(queries, view, since, now, differing))


def going_on(queries: Queries, since: Mark, toward: Mark, upto: int) -> Changes | None:
    """The rest of what leads from one mark to another, from the organization `upto` on.

    None: `toward` is of a version that is no longer in use, so its numbers and rows are gone.
    """
    view = queries.view.current
    if view.label != toward.version or view.snapshot.position < toward.position:
        return None
    differing: frozenset[str] | None = frozenset()
    if since.position == 0 or not since.version:
        differing = None
    elif since.version != toward.version:
        differing = queries.differing(since.version, view)
    return Changes(toward, None, differing is None, _changes(queries, view, since, toward, differing, upto))


def _changes(  # noqa: PLR0917 - one question
    queries: Queries, view: View, since: Mark, now: Mark, differing: frozenset[str] | None, upto: int = 0
) -> Iterator[Part]:
    """What changed; of `differing` organizations whatever they are like in this view, None for all.

    In the order of the organizations' numbers, and of few at a time: memory goes by a byte for each organization and
    by the part, not by how much there is to tell.
    """
    snapshot, day = view.snapshot, now.as_of.toordinal()
    if now == since:
        return
    # What is just begun holds nothing that could be gone.
    is_copy, gone = since.position > 0, set(differing or ())
    before, scope = (queries.scope_at(each.as_of, each.position) for each in (since, now))
    # Where bodies moved, others are in sight than before, whose rows are what they were.
    anew = differing is None or before != scope
    touched = np.ones(snapshot.organizations, np.bool_) if anew else _touched(snapshot, since, now)
    touched &= ~_only_later(snapshot, now)
    numbered = {org: queries.homes.number(view.version.number, snapshot, org) for org in gone}
    for number in numbered.values():
        if number is not None and number < snapshot.organizations:
            touched[number] = True
    policy, judged = snapshot.policy(day, now.position), snapshot.is_judged(day, now.position)
    decided = deciding_entries(snapshot, day, now.position)
    entry = np.full(snapshot.organizations, -1, np.int32)
    entry[snapshot.entries["org_no"][decided]] = decided
    held = _seen(snapshot, since, before) if is_copy else None
    numbers = np.flatnonzero(touched)
    numbers = numbers[numbers >= upto]
    for first in range(0, len(numbers), CHUNK):
        part = numbers[first : first + CHUNK]
        rows = rows_of(snapshot, entry[part][entry[part] >= 0], policy)
        if scope is not None:
            rows = rows.where(seen(snapshot, rows.region, rows.answers, scope))
        with queries.cursor() as cursor:
            found = [Change(each.org, each) for each in rows_at(view, cursor, rows, policy, judged=judged)]
        if is_copy:
            without = np.setdiff1d(part, rows.org_no, assume_unique=True)
            in_sight = without if held is None else without[held[without]]
            ended = {snapshot.orgs[number] for number in without.tolist()} & gone
            ended.update(snapshot.orgs[number] for number in in_sight.tolist())
            found += [Change(org, None) for org in sorted(ended)]
        gone.difference_update(each.org for each in found)
        if found:
            yield Part(int(part[-1]) + 1, found)
    left = sorted(org for org in gone if numbered[org] is None)
    for first in range(0, len(left), CHUNK):
        yield Part(snapshot.organizations, [Change(org, None) for org in left[first : first + CHUNK]])


def _seen(snapshot: Snapshot, since: Mark, scope: Scope) -> NDArray[np.bool_] | None:
    """Which organizations were in sight at a mark; None: all. What was never in sight cannot go out of it."""
    if scope is None:
        return None
    before = rows_of(snapshot, deciding_entries(snapshot, since.as_of.toordinal(), since.position), DEFAULT_POLICY)
    held = np.zeros(snapshot.organizations, np.bool_)
    held[before.org_no[seen(snapshot, before.region, before.answers, scope)]] = True
    return held


def _only_later(snapshot: Snapshot, now: Mark) -> NDArray[np.bool_]:
    """Which organizations the ledger came to know after a mark."""
    found = np.zeros(snapshot.organizations, np.bool_)
    org_no, known = snapshot.entries["org_no"], snapshot.known(now.position)
    found[org_no[known:]] = True
    found[org_no[:known]] = False
    return found


def _touched(snapshot: Snapshot, since: Mark, now: Mark) -> NDArray[np.bool_]:
    """For each organization whether its row may differ between two marks."""
    before, after = since.as_of.toordinal(), now.as_of.toordinal()
    first, last = sorted((before, after))  # a day that was published too early is taken back the same way
    touched = np.zeros(snapshot.organizations, np.bool_)
    policies = [
        (snapshot.policy(day, position), snapshot.is_judged(day, position))
        for position, day in ((since.position, before), (now.position, after))
    ]
    if policies[0] != policies[1]:
        touched[:] = True
        return touched
    entries = snapshot.entries
    moved = (entries["position"] > since.position) & (entries["position"] <= now.position)
    if before != after:
        for edge in ("day_from", "day_to"):
            moved |= (entries[edge] > first) & (entries[edge] <= last)
    touched[entries["org_no"][moved]] = True
    return touched
