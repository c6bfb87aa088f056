"""What is recorded of an arrival beside the log, and its leaf in a Merkle tree of its own: canonical JSON (RFC 8785).

A message that was set aside, a step that was taken with it, a repeat of an event, and the row of the tally in which
one of them is counted. What came of persons can go (services/intake/quarantine_bytes.py): of a message's bytes and
attributes there are only hashes here, of the reasons not the values. Leaf and entry have the blinded form of the log's
(domain/tree/leaf.py), so that whoever sees a neighbour's hash in a proof can confirm no guess about it.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple

from domain.tree.leaf import Blinding, entry_of, leaf_of
from domain.tree.merkle import leaf_hash

#: begun: what was there when the tree began, of which it holds nothing.
ArrivalKind = Literal["begun", "duplicate", "quarantined", "step", "tally"]
#: Source and id, as far as they could be read.
Name = tuple[str | None, str | None]
_WHY: Final = ("rule", "at", "message")
#: Of the intake's coordinates; their hash is recorded, or they are the channel's own.
_NOT_KEPT: Final = frozenset(("attributes", "jws"))


class Recorded(NamedTuple):
    """One arrival, not yet numbered: `of` is the position of a repeated event, or a quarantined message's number."""

    kind: ArrivalKind
    of: int
    members: Mapping[str, Any]


def arrival_record(number: int, at: datetime, recorded: Recorded) -> bytes:
    """The bytes that are recorded: sorted keys, no white space, ASCII alone; `at` in UTC to the microsecond."""
    content = {**recorded.members, "arrival": number, "at": instant(at), "kind": recorded.kind}
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def arrival_entry(record: bytes, value: bytes) -> bytes:
    """What opens a leaf."""
    return entry_of(record, Blinding(value))


def arrival_hash(number: int, record: bytes, value: bytes) -> bytes:
    """The hash of a leaf."""
    return leaf_hash(leaf_of(number, record, Blinding(value)))


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with six places of the second."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def duplicate(
    position: int, name: Name, publisher: str, intake: Mapping[str, Any], raw_sha256: bytes | None
) -> Recorded:
    """A repeat of the event at a position; the hash is over the bytes as they came this time, None where unknown."""
    hashed = None if raw_sha256 is None else raw_sha256.hex()
    return Recorded("duplicate", position, {
        "position": position, "raw_sha256": hashed, **_named(name), **_came(publisher, intake),
    })  # fmt: skip


def quarantined(  # noqa: PLR0917 -- what is known of one
    number: int,
    name: Name,
    publisher: str,
    intake: Mapping[str, Any],
    raw_sha256: bytes,
    reasons: Sequence[Mapping[str, Any]],
) -> Recorded:
    """A message that was set aside under a number, and why."""
    return Recorded("quarantined", number, {
        "quarantine_id": number, "raw_sha256": raw_sha256.hex(), "reasons": _why(reasons), **_named(name),
        **_came(publisher, intake),
    })  # fmt: skip


def step(  # noqa: PLR0917 -- what is known of one
    number: int,
    step_number: int,
    by: str,
    action: str,
    position: int | None,
    reasons: Sequence[Mapping[str, Any]] | None,
    reason: str | None,
) -> Recorded:
    """A step taken with a quarantined message."""
    return Recorded("step", number, {
        "action": action, "by": by, "position": position, "quarantine_id": number, "reason": reason,
        "reasons": None if reasons is None else _why(reasons), "step": step_number,
    })  # fmt: skip


def tally(row: Mapping[str, Any]) -> Recorded:
    """A row of the tally as it stands after what came; what is accepted afterwards is counted in the log alone."""
    members = {name: instant(value) if isinstance(value, datetime) else value for name, value in row.items()}
    return Recorded("tally", 0, members)


def _named(name: Name) -> dict[str, Any]:
    source, id_ = name
    return {"id": id_, "source": source}


def _came(publisher: str, intake: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "intake": {name: value for name, value in intake.items() if name not in _NOT_KEPT},
        "publisher": publisher,
    }
    if "attributes" in intake:
        found["attributes_sha256"] = attributes_sha256(intake["attributes"])
    return found


def attributes_sha256(attributes: Mapping[str, str]) -> str:
    """Of binary mode's CloudEvents attributes, as JSON with sorted keys and in ASCII alone."""
    return sha256(json.dumps(dict(attributes), separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def _why(reasons: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: each[name] for name in _WHY} for each in reasons]
