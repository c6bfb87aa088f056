"""Who has signed the log's head, and when last: noted each round, and judged by whoever asks whether all is well.

A refusal is told at once, silence after two intervals; so is a head of ours that is no longer signed.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from psycopg.rows import tuple_row

from services.evidence.notes.notes import VerifierKey
from services.log.tree import AnyConnection

#: The row of the log's own signature.
LOG: Final = "log"
#: How many intervals may pass without a signature.
INTERVALS_MAX: Final = 2
FAULT_LENGTH_MAX: Final = 1_000

_SIGNED: Final = """
INSERT INTO taizhang.head_seen (who, size, signed_at) VALUES (%s, %s, clock_timestamp())
ON CONFLICT (who) DO UPDATE SET size = excluded.size, signed_at = excluded.signed_at, asked_at = excluded.signed_at,
       refused = false, fault = NULL
"""
_FAULT: Final = """
INSERT INTO taizhang.head_seen (who, refused, fault) VALUES (%s, %s, %s)
ON CONFLICT (who) DO UPDATE SET asked_at = excluded.asked_at, refused = excluded.refused, fault = excluded.fault
"""
_ALL: Final = """
SELECT who, size, signed_at, asked_at, refused, fault, clock_timestamp() FROM taizhang.head_seen
"""


class Seen(NamedTuple):
    """One row: who, of how many events the head was that it signed last and when, and what has been wrong since."""

    who: str
    size: int
    signed_at: datetime | None
    asked_at: datetime
    refused: bool
    fault: str | None
    now: datetime


class Condition(NamedTuple):
    """The log's own signature, or the witnesses': whether all is well, and in words what is not."""

    part: str
    ready: bool
    detail: str


def signed(connection: AnyConnection, who: str, size: int) -> None:
    """Note that somebody has signed the head of so many events."""
    connection.execute(_SIGNED, (who, size))


def not_signed(connection: AnyConnection, who: str, fault: str, *, refused: bool = False) -> None:
    """Note that somebody has not, and why."""
    connection.execute(_FAULT, (who, refused, fault.replace("\0", "")[:FAULT_LENGTH_MAX]))


def conditions(connection: AnyConnection, witnesses: Iterable[VerifierKey], every_s: float) -> list[Condition]:
    """Of the log's own signature and of the witnesses that are named, asked every so many seconds."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = {row[0]: Seen(*row) for row in cursor.execute(_ALL)}
    limit = timedelta(seconds=INTERVALS_MAX * every_s)
    own = found.get(LOG)
    if own is None:
        log = Condition("log", ready=True, detail="no round of signing has been made yet")
    elif _is_late(own, limit):
        log = Condition("log", ready=False, detail=f"the log's head is not signed: {own.fault or _since(own)}")
    else:
        log = Condition("log", ready=True, detail=f"the head of {own.size} events is signed")
    return [log, _of_witnesses([(key, found.get(str(key))) for key in witnesses], limit)]


def _of_witnesses(asked: list[tuple[VerifierKey, Seen | None]], limit: timedelta) -> Condition:
    if not asked:
        return Condition("witnesses", ready=True, detail="none is named: nobody outside knows this log's head")
    good, bad = list[str](), list[str]()
    for key, seen in asked:
        if seen is None:
            good.append(f"{key.name} has not been asked yet")
        elif seen.refused:
            bad.append(f"{key.name} refuses: {seen.fault}")
        elif _is_late(seen, limit):
            bad.append(f"{key.name} is silent: {seen.fault or _since(seen)}; {_since(seen)}")
        else:
            good.append(f"{key.name} has signed {seen.size} events")
    return Condition("witnesses", ready=not bad, detail="; ".join(bad + good))


def _is_late(seen: Seen, limit: timedelta) -> bool:
    """One that never signed is late from its first fault on."""
    return seen.fault is not None if seen.signed_at is None else seen.now - seen.signed_at > limit


def _since(seen: Seen) -> str:
    if seen.signed_at is None:
        return "it has never signed"
    return f"it signed last {(seen.now - seen.signed_at).total_seconds():.0f} s ago, {seen.size} events"
