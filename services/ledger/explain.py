"""The organizations behind a number, each with what it adds and the events that make it so."""

from datetime import date
from typing import NamedTuple

from domain.ledger.policy import Policy
from domain.ledger.rates import Counts, count_row
from domain.ledger.rows import Row
from domain.ledger.traces import DecidedBy
from projections.ledger.columns.choosing import Group
from projections.ledger.columns.counts import Standing
from services.ledger.queries import Queries
from services.ledger.row_reading import rows_at
from services.ledger.traces import facts_around


class Explained(NamedTuple):
    """One organization of the group: its number in the ledger, its row, what it counts, what decides that."""

    number: int
    row: Row
    counts: Counts
    decided_by: DecidedBy


def explain(queries: Queries, as_of: date, known_at: int, group: Group, *, after: int, limit: int) -> list[Explained]:
    """Up to `limit` organizations of the group in the order in which the log first spoke of them.

    Args:
        queries: the ledger.
        as_of: the date whose end is asked for.
        known_at: the position of the state of knowledge, reached by the projection.
        group: which rows are meant.
        after: the number of the last organization of the page before, or -1.
        limit: how many at most.
    """
    view = queries.view.current
    snapshot, day = view.snapshot, as_of.toordinal()
    policy, meant, _ = queries.meaning(group.filters, as_of, known_at, keys=group.bodies)
    group = group._replace(filters=meant)
    chosen = queries.by_organization.page(
        view.version.number, snapshot, day, known_at, policy, group, after, limit
    )  # fmt: skip
    return explained(queries, as_of, known_at, chosen, policy)


def explained(queries: Queries, as_of: date, known_at: int, chosen: Standing, policy: Policy) -> list[Explained]:
    """These rows in full, made under the policy, each with the events that decide it."""
    view, day = queries.view.current, as_of.toordinal()
    snapshot = view.snapshot
    with queries.connection() as connection, connection.cursor() as cursor:
        rows = rows_at(view, cursor, chosen, policy, judged=snapshot.is_judged(day, known_at))
        present = view.reading.presences(cursor, chosen.org_no.tolist(), day, known_at)
        facts = facts_around(
            connection, view.reading, [row.org for row in rows], present, as_of, known_at, queries.kept
        )
    return [
        Explained(number, row, count_row(row), facts.decided_by(row))
        for number, row in zip(chosen.org_no.tolist(), rows, strict=True)
    ]
