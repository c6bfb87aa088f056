"""A city's file taken: checked against what is known of the city, and stored with what was found, in one act."""

import base64
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import orjson
from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.access.rights import Right
from domain.events.facts import Event, family_of
from domain.events.province import CITY, FILE_KEPT, FOUND, REFUSED, REPORTED, Ground
from domain.province.reports import Head, Refusal, Report
from services.intake.in_turn import Grounds, Matters, act_on
from services.intake.intake import Intake
from services.ledger.queries import Queries
from services.log.messages import Message, Publisher
from services.log.turns import Turn
from services.province.checking import Checked, check, key_of
from services.province.known import city_in, events_of, facts_of, taken
from services.province.report_file import name_of
from services.system.settings import SHANGHAI

#: The service's own word, as source and as publisher: no holder of a grant can have a name with a slash.
SOURCE: Final = "/taizhang/province"
PUBLISHER: Final = Publisher(SOURCE, (Right(types=FOUND, of_service=True),))


class Brings(NamedTuple):
    """Who brings what, of which city; `request` names the call."""

    city: str
    file: bytes
    holder: str
    request: str


class Taken(NamedTuple):
    """What a file shows, and the position of the event that says so.

    Attributes:
        ground: what does not hold, in words in `words`; None where all does.
        unproved: how many of the report's groups no proof shows; 0 where it does not hold.
        again: it was brought before, and nothing more was stored.
    """

    city: str
    assessment: str
    as_of: date
    ground: Ground | None
    words: str
    unproved: int
    head: Head
    file: str
    position: int
    again: bool


def take(queries: Queries, intake: Intake, brings: Brings) -> Taken:
    """Check a file and store it with what was found.

    Raises:
        NotFoundError: no such city belongs to the province today.
        UnshownError: the file shows nothing of the city; nothing is stored.
        CameSinceError: another file of the city, or a word on it, came meanwhile; nothing is stored.
    """
    now = datetime.now(SHANGHAI)
    position = queries.position
    facts = facts_of(events_of(queries, position))
    known = city_in(facts, brings.city, now.date())
    before = taken(facts, brings.city, name_of(brings.file))
    if before is not None:
        return _again(before)
    checked = check(brings.file, key_of(known.city.key), known.heads, known.doubted)
    events = [_kept(checked.file, brings.file, now), finding(brings, checked, now)]
    coordinates = {"channel": "http", "request": brings.request}
    messages = [Message(event, {**coordinates, "index": index}, PUBLISHER) for index, event in enumerate(events)]
    grounds = Grounds(position, Matters(families=frozenset((CITY,))))

    def check_in_turn(cursor: Cursor[TupleRow], turn: Turn) -> None:
        grounds.check(cursor, turn, lambda event: _concerns(event, brings.city))

    receipts = act_on(intake, grounds, messages, check_in_turn)
    stored = receipts[-1].position
    assert stored is not None  # noqa: S101 - what an act publishes is in the log
    data, wrong = checked.data, checked.finding
    return Taken(
        brings.city, data["assessment"], checked.as_of, wrong and wrong.ground, wrong.words if wrong else "",
        0 if wrong else checked.unproved, checked.head, checked.file, stored, again=False,
    )  # fmt: skip


def _again(before: Report | Refusal) -> Taken:
    if isinstance(before, Report):
        unproved, ground, words = before.unproved, None, ""
    else:
        unproved, ground, words = 0, before.ground, before.words
    return Taken(
        before.city, before.assessment, before.as_of, ground, words, unproved, before.head, before.file,
        before.position, again=True,
    )  # fmt: skip


def _concerns(event: Event, city: str) -> bool:
    """Whether an event of the cities' family may change what is known of one; a word on another event may."""
    return not event.is_fact or (family_of(event.type) == CITY and event.data["city"] == city)


def _kept(file: str, content: bytes, now: datetime) -> bytes:
    return _event(f"file-{file}", FILE_KEPT, {"file": file, "content": base64.b64encode(content).decode()}, now)


def finding(brings: Brings, checked: Checked, now: datetime) -> bytes:
    """The event that says what a file shows."""
    report = checked.data
    data: dict[str, Any] = {
        "city": brings.city, "assessment": report["assessment"], "as_of": report["as_of"], "head": _head(checked.head),
        "file": checked.file, "brought_by": brings.holder,
    }  # fmt: skip
    if report.get("supersedes") is not None:
        data["supersedes"] = report["supersedes"]
    if checked.finding is not None:
        data |= {"ground": checked.finding.ground, "words": checked.finding.words}
        return _event(f"found-{checked.file}", REFUSED, data, now)
    data |= {
        "sealed_at": checked.sealed_at, "known_at": report["known_at"], "policy": report["policy"],
        "ruleset": report["ruleset"], "unproved": checked.unproved, "extends": list(map(_head, checked.extends)),
        "counts": [{"kind": kind, "counts": dict(counts)} for kind, counts in checked.counts.items()],
    }  # fmt: skip
    return _event(f"found-{checked.file}", REPORTED, data, now)


def _head(head: Head) -> dict[str, Any]:
    return {"size": head.size, "root_hash": head.root_hash}


def _event(name: str, type_: str, data: dict[str, Any], now: datetime) -> bytes:
    return orjson.dumps({
        "specversion": "1.0", "id": name, "source": SOURCE, "type": type_,
        "time": now.isoformat(timespec="milliseconds"), "data": {"effective_on": now.date().isoformat(), **data},
    })  # fmt: skip
