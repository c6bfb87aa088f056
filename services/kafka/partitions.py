"""Which process may store a partition's records, and from which offset on: taizhang.kafka_partition.

A claim raises the partition's epoch. A batch is stored only if the epoch that read it still stands, checked in the
batch's own transaction. So a process that lost a partition, knowingly or not, cannot write it; and a claim waits for
a batch of the one before that is just being stored, because both hold the row.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from psycopg import Cursor
from psycopg.rows import TupleRow

from services.log.recorder import LogRecorder
from services.system.errors import TaizhangError


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Claim(NamedTuple):
    """The right to store a partition's records, from `next_offset` on."""

    epoch: int
    next_offset: int


class FencedError(TaizhangError):
    """Another process has claimed a partition since its records were read."""


_CLAIM: Final = """
INSERT INTO taizhang.kafka_partition AS p
       (topic, partition, epoch, owner, claimed_at, next_offset, end_offset, seen_at)
VALUES (%(topic)s, %(partition)s, 1, %(owner)s, clock_timestamp(), 0, 0, clock_timestamp())
ON CONFLICT (topic, partition) DO UPDATE SET
       epoch = p.epoch + 1, owner = excluded.owner, claimed_at = excluded.claimed_at
RETURNING epoch, next_offset
"""
_MOVE: Final = """
UPDATE taizhang.kafka_partition SET next_offset = %(next_offset)s, expired = expired + %(expired)s
 WHERE topic = %(topic)s AND partition = %(partition)s AND epoch = %(epoch)s
"""
# Sorted, as claims are: two that lock several rows never wait for each other in a ring.
_FENCE: Final = """
SELECT p.topic, p.partition
  FROM taizhang.kafka_partition p
  JOIN unnest(%(topics)s::text[], %(partitions)s::int[], %(epochs)s::bigint[], %(before)s::bigint[])
       AS b (topic, partition, epoch, next_offset) USING (topic, partition)
 WHERE p.epoch = b.epoch AND p.next_offset = b.next_offset
 ORDER BY p.topic, p.partition FOR UPDATE OF p
"""
_ADVANCE: Final = """
UPDATE taizhang.kafka_partition p SET next_offset = b.next_offset, read_at = clock_timestamp()
  FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(after)s::bigint[]) AS b (topic, partition, next_offset)
 WHERE p.topic = b.topic AND p.partition = b.partition
"""
_SEE: Final = """
UPDATE taizhang.kafka_partition SET end_offset = %(end)s, seen_at = clock_timestamp()
 WHERE topic = %(topic)s AND partition = %(partition)s AND epoch = %(epoch)s
"""
_FRESH: Final = """
SELECT topic, partition FROM taizhang.kafka_partition WHERE seen_at > clock_timestamp() - make_interval(secs => %s)
"""


class Partitions:
    """The claims of one process."""

    def __init__(self, recorder: LogRecorder, owner: str) -> None:
        self._recorder = recorder
        self._owner = owner

    def claim(self, partitions: Iterable[Partition]) -> dict[Partition, Claim]:
        """Shut out whoever had these partitions, once the batch that it is just storing has ended.

        Raises:
            eventsourcing.persistence.PersistenceError: the database did not answer.
        """
        claims = {}
        with self._recorder.transaction() as cursor:
            for partition in sorted(partitions):
                row = cursor.execute(_CLAIM, {**partition._asdict(), "owner": self._owner}).fetchone()
                assert row is not None  # noqa: S101  # the statement gives one row
                claims[partition] = Claim(*row)
        return claims

    def move(self, partition: Partition, claim: Claim, next_offset: int) -> Claim:
        """Go on at another offset, since there is nothing to read at the claim's."""
        expired = max(0, next_offset - claim.next_offset)
        values = {**partition._asdict(), "epoch": claim.epoch, "next_offset": next_offset, "expired": expired}
        with self._recorder.transaction() as cursor:
            if cursor.execute(_MOVE, values).rowcount != 1:
                raise FencedError(f"{partition.topic} {partition.partition} has another owner")
        return Claim(claim.epoch, next_offset)

    def see(self, claims: Mapping[Partition, Claim], ends: Mapping[Partition, int]) -> None:
        """Record where the partitions end, for the lag."""
        with self._recorder.transaction() as cursor:
            for partition in sorted(claims.keys() & ends.keys()):
                values = {**partition._asdict(), "epoch": claims[partition].epoch, "end": ends[partition]}
                cursor.execute(_SEE, values)

    def unread(self, partitions: Iterable[Partition], seconds: float) -> set[Partition]:
        """Those that no process has seen to for so many seconds."""
        with self._recorder.transaction() as cursor:
            return set(partitions) - {Partition(*row) for row in cursor.execute(_FRESH, (seconds,))}


def advance(cursor: Cursor[TupleRow], claims: Mapping[Partition, Claim], after: Mapping[Partition, int]) -> None:
    """Within a batch's transaction: check that its claims stand, and store the offsets after it.

    Raises:
        FencedError: one of the partitions has another owner, or is stored further than the batch's beginning.
    """
    partitions = sorted(after)
    values = {
        "topics": [each.topic for each in partitions],
        "partitions": [each.partition for each in partitions],
        "epochs": [claims[each].epoch for each in partitions],
        "before": [claims[each].next_offset for each in partitions],
        "after": [after[each] for each in partitions],
    }
    standing = {Partition(*row) for row in cursor.execute(_FENCE, values, prepare=True)}
    if lost := set(partitions) - standing:
        names = ", ".join(f"{each.topic} {each.partition}" for each in sorted(lost))
        raise FencedError(f"another process has claimed {names}; this batch is left to it")
    cursor.execute(_ADVANCE, values, prepare=True)
