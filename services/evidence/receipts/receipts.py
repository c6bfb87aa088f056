"""Receipts of what was sent: proofs that it stands in the log, or in the tree of what arrived beside it."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from domain.tree.arrival_leaf import arrival_entry
from domain.tree.leaf import opened
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.notes import Note
from services.evidence.notes.signing import CheckpointSigner
from services.evidence.notes.tlog_proof import SUFFIX, TlogProof
from services.log.arrivals import ARRIVALS
from services.log.tree import LOG, AnyConnection, StoredTree, entry_at, rows
from services.system.errors import NotFoundError

#: Of one name; the newest are given.
RECEIPTS_MAX: Final = 100

_ACCEPTED: Final = """
SELECT notification_id FROM taizhang.log WHERE source = %s AND id = %s AND (%s::text IS NULL OR publisher = %s)
"""
_POSITION: Final = "SELECT notification_id FROM taizhang.log WHERE source = %s AND id = %s"
_SET_ASIDE: Final = """
SELECT id FROM taizhang.quarantine WHERE source = %s AND event_id = %s AND (%s::text IS NULL OR publisher = %s)
 ORDER BY id DESC LIMIT %s
"""
_ONE_SET_ASIDE: Final = "SELECT id FROM taizhang.quarantine WHERE id = %s AND (%s::text IS NULL OR publisher = %s)"
_ARRIVALS: Final = """
SELECT number, kind, record, value FROM taizhang.arrival
 WHERE kind IN ('quarantined', 'step') AND of = ANY(%(numbers)s::bigint[])
    OR kind = 'duplicate' AND of = %(position)s
       AND (%(by)s::text IS NULL OR convert_from(record, 'UTF8')::json ->> 'publisher' = %(by)s)
 ORDER BY number DESC LIMIT %(limit)s
"""


class Sent(NamedTuple):
    """What was sent: an event by its source and id, or a message by the number under which it was set aside.

    `by`: who sent it; None for anybody.
    """

    source: str | None
    id: str | None
    quarantine_id: int | None
    by: str | None


class Receipt(NamedTuple):
    """What is recorded of one message, or of one step taken with it, and the file that proves it."""

    kind: str
    file_name: str
    recorded: dict[str, Any]
    file: bytes


def receipts(connection: AnyConnection, log: CheckpointSigner, arrivals: CheckpointSigner, sent: Sent) -> list[Receipt]:
    """What became of a message, in order: what is beside the log, then the event itself.

    Raises:
        NotFoundError: nothing of it is in either tree.
        LogContradictsError: a tree does not extend what was signed of it.
    """
    if sent.quarantine_id is None:
        positions = rows(connection, _POSITION, (sent.source, sent.id))
        own = rows(connection, _ACCEPTED, (sent.source, sent.id, sent.by, sent.by))
        numbers = rows(connection, _SET_ASIDE, (sent.source, sent.id, sent.by, sent.by, RECEIPTS_MAX))
    else:
        positions = own = []
        numbers = rows(connection, _ONE_SET_ASIDE, (sent.quarantine_id, sent.by, sent.by))
    asked = {
        "numbers": [number for (number,) in numbers], "position": positions[0][0] if positions else None,
        "by": sent.by, "limit": RECEIPTS_MAX,
    }  # fmt: skip
    beside = rows(connection, _ARRIVALS, asked)[::-1]
    given = _proved(connection, ARRIVALS, arrivals, [
        (number, kind, bytes(record), arrival_entry(bytes(record), bytes(value)))
        for number, kind, record, value in beside
    ])  # fmt: skip
    entries = [(position, entry_at(connection, position)) for (position,) in own]
    given += _proved(connection, LOG, log, [(at, "accepted", opened(entry)[0], entry) for at, entry in entries])
    if not given:
        what = f"{sent.source} {sent.id}" if sent.quarantine_id is None else f"quarantine id {sent.quarantine_id}"
        raise NotFoundError(
            f"nothing that you sent as {what} is in a tree: name it by source and id as they were sent, or by the "
            "quarantine id that was answered; what came before arrivals had a tree is in none"
        )
    return given


def _proved(
    connection: AnyConnection,
    tree: StoredTree,
    signer: CheckpointSigner,
    found: Sequence[tuple[int, str, bytes, bytes]],
) -> list[Receipt]:
    """Of each (number in the tree, kind, what is recorded, entry) a receipt, all under one head."""
    if not found:
        return []
    numbers = [number for number, *_ in found]
    note = signer.head(connection, max(numbers))
    size = Checkpoint.parse(Note.parse(note).text).size
    proofs = tree.inclusion_proofs(connection, numbers, size)
    return [
        Receipt(
            kind, f"{kind}-{number}{SUFFIX}", json.loads(record),
            TlogProof(number - 1, tuple(proof), note, entry).to_bytes(),
        )
        for (number, kind, record, entry), proof in zip(found, proofs, strict=True)
    ]  # fmt: skip
