"""The leaf of one accepted event in the transparency log: canonical JSON (RFC 8785).

The Merkle tree hashes these bytes (domain.tree.merkle.leaf_hash) and the entry bundles serve them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring as _quoted

#: RFC 8785 section 3.2.2.3 writes numbers as IEEE 754 doubles: integers are exact up to here (RFC 7493 section 2.2).
INTEGER_MAX = 2**53 - 1
#: An entry bundle (C2SP tlog-tiles) says the length of an entry in 16 bits.
LEAF_BYTES_MAX = 2**16 - 1


class LeafError(ValueError):
    """A value that the leaf's canonical form cannot hold."""


def leaf(  # noqa: PLR0917 -- these are the leaf's seven members, in the order of the log's columns
    position: int,
    source: str,
    id: str,  # noqa: A002 -- CloudEvents' own name
    raw_sha256: bytes,
    recorded_at: datetime,
    publisher: str,
    intake: Mapping[str, object] | str,
) -> bytes:
    """Leaf of the event at a position, as UTF-8 with sorted keys and no white space.

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
