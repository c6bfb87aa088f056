"""Contradictions between facts, at both clocks."""

from datetime import date
from typing import Any, Final

import numpy as np

from domain.ledger.living import term
from projections.ledger.columns.branches import BranchReading
from projections.ledger.columns.columns import MEMBERS
from projections.ledger.columns.counts import deciding_entries
from projections.ledger.columns.rows import AnomalyRow
from services.ledger.bodies import crossing, waiting
from services.ledger.dossier import held_anomalies, inactive_anomalies
from services.ledger.hierarchy import in_circle
from services.ledger.queries import Queries
from services.ledger.sight import Sight
from services.ledger.view import View
from services.log.reader import LogReader

_OF_STATES: Final = ("covers_inactive", "member_at_inactive")
_Key = tuple[str, str, int, str]


def sort_key(anomaly: AnomalyRow) -> _Key:
    """The order of the list: by name, subject, position, detail."""
    return (anomaly.anomaly, anomaly.subject or "", anomaly.position or 0, anomaly.detail)


def anomalies(
    queries: Queries,
    as_of: date,
    known_at: int,
    *,
    anomaly: str | None = None,
    subject: str | None = None,
    after: _Key | None = None,
    limit: int,
) -> list[AnomalyRow]:
    """Up to `limit` contradictions in order of `sort_key`, those after `after`."""
    view, sight = queries.view.current, Sight(queries, as_of, known_at)
    found: list[AnomalyRow] = []
    with queries.cursor() as cursor:
        if anomaly not in _OF_STATES:
            subjects = None if subject is None else [subject]
            found += view.reading.anomalies(cursor, as_of.toordinal(), known_at, anomaly=anomaly, subjects=subjects)
            found += held_anomalies(queries, as_of, known_at, subjects) if anomaly in (None, "event_held") else []
            found += in_circle(queries, as_of, known_at) if anomaly in (None, "parent_in_circle") else []
            found += crossing(queries, as_of, known_at) if anomaly in (None, "parent_in_circle", "not_placed") else []
            found += _too_long(queries, as_of, known_at) if anomaly in (None, "extension_too_long") else []
        if anomaly is None or anomaly in _OF_STATES:
            found += _at_inactive(view, cursor, as_of, known_at)
        if anomaly in (None, "body_not_created"):
            found += waiting(queries, as_of, known_at)
        if not sight.is_whole:
            found = _in_sight(sight, LogReader(cursor.connection), found)
    chosen = (
        a for a in found if (anomaly is None or a.anomaly == anomaly) and (subject is None or a.subject == subject)
    )
    return sorted((a for a in chosen if after is None or sort_key(a) > after), key=sort_key)[:limit]


def _too_long(queries: Queries, as_of: date, known_at: int) -> list[AnomalyRow]:
    """Terms extended by more than a year, under the activity policy of the date, with the last day that was said."""
    view, day = queries.view.current, as_of.toordinal()
    policy = view.snapshot.activity_policy(day, known_at)
    with queries.everywhere().cursor() as cursor:
        states = BranchReading(cursor, view.reading.schema, day, known_at).states()
    return [
        AnomalyRow("extension_too_long", name, None, None, date.fromordinal(to).isoformat())
        for name, state in states.items()
        for to in term(state.life, policy).too_long
    ]


def _in_sight(sight: Sight, log: LogReader, found: list[AnomalyRow]) -> list[AnomalyRow]:
    """Those that concern an organization in sight, the others that they name withheld."""
    shown_by = log.events([each.position for each in found if each.position is not None])
    seen = {event.position for event in shown_by if sight.sees_any(event)}
    return [
        each._replace(detail=sight.text(each.detail))
        for each in found
        if each.subject is not None
        and sight.subject(each.subject) is not None
        and (sight.sees(each.detail) if each.position is None else each.position in seen)
    ]


def _at_inactive(view: View, cursor: Any, as_of: date, known_at: int) -> list[AnomalyRow]:  # noqa: ANN401 - a cursor of any row type
    entries = view.snapshot.entries
    decided = deciding_entries(view.snapshot, as_of.toordinal(), known_at)
    inactive = decided[entries["attributes_no"][decided] < 0]
    peopled = (entries["formations"][inactive] != 0) | (sum(entries[name][inactive] for name in MEMBERS) > 0)
    numbers = entries["org_no"][inactive[peopled]]
    if not np.any(peopled):
        return []
    return inactive_anomalies(view.reading.presences(cursor, numbers.tolist(), as_of.toordinal(), known_at))
