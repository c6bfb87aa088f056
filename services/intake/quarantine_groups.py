"""Quarantine by the group: what one fault caused, tried and taken in together once the fault is mended."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg.rows import scalar_row, tuple_row

from domain.values.reasons import Reason
from services.intake.decisions import begin
from services.intake.quarantine import Filters, Quarantine, open_message
from services.log.messages import Receipt
from services.log.recorder import LogRecorder
from services.system.errors import AlreadyEndedError

GROUP_MAX: Final = 1_000
EXAMPLES_MAX: Final = 20


class Group(NamedTuple):
    """The open messages that one rule refused, from one source; `example` is one of them, `reason` its words."""

    rule: str
    source: str | None
    messages: int
    first_received_at: datetime
    last_received_at: datetime
    example: int
    reason: str


class Outcome(NamedTuple):
    """What became, or would become, of a group's messages; `remaining` were left for the next call."""

    dry_run: bool
    accepted: int
    duplicate: int
    still_refused: int
    remaining: int
    refusals: Sequence[tuple[int, Sequence[Reason]]]


_OPEN: Final = """
  FROM taizhang.quarantine q
 WHERE NOT EXISTS (SELECT FROM taizhang.quarantine_action e
                    WHERE e.quarantine_id = q.id AND e.action <> 'still_refused')
"""
# A reason may quote a NUL, which PostgreSQL takes for no text: its words are read by the client.
_GROUPS: Final = (
    """
SELECT g.*, q.reasons FROM (
SELECT r.rule, q.source, count(DISTINCT q.id) AS messages,
       min(q.received_at) AS first_received_at, max(q.received_at) AS last_received_at, max(q.id) AS example
"""
    + _OPEN.replace("quarantine q\n", "quarantine q, unnest(q.rules) AS r (rule)\n")
    + """
 GROUP BY 1, 2 ORDER BY messages DESC, rule, source NULLS LAST LIMIT 1000
) g JOIN taizhang.quarantine q ON q.id = g.example ORDER BY g.messages DESC, g.rule, g.source NULLS LAST
"""
)
_MEANT: Final = (
    "SELECT q.id"
    + _OPEN
    + """
   AND (%(source)s::text IS NULL OR q.source = %(source)s)
   AND (%(publisher)s::text IS NULL OR q.publisher = %(publisher)s)
   AND (%(rule)s::text IS NULL OR %(rule)s = ANY (q.rules))
 ORDER BY q.id LIMIT %(limit)s
"""
)


def groups(recorder: LogRecorder) -> list[Group]:
    """The open messages by rule and source, the largest group first; a message stands in one for each of its rules."""
    with recorder.datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(_GROUPS).fetchall()
    return [Group._make((*row[:6], _words(row[0], row[6]))) for row in rows]


def _words(rule: str, reasons: Sequence[Mapping[str, Any]]) -> str:
    return next(str(reason["message"]) for reason in reasons if reason["rule"] == rule)


def try_group(recorder: LogRecorder, filters: Filters, by: str) -> Outcome:
    """What a redrive of the open messages meant would give now; nothing is recorded."""
    ids, remaining = _meant(recorder, filters)
    with recorder.transaction() as cursor:
        turn = recorder.take_turn(cursor)
        arrivals = [open_message(cursor, id_, by, None)[0] for id_ in ids]
        decisions = begin(recorder, cursor, turn, arrivals)
        for _ in decisions.take(arrivals):
            pass  # entries are made one by one, and only asked for here
        receipts = decisions.receipts
    return _outcome(list(zip(ids, receipts, strict=True)), remaining, dry_run=True)


def redrive_group(quarantine: Quarantine, recorder: LogRecorder, filters: Filters, by: str) -> Outcome:
    """Redrive the open messages meant, oldest first, at most 1,000 in a call; each is recorded by itself."""
    ids, remaining = _meant(recorder, filters)
    receipts = []
    for id_ in ids:
        try:
            receipts.append((id_, quarantine.redrive(id_, by)))
        except AlreadyEndedError:  # by another steward, in the meantime
            continue
    return _outcome(receipts, remaining, dry_run=False)


def _meant(recorder: LogRecorder, filters: Filters) -> tuple[list[int], int]:
    values: dict[str, Any] = {**filters._asdict(), "limit": None}
    with recorder.datastore.get_connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
        ids: list[int] = cursor.execute(_MEANT, values).fetchall()
    return ids[:GROUP_MAX], max(len(ids) - GROUP_MAX, 0)


def _outcome(receipts: Sequence[tuple[int, Receipt]], remaining: int, *, dry_run: bool) -> Outcome:
    counts = Counter(receipt.disposition for _, receipt in receipts)
    refusals = [(id_, receipt.reasons) for id_, receipt in receipts if receipt.disposition == "quarantined"]
    return Outcome(
        dry_run, counts["accepted"], counts["duplicate"], counts["quarantined"], remaining, refusals[:EXAMPLES_MAX]
    )
