"""What is recorded beside the log: duplicates, quarantine, and the tally that accounts for every message."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, get_args

import orjson
from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.access.rights import Right
from domain.tree import arrival_leaf
from domain.tree.arrival_leaf import Recorded
from domain.values.reasons import Reason
from services.log.messages import Arrival, Disposition, Place, Receipt
from services.postgres.copying import Column, copy_rows

DISPOSITIONS: Final[tuple[Disposition, ...]] = get_args(Disposition)

_DUPLICATE_COLUMNS: Final = ("position", "received_at", "publisher", "intake")
_DUPLICATE_TYPES: Final[tuple[Column, ...]] = ("int8", "timestamptz", "text", "bytea")

_QUARANTINE_COLUMNS: Final = (
    "id", "received_at", "event_id", "publisher", "publisher_rights", "intake", "attributes",
    "raw", "raw_sha256", "reasons", "rules", "source", "channel", "topic", "partition",
)  # fmt: skip
_QUARANTINE_TYPES: Final[tuple[Column, ...]] = (
    "int8", "timestamptz", "text", "text", "bytea", "bytea", "bytea",
    "bytea", "bytea", "bytea", "text[]", "text", "text", "text", "int4",
)  # fmt: skip

_ADD_TO_TALLY: Final = """
INSERT INTO taizhang.tally AS t
       (source, channel, topic, partition, received, accepted, duplicate, quarantined, first_seen, last_seen)
SELECT added.*, %s, %s
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
       AS added
ON CONFLICT (source, channel, topic, partition) DO UPDATE SET
       received = t.received + excluded.received,
       accepted = t.accepted + excluded.accepted,
       duplicate = t.duplicate + excluded.duplicate,
       quarantined = t.quarantined + excluded.quarantined,
       last_seen = greatest(t.last_seen, excluded.last_seen)
"""
_TALLY_COLUMNS: Final = (
    "source", "channel", "topic", "partition", "received", "accepted", "duplicate", "quarantined", "first_seen",
    "last_seen",
)  # fmt: skip
_RETURNING: Final = f" RETURNING {', '.join(_TALLY_COLUMNS)}"
_MOVE_IN_TALLY: Final = {
    "accepted": "UPDATE taizhang.tally SET quarantined = quarantined - %s, accepted = accepted + %s",
    "duplicate": "UPDATE taizhang.tally SET quarantined = quarantined - %s, duplicate = duplicate + %s",
}
_OF_PLACE: Final = """
 WHERE source IS NOT DISTINCT FROM %s AND channel = %s AND topic IS NOT DISTINCT FROM %s
   AND partition IS NOT DISTINCT FROM %s
"""


def reasons_json(reasons: Iterable[Reason]) -> bytes:
    """Reasons as a JSON array; text that JSON can't hold is replaced."""
    values = [reason.as_json() for reason in reasons]
    try:
        return orjson.dumps(values)
    except TypeError:  # half of a surrogate pair, or an integer beyond 64 bits, as the value that broke the rule
        return json.dumps(values).encode()


def rights_json(rights: Iterable[Right]) -> bytes:
    """Rights as a JSON array of objects: roles, sources, types, regions (the parts of the scope), access; null: any."""
    return orjson.dumps([_plain(right) for right in rights])


def _plain(right: Right) -> dict[str, object]:
    sources, types = (None if each is None else sorted(each) for each in (right.sources, right.types))
    return {
        "roles": sorted(right.roles), "sources": sources, "types": types, "regions": right.scope,
        "access": right.access,
    }  # fmt: skip


def read_rights(plain: Iterable[Mapping[str, Any]]) -> tuple[Right, ...]:
    """Read what `rights_json` wrote."""
    return tuple(map(_right, plain))


def _right(plain: Mapping[str, Any]) -> Right:
    sources, types = (None if each is None else frozenset(each) for each in (plain["sources"], plain["types"]))
    scope = None if plain["regions"] is None else tuple(plain["regions"])
    return Right(frozenset(plain["roles"]), sources, types, scope, plain["access"])


