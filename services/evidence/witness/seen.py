"""Who has signed the log's head, and when last: noted each round, and judged by whoever asks whether all is well.

A refusal is told at once, silence after two intervals; so is a head of ours that is no longer signed.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

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


#: unasked: no round has come to it yet; silent: it has not signed for more intervals than it may.
Standing = Literal["signs", "refuses", "silent", "unasked"]


class Signatory(NamedTuple):
    """Who signs the log's head, the log's own key first and then each witness that is named; and how that stands.

    key: the witness's; None for the log's own, whichever is in force.
    size: of the head that it signed last; None where it has signed none.
    fault: what has been wrong since then, in words.
    since_s: seconds since then.
    """

    key: VerifierKey | None
    state: Standing
    size: int | None = None
    signed_at: datetime | None = None
    asked_at: datetime | None = None
    fault: str | None = None
    since_s: float | None = None


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


def signatories(connection: AnyConnection, witnesses: Iterable[VerifierKey], every_s: float) -> list[Signatory]:
    """The log's own signature and the witnesses that are named, asked every so many seconds."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = {row[0]: Seen(*row) for row in cursor.execute(_ALL)}
    limit = timedelta(seconds=INTERVALS_MAX * every_s)
    asked = [(None, found.get(LOG)), *((key, found.get(str(key))) for key in witnesses)]
    return [_signatory(key, seen, limit) for key, seen in asked]


def conditions(signatories: Sequence[Signatory]) -> list[Condition]:
    """What readiness says of them."""
    log, *witnesses = signatories
    if log.state == "unasked":
        own = Condition("log", ready=True, detail="no round of signing has been made yet")
    elif log.state == "silent":
        own = Condition("log", ready=False, detail=f"the log's head is not signed: {log.fault or _since(log)}")
    else:
        own = Condition("log", ready=True, detail=f"the head of {log.size} events is signed")
    return [own, _of_witnesses(witnesses)]


def _signatory(key: VerifierKey | None, seen: Seen | None, limit: timedelta) -> Signatory:
    if seen is None:
        return Signatory(key, "unasked")
    state: Standing = "refuses" if seen.refused else "silent" if _is_late(seen, limit) else "signs"
    since_s = None if seen.signed_at is None else (seen.now - seen.signed_at).total_seconds()
    size = None if seen.signed_at is None else seen.size
    return Signatory(key, state, size, seen.signed_at, seen.asked_at, seen.fault, since_s)


def _of_witnesses(witnesses: Sequence[Signatory]) -> Condition:
    if not witnesses:
        return Condition("witnesses", ready=True, detail="none is named: nobody outside knows this log's head")
    good, bad = list[str](), list[str]()
    for each in witnesses:
        name = "" if each.key is None else each.key.name
        if each.state == "unasked":
            good.append(f"{name} has not been asked yet")
        elif each.state == "refuses":
            bad.append(f"{name} refuses: {each.fault}")
        elif each.state == "silent":
            bad.append(f"{name} is silent: {each.fault or _since(each)}; {_since(each)}")
        else:
            good.append(f"{name} has signed {each.size} events")
    return Condition("witnesses", ready=not bad, detail="; ".join(bad + good))


def _is_late(seen: Seen, limit: timedelta) -> bool:
    """One that never signed is late from its first fault on."""
    return seen.fault is not None if seen.signed_at is None else seen.now - seen.signed_at > limit


def _since(each: Signatory) -> str:
    if each.since_s is None:
        return "it has never signed"
    return f"it signed last {each.since_s:.0f} s ago, {each.size} events"
