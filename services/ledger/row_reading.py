"""Rows in full: what the columns and the tables have of organizations, as the domain's rows."""

from datetime import date
from typing import Any

from psycopg import Cursor

from domain.ledger.entities import Attributes
from domain.ledger.placements import Answers
from domain.ledger.policy import Policy
from domain.ledger.rows import Row, row
from projections.ledger.columns.counts import Standing
from projections.ledger.columns.rows import deciding, organization_state, presence
from projections.ledger.rows import AT_ANSWERS, INACTIVE, RawState
from services.ledger.view import View


def rows_at(view: View, cursor: Cursor[Any], rows: Standing, policy: Policy, *, judged: bool) -> list[Row]:
    """The rows in full, with the attributes that only the tables have; `judged`: an activity policy is in force."""
    attributes = view.reading.attributes(cursor, rows.attributes_no.tolist())
    entries = view.snapshot.entries
    made = []
    for org_no, number, entry in zip(
        rows.org_no.tolist(), rows.attributes_no.tolist(), rows.entry.tolist(), strict=True
    ):
        mask, effective = int(entries["formations"][entry]), int(entries["effective"][entry])
        state: RawState = (
            number, int(entries["excluded"][entry]), int(entries["full_members"][entry]),
            int(entries["probationary_members"][entry]), int(entries["activists"][entry]),
            mask & 1, mask >> 1 & 1, mask >> 2 & 1, int(entries["instructed"][entry]),
            int(entries["full_elsewhere"][entry]), int(entries["probationary_elsewhere"][entry]),
            int(entries["answers"][entry]), effective & 1, effective >> 1 & 1, effective >> 2 & 1,
        )  # fmt: skip
        answers = view.snapshot.answers.of[state[AT_ANSWERS]]
        made.append(row_of(view.snapshot.orgs[org_no], state, attributes, policy, answers, judged=judged))
    return made


def row_of(
    org: str, state: RawState, attributes: dict[int, Attributes], policy: Policy, answers: Answers, *, judged: bool
) -> Row:
    """The row of an active organization from its raw state; `judged`: an activity policy is in force."""
    return row(org, organization_state(state, attributes[state[0]]), presence(state, judged=judged), policy, answers)


def org_row(view: View, cursor: Cursor[Any], org: str, org_no: int, as_of: date, known_at: int) -> Row | None:  # noqa: PLR0917 - one question
    """One organization's row on a date as known at a position; None while it is not active."""
    day = as_of.toordinal()
    state = deciding(view.reading.org_entries(cursor, org_no, known_at), day, known_at)
    if state is None or state[0] == INACTIVE:
        return None
    policy = view.snapshot.policy(day, known_at)
    answers, judged = view.snapshot.answers.of[state[AT_ANSWERS]], view.snapshot.is_judged(day, known_at)
    return row_of(org, state, view.reading.attributes(cursor, [state[0]]), policy, answers, judged=judged)
