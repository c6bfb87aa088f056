"""The leaf of one accepted event in the transparency log: canonical JSON (RFC 8785).

What is recorded of an event is a text of seven members. In the old form that text is the leaf. In the blinded form
the leaf is a commitment to it by a random value, so that whoever sees the tree learns and guesses nothing of it.
Whoever has a right to the event is shown its *entry*, from which anybody makes the leaf: the text, in the blinded form
together with the random value, or, once that was erased, with the commitment.

The Merkle tree hashes leaves (domain.tree.merkle.leaf_hash) and the entry bundles serve them.
"""

import json
import re
from binascii import hexlify
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring as _quoted
from typing import Final, NamedTuple

#: RFC 8785 section 3.2.2.3 writes numbers as IEEE 754 doubles: integers are exact up to here (RFC 7493 section 2.2).
INTEGER_MAX = 2**53 - 1
#: An entry bundle (C2SP tlog-tiles) says the length of an entry in 16 bits.
LEAF_BYTES_MAX = 2**16 - 1


#: A blinding value: as hard to guess as the hash is to invert.
BLINDING_BYTES: Final = 32
_OPENS: Final = b'{"blinding":"'
_ENTRY: Final = b'","entry":'
_COMMITS: Final = b"taizhang/leaf/2\n" + _OPENS
_BLINDED: Final = re.compile(rb'\{"(blinding|commitment)":"([0-9a-f]{64})","entry":(\{.*\})\}', re.DOTALL)
_LEAF: Final = re.compile(rb'\{"commitment":"[0-9a-f]{64}","position":[1-9][0-9]{0,15}\}')


class LeafError(ValueError):
    """A value that the leaf's canonical form cannot hold."""


class Blinding(NamedTuple):
    """What hides a leaf: a random value, or, where that was erased, the commitment that it made; 32 bytes each."""

    value: bytes | None
    commitment: bytes | None = None


def entry_of(record: bytes, blinding: Blinding | None) -> bytes:
    """The entry of an event, which is for those who have a right to it: what is recorded, and what opens its leaf."""
    if blinding is None:
        return record
    if blinding.value is not None:
        return b"".join((_OPENS, hexlify(blinding.value), _ENTRY, record, b"}"))
    assert blinding.commitment is not None  # noqa: S101 -- one of the two is there
    return b'{"commitment":"%s","entry":%s}' % (blinding.commitment.hex().encode(), record)


def commitment_of(record: bytes, value: bytes) -> bytes:
    """What a blinded leaf says of what is recorded, 32 bytes; without the value it is as good as random."""
    return sha256(b"".join((_COMMITS, hexlify(value), _ENTRY, record, b"}"))).digest()


def leaf_of(position: int, record: bytes, blinding: Blinding | None) -> bytes:
    """The leaf, which is for anybody: of an event that is blinded nothing but its position and the commitment."""
    if blinding is None:
        return record
    value, commitment = blinding
    made = commitment if value is None else commitment_of(record, value)
    assert made is not None  # noqa: S101 -- one of the two is there
    return f'{{"commitment":"{made.hex()}","position":{position}}}'.encode()


def opened(entry: bytes) -> tuple[bytes, Blinding | None]:
    """What an entry holds: what is recorded, and what opens its leaf; whether it is well formed is not looked at."""
    found = _BLINDED.fullmatch(entry)
    if found is None:
        return entry, None
    kind, hashed = found[1], bytes.fromhex(found[2].decode())
    return found[3], Blinding(hashed) if kind == b"blinding" else Blinding(None, hashed)


def leaf_in(entry: bytes) -> bytes:
    """The leaf that an entry opens.

    Raises:
        LeafError: it says no position.
    """
    record, blinding = opened(entry)
    return leaf_of(0 if blinding is None else position_in(record), record, blinding)


def position_in(record: bytes) -> int:
    """The position in what is recorded; LeafError where there is none."""
    try:
        position = json.loads(record)["position"]
    except (ValueError, TypeError, KeyError, RecursionError) as fault:
        raise LeafError(f"the entry is no leaf: {fault}") from None
    if type(position) is not int or position < 1:
        raise LeafError(f"the entry's position is {position!r}: it is a whole number from 1 on")
    return position


def is_blinded(leaf: bytes) -> bool:
    """Whether a leaf is of the blinded form."""
    return _LEAF.fullmatch(leaf) is not None


def record_of(  # noqa: PLR0917 -- these are the seven members, in the order of the log's columns
    position: int,
    source: str,
    id: str,  # noqa: A002 -- CloudEvents' own name
    raw_sha256: bytes,
    recorded_at: datetime,
    publisher: str,
    intake: Mapping[str, object] | str,
) -> bytes:
    """What is recorded of the event at a position, as UTF-8 with sorted keys and no white space.

    Args:
        position: from 1.
        source: the event's.
        id: the event's.
        raw_sha256: digest of the raw bytes as received, 32 bytes; written as hex.
        recorded_at: an aware instant; written in UTC to the microsecond.
        publisher: who sent it.
        intake: the coordinates of the channel it came by, or their text where it is at hand in canonical form.

    Raises:
        LeafError: RFC 8785 or an entry bundle cannot hold it.
    """
    coordinates = intake if isinstance(intake, str) else _object(intake)
    text = (
        f'{{"id":{_quoted(id)},"intake":{coordinates},"position":{position},"publisher":{_quoted(publisher)},'
        f'"raw_sha256":"{raw_sha256.hex()}","recorded_at":"{_instant(recorded_at)}","source":{_quoted(source)}}}'
    )
    try:
        encoded = text.encode()
    except UnicodeEncodeError as fault:
        half = fault.object[fault.start]
        raise LeafError(f"position {position}: {half!r} is half of a surrogate pair: send whole characters") from None
    if len(encoded) > LEAF_BYTES_MAX:
        raise LeafError(
            f"position {position}: its leaf has {len(encoded)} bytes, an entry holds {LEAF_BYTES_MAX} at most: "
            "shorten the names in it"
        )
    return encoded


@lru_cache(maxsize=4096)
def _instant(value: datetime) -> str:
    """RFC 3339 in UTC with six places of the second and Z. Kept, because a batch shares one recorded_at."""
    if value.tzinfo is None:
        raise LeafError(f"recorded_at {value.isoformat()} has no offset: give it as an instant in UTC")
    return value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


@lru_cache(maxsize=256)
def _sorted_keys(keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Each key, in order, with its JSON text; ASCII only, so that code points sort as UTF-16 units do."""
    for key in keys:
        if not key.isascii():
            raise LeafError(f"intake key {key!r} is not ASCII: name coordinates in ASCII")
    return tuple((key, f"{_quoted(key)}:") for key in sorted(keys))


def _object(members: Mapping[str, object]) -> str:
    return "{" + ",".join([text + _value(key, members[key]) for key, text in _sorted_keys(tuple(members))]) + "}"


def _value(key: str, value: object) -> str:
    if type(value) is str:
        return _quoted(value)
    if type(value) is int:
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise LeafError(f"intake {key} {value} is beyond 2**53 - 1: write it as a string")
        return str(value)
    if value is None or value is True or value is False:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(_value(key, item) for item in value) + "]"
    raise LeafError(
        f"intake {key} {value!r} is a {type(value).__name__}: a leaf holds strings, integers, booleans and null"
    )
