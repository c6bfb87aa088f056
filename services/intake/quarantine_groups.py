"""Quarantine by the group: what one fault caused, tried and taken in together once the fault is mended."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Self

import orjson
from psycopg import Cursor
from psycopg.rows import TupleRow, tuple_row

from domain.values.reasons import Reason
from services.intake.in_turn import CameSinceError
from services.intake.quarantine import Filters, Opened, Quarantine, Redriven, open_message
from services.intake.trial import tried
from services.log.messages import Arrival, Disposition, Publisher
from services.log.recorder import LogRecorder
from services.log.turns import Turn
from services.system.errors import AlreadyEndedError, InvalidValueError

GROUP_MAX: Final = 1_000
_TRIAL: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,17})\.([0-9a-f]{32})", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
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
    """What became, or would become, of a group's messages; `remaining` were left for the next call.

    `trial` names what a dry run showed, for the redrive that is to do exactly that.
    """

    dry_run: bool
    accepted: int
    duplicate: int
    still_refused: int
    remaining: int
    refusals: Sequence[tuple[int, Sequence[Reason]]]
    trial: str | None


class Trial(NamedTuple):
    """What a dry run rested on, and a digest of what it showed.

    `position` is the log's last and `quarantine_id` the last message set aside; `at` is the instant.
    """

    position: int
    quarantine_id: int
    at: datetime
    digest: str

    def __str__(self) -> str:
        return f"{self.position}.{self.quarantine_id}.{(self.at - _EPOCH) // _TICK}.{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a trial's name.

        Raises:
            InvalidValueError: it is none.
        """
        found = _TRIAL.fullmatch(text)
        if found is None:
            raise InvalidValueError("trial is as the dry run gave it; make one, and send its `trial` along")
        position, quarantine_id, at, digest = found.groups()
        return cls(int(position), int(quarantine_id), _EPOCH + int(at) * _TICK, digest)


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
   AND (%(until)s::bigint IS NULL OR q.id <= %(until)s)
 ORDER BY q.id
"""
)
_ENDED_SINCE: Final = """
SELECT count(*), min(quarantine_id) FROM taizhang.quarantine_action
 WHERE action <> 'still_refused' AND quarantine_id <= %s AND at > %s
"""


def groups(recorder: LogRecorder) -> list[Group]:
    """The open messages by rule and source, the largest group first; a message stands in one for each of its rules."""
    with recorder.datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(_GROUPS).fetchall()
    return [Group._make((*row[:6], _words(row[0], row[6]))) for row in rows]


def _words(rule: str, reasons: Sequence[Mapping[str, Any]]) -> str:
    return next(str(reason["message"]) for reason in reasons if reason["rule"] == rule)


def try_group(recorder: LogRecorder, filters: Filters, by: str) -> Outcome:
    """What a redrive of the open messages meant would give now; nothing is recorded, and nobody waits for it."""
    ids: list[int] = []
    remaining = 0

    def meant(cursor: Cursor[TupleRow]) -> list[Arrival]:
        nonlocal ids, remaining
        ids, remaining = _meant(cursor, filters, None)
        return [open_message(cursor, id_, by)[0] for id_ in ids]

    turn, receipts = tried(recorder, meant)
    redriven = list(zip(ids, receipts, strict=True))
    trial = Trial(turn.position, turn.quarantine_id, turn.now, _digest(redriven))
    return _outcome(redriven, remaining, str(trial), dry_run=True)


def try_one(recorder: LogRecorder, id_: int, by: str) -> Disposition:
    """What a redrive of one open message would give now; nothing is recorded.

    Raises:
        AlreadyEndedError: it is not open.
    """
    return tried(recorder, lambda cursor: [open_message(cursor, id_, by)[0]]).receipts[0].disposition


def discard_group(  # noqa: PLR0917 - one act
    quarantine: Quarantine, recorder: LogRecorder, filters: Filters, by: Publisher, reason: str, until: int
) -> int:
    """End the open messages meant up to number `until`, at most 1,000 in a call, each recorded by itself.

    What came in after somebody looked has a higher number and stays open. The number of those ended.

    Raises:
        InvalidValueError: `reason` is empty or too long.
    """
    with recorder.transaction() as cursor:
        ids, _ = _meant(cursor, filters, until)
    ended = 0
    for id_ in ids:
        # Somebody else may have ended one in the meantime.
        with suppress(AlreadyEndedError):
            quarantine.discard(id_, by, reason)
            ended += 1
    return ended


def redrive_group(
    quarantine: Quarantine, recorder: LogRecorder, filters: Filters, by: Publisher, trial: str | None = None
) -> Outcome:
    """Redrive the open messages meant, oldest first, at most 1,000 in a call, in one turn; each is recorded by itself.

    Args:
        quarantine: does it.
        recorder: of the log.
        filters: which messages are meant.
        by: the steward who redrives.
        trial: of the outcome of `try_group`; then exactly that becomes of exactly those messages, or nothing is done.

    Raises:
        InvalidValueError: `trial` is none.
        CameSinceError: what the trial showed would not come out any more.
    """
    shown = None if trial is None else Trial.parse(trial)
    with recorder.transaction() as cursor:
        ids, remaining = _meant(cursor, filters, None if shown is None else shown.quarantine_id)
        opened = [Opened(id_, *open_message(cursor, id_, by.name)) for id_ in ids]

    def check(cursor: Cursor[TupleRow], turn: Turn, redriven: Redriven) -> None:
        if shown is not None and _digest(redriven) != shown.digest:
            raise _came_since(cursor, turn, shown)

    redriven = quarantine.redrive_all(opened, by, check)
    return _outcome(redriven, remaining, None, dry_run=False)


def _digest(redriven: Redriven) -> str:
    """Of which message becomes what, and why not; positions are left out, since others may have come between."""
    told = [(id_, receipt.disposition, [(r.rule, r.at) for r in receipt.reasons]) for id_, receipt in redriven]
    return hashlib.sha256(orjson.dumps(told)).hexdigest()[:32]


def _came_since(cursor: Cursor[TupleRow], turn: Turn, shown: "Trial") -> CameSinceError:
    row = cursor.execute(_ENDED_SINCE, (shown.quarantine_id, shown.at)).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives one row
    ended, example = row
    told = f"; {ended} messages were ended since, the first of them {example}" if ended else ""
    return CameSinceError(
        f"the trial was made at position {shown.position}; {turn.position - shown.position} events came since{told}; "
        "what the trial showed would not come out any more. Nothing was redriven: try the group again, and look",
        shown.position,
        shown.position + 1,
    )


def _meant(cursor: Cursor[TupleRow], filters: Filters, until: int | None) -> tuple[list[int], int]:
    """The numbers of the messages meant, those of one call, and how many there are beyond; none above `until`."""
    ids = [id_ for (id_,) in cursor.execute(_MEANT, {**filters._asdict(), "until": until})]
    return ids[:GROUP_MAX], max(len(ids) - GROUP_MAX, 0)


def _outcome(receipts: Redriven, remaining: int, trial: str | None, *, dry_run: bool) -> Outcome:
    counts = Counter(receipt.disposition for _, receipt in receipts)
    refusals = [(id_, receipt.reasons) for id_, receipt in receipts if receipt.disposition == "quarantined"]
    return Outcome(
        dry_run,
        counts["accepted"],
        counts["duplicate"],
        counts["quarantined"],
        remaining,
        refusals[:EXAMPLES_MAX],
        trial,
    )