def record_duplicates(
    cursor: Cursor[TupleRow], now: datetime, duplicates: Sequence[tuple[Arrival, int]]
) -> list[Recorded]:
    """Record repeats, each with the position of the first; what the tree of arrivals is to hold of them."""
    if duplicates:
        rows = ((position, now, a.message.publisher.name, a.intake_json) for a, position in duplicates)
        copy_rows(cursor, "taizhang.duplicate", _DUPLICATE_COLUMNS, _DUPLICATE_TYPES, rows)
    return [
        arrival_leaf.duplicate(
            position, a.key or (None, None), a.message.publisher.name, a.intake,
            hashlib.sha256(a.message.raw).digest(),
        )
        for a, position in duplicates
    ]  # fmt: skip


def record_quarantined(
    cursor: Cursor[TupleRow], now: datetime, quarantined: Sequence[tuple[Arrival, int, Sequence[Reason]]]
) -> list[Recorded]:
    """Record what was set aside: the bytes whole, and why; what the tree of arrivals is to hold of it."""
    if quarantined:
        rows = (_quarantine_row(now, *each) for each in quarantined)
        copy_rows(cursor, "taizhang.quarantine", _QUARANTINE_COLUMNS, _QUARANTINE_TYPES, rows)
    return [
        arrival_leaf.quarantined(
            number, a.key or (None, None), a.message.publisher.name, a.intake,
            hashlib.sha256(a.message.raw).digest(), [reason.as_json() for reason in reasons],
        )
        for a, number, reasons in quarantined
    ]  # fmt: skip


def _quarantine_row(now: datetime, arrival: Arrival, number: int, reasons: Sequence[Reason]) -> tuple[object, ...]:
    message, publisher, place = arrival.message, arrival.message.publisher, arrival.place
    attributes = None if message.attributes is None else json.dumps(dict(message.attributes)).encode()
    return (
        number, now, arrival.key[1] if arrival.key else None, publisher.name, rights_json(publisher.rights),
        arrival.intake_json, attributes, message.raw, hashlib.sha256(message.raw).digest(), reasons_json(reasons),
        sorted({reason.rule for reason in reasons}), *place,
    )  # fmt: skip


def count(
    cursor: Cursor[TupleRow], now: datetime, arrivals: Sequence[Arrival], receipts: Sequence[Receipt]
) -> list[Recorded]:
    """Add messages to the tally, each under the disposition that it got.

    What the tree of arrivals is to hold: the rows in which any was counted that the log does not hold.
    """
    counts = Counter([(*a.place, receipt.disposition) for a, receipt in zip(arrivals, receipts, strict=True)])
    places = list({key[:-1]: None for key in counts})
    if not places:
        return []
    each = {place: [counts[*place, disposition] for disposition in DISPOSITIONS] for place in places}
    beside = [place for place in places if counts[*place, "duplicate"] or counts[*place, "quarantined"]]
    added = [[*place, sum(each[place]), *each[place]] for place in places]
    statement = _ADD_TO_TALLY + _RETURNING if beside else _ADD_TO_TALLY
    cursor.execute(statement, (now, now, *map(list, zip(*added, strict=True))), prepare=True)
    if not beside:
        return []
    rows = {row[:4]: row for row in cursor.fetchall()}
    return [_of_tally(rows[place]) for place in beside]


def move(cursor: Cursor[TupleRow], place: Place, to: Disposition, messages: int = 1) -> Recorded:
    """Count messages that were quarantined as accepted or duplicate from now on; what the tree is to hold of it."""
    cursor.execute(_MOVE_IN_TALLY[to] + _OF_PLACE + _RETURNING, (messages, messages, *place))
    row = cursor.fetchone()
    assert row is not None  # noqa: S101  # it was counted there
    return _of_tally(row)


def _of_tally(row: TupleRow) -> Recorded:
    return arrival_leaf.tally(dict(zip(_TALLY_COLUMNS, row, strict=True)))
