"""The ledger's rows as a list: filtered, found by name or code, sorted, in pages."""

import heapq
from collections.abc import Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor

from domain.ledger.bands import BAND_TOP
from domain.ledger.policy import Policy
from domain.ledger.rates import Filters
from domain.ledger.rows import Row
from domain.values.terms import CATEGORIES
from projections.ledger.columns.counts import Standing, deciding_entries
from projections.ledger.columns.names import find
from services.ledger.name_forms import wanted
from services.ledger.queries import Queries, chosen_rows
from services.ledger.row_reading import rows_at
from services.ledger.view import View


def names_of(queries: Queries, orgs: Sequence[str], as_of: date, known_at: int) -> dict[str, str]:
    """By organization its name at the end of a date; those that are not active then are left out."""
    if not orgs:
        return {}
    view = queries.view.current
    snapshot, version = view.snapshot, view.version.number
    numbers = {org: queries.homes.number(version, snapshot, org) for org in orgs}
    entries = deciding_entries(snapshot, as_of.toordinal(), known_at)
    entry_of = np.full(snapshot.organizations, -1, np.int32)
    entry_of[snapshot.entries["org_no"][entries]] = entries
    attributes_no = {
        org: int(snapshot.entries["attributes_no"][entry_of[number]])
        for org, number in numbers.items()
        if number is not None and number < snapshot.organizations and entry_of[number] >= 0
    }
    with queries.cursor() as cursor:
        found = view.reading.attributes(cursor, [number for number in attributes_no.values() if number >= 0])
    return {org: found[number].name for org, number in attributes_no.items() if number in found}


Sort = Literal["org", "employees", "full_members"]
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)


class ListKey(NamedTuple):
    """Where a row stands in the list: the largest value first, then by org; the value is 0 where org alone sorts."""

    value: int
    org: str


class Listed(NamedTuple):
    """One row of the list, and where it stands."""

    key: ListKey
    row: Row


def listing(
    queries: Queries,
    as_of: date,
    known_at: int,
    filters: Filters,
    *,
    part: str | None = None,
    sort: Sort = "org",
    after: ListKey | None = None,
    limit: int,
) -> list[Listed]:
    """Up to `limit` rows, those after `after`.

    Args:
        queries: the ledger.
        as_of: the date whose end is asked for.
        known_at: the position of the state of knowledge.
        filters: which rows are meant.
        part: words, apart by blanks, that their name or identifier holds, whatever the width of letters and
            brackets, in simplified or traditional characters; None for any.
        sort: by identifier, or the most employees (unknown ones last) or full members first.
        after: the key of the last row of the page before.
        limit: how many at most.
    """
    view = queries.view.current
    policy, meant, _ = queries.meaning(filters, as_of, known_at)
    rows = chosen_rows(view.snapshot, as_of, known_at, policy, meant)
    with queries.cursor() as cursor:
        if part is not None:
            rows = rows.where(_holding(view, cursor, rows, part))
        page = _page(queries, view, rows, policy, sort, after, limit)
        chosen = rows.where(np.array([i for _, i in page], np.int64))
        judged = view.snapshot.is_judged(as_of.toordinal(), known_at)
        made = rows_at(view, cursor, chosen, policy, judged=judged)
    return [Listed(key, row) for (key, _), row in zip(page, made, strict=True)]


def _holding(view: View, cursor: Cursor[Any], rows: Standing, part: str) -> NDArray[np.bool_]:
    """Which rows have every word in their name or identifier, in any of its forms."""
    holding = np.ones(len(rows), np.bool_)
    for forms in wanted(part):
        found = [find(cursor, view.reading.schema, form) for form in sorted(forms)]
        named = np.isin(rows.attributes_no, [number for each in found for number in each.attributes])
        holding &= named | np.isin(rows.org_no, [number for each in found for number in each.organizations])
    return holding


def _page(  # noqa: PLR0917 - one question
    queries: Queries, view: View, rows: Standing, policy: Policy, sort: Sort, after: ListKey | None, limit: int
) -> list[tuple[ListKey, int]]:
    """The keys of the page in order, each with its row's index."""
    if sort == "org":
        values = np.zeros(len(rows), np.int64)
        behind_org = None if after is None else after.org
        at = queries.alphabet.first(view.version.number, view.snapshot, rows.org_no, behind_org, limit)
    else:
        # Unknown employees are -1, so that they come after 0.
        values = rows.employees.astype(np.int64) if sort == "employees" else _told_members(rows, policy)
        at = _largest(values, after, limit)
    orgs, numbers = view.snapshot.orgs, rows.org_no
    keyed = ((-int(values[i]), orgs[numbers[i]], int(i)) for i in at.tolist())
    behind = (-after.value, after.org) if after else None
    page = heapq.nsmallest(limit, (each for each in keyed if behind is None or each[:2] > behind))
    return [(ListKey(-value, org), i) for value, org, i in page]


def _told_members(rows: Standing, policy: Policy) -> NDArray[np.int64]:
    """Full members as an order may tell them."""
    return as_told(rows, policy, rows.full_members)


def as_told(rows: Standing, policy: Policy, members: NDArray[Any]) -> NDArray[np.int64]:
    """So many members of each row as an order or a criterion may tell them: of small units where their band begins.

    The twin of domain.ledger.bands over the columns.
    """
    small = (rows.employees >= 0) & (rows.employees < policy.small_unit)
    small |= rows.category == CATEGORIES.index("sole_proprietor")
    begins = np.select([members >= BAND_TOP, members >= 1], [BAND_TOP, 1], 0)
    return np.where(small, begins, members).astype(np.int64)


def _largest(values: NDArray[np.int64], after: ListKey | None, limit: int) -> NDArray[np.int64]:
    """Indexes among which are the page's; rows of its last value, and of the cursor's, are all there."""
    at = np.arange(len(values)) if after is None else np.flatnonzero(values <= after.value)
    if len(at) > limit:
        beyond = 0 if after is None else int(np.count_nonzero(values[at] == after.value))
        last = min(limit + beyond, len(at)) - 1
        at = at[values[at] >= -np.partition(-values[at], last)[last]]
    return at
