"""Contradictions between facts, at both clocks."""

from datetime import date
from typing import Any, Final

import numpy as np

from projections.ledger.reading import AnomalyRow
from projections.ledger.standing import deciding_entries
from services.dossier import inactive_anomalies
from services.ledger_view import View
from services.queries import Queries

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
    view = queries.view.current
    found: list[AnomalyRow] = []
    with queries.cursor() as cursor:
        if anomaly not in _OF_STATES:
            subjects = None if subject is None else [subject]
            found += view.reading.anomalies(cursor, as_of.toordinal(), known_at, anomaly=anomaly, subjects=subjects)
        if anomaly is None or anomaly in _OF_STATES:
            found += _at_inactive(view, cursor, as_of, known_at)
    chosen = (
        a for a in found if (anomaly is None or a.anomaly == anomaly) and (subject is None or a.subject == subject)
    )
    return sorted((a for a in chosen if after is None or sort_key(a) > after), key=sort_key)[:limit]


def _at_inactive(view: View, cursor: Any, as_of: date, known_at: int) -> list[AnomalyRow]:  # noqa: ANN401 - a cursor of any row type
    entries = view.snapshot.entries
    decided = deciding_entries(view.snapshot, as_of.toordinal(), known_at)
    inactive = decided[entries["attributes_no"][decided] < 0]
    peopled = (entries["formations"][inactive] != 0) | (
        entries["full_members"][inactive] + entries["probationary_members"][inactive] + entries["activists"][inactive]
        > 0
    )
    numbers = entries["org_no"][inactive[peopled]]
    if not np.any(peopled):
        return []
    return inactive_anomalies(view.reading.presences(cursor, numbers.tolist(), as_of.toordinal(), known_at))
