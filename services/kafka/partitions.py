"""Which process may store a partition's records, and from which offset on: taizhang.kafka_partition.

A claim raises the partition's epoch. A batch is stored only if the epoch that read it still stands, checked in the
batch's own transaction. So a process that lost a partition, knowingly or not, cannot write it; and a claim waits for
a batch of the one before that is just being stored, because both hold the row.

An offset belongs to a topic's identity. It is stored with the ids of cluster and topic, and with the last record that
was read, by which a log that was cut and written anew under the same ids is told from the one before.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from psycopg import Cursor
from psycopg.rows import TupleRow

from services.kafka.identity import Identity
from services.log.recorder import LogRecorder
from services.system.errors import TaizhangError


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Last(NamedTuple):
    """The last record stored: its offset and the SHA-256 of its value."""

    offset: int
    sha256: bytes


class Claim(NamedTuple):
    """The right to store a partition's records, from `next_offset` on, of the topic that `identity` names.

    `end_offset` is where the partition ended when it was last looked at, `read_at` when a record was last stored.
    """

    epoch: int
    next_offset: int
    identity: Identity
    last: Last | None
    end_offset: int
    read_at: datetime | None


class Step(NamedTuple):
    """How far a batch comes in one partition; `compacted` are the offsets on the way that never came."""

    next_offset: int
    last: Last | None = None
    compacted: int = 0


class FencedError(TaizhangError):
    """Another process has claimed a partition since its records were read."""


_CLAIM: Final = """
INSERT INTO taizhang.kafka_partition AS p
       (topic, partition, epoch, owner, claimed_at, next_offset, end_offset, seen_at)
VALUES (%(topic)s, %(partition)s, 1, %(owner)s, clock_timestamp(), 0, 0, clock_timestamp())
ON CONFLICT (topic, partition) DO UPDATE SET
       epoch = p.epoch + 1, owner = excluded.owner, claimed_at = excluded.claimed_at
RETURNING epoch, next_offset, cluster_id, topic_id, last_offset, last_sha256, end_offset, read_at
"""
_MOVE: Final = """
UPDATE taizhang.kafka_partition
   SET next_offset = %(next_offset)s, expired = expired + %(expired)s, generation = generation + %(another)s,
       cluster_id = %(cluster_id)s, topic_id = %(topic_id)s, last_offset = NULL, last_sha256 = NULL
 WHERE topic = %(topic)s AND partition = %(partition)s AND epoch = %(epoch)s
"""
_KNOW: Final = """
UPDATE taizhang.kafka_partition SET cluster_id = %(cluster_id)s, topic_id = %(topic_id)s
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
UPDATE taizhang.kafka_partition p
   SET next_offset = b.next_offset, read_at = clock_timestamp(), compacted = p.compacted + b.compacted,
       last_offset = coalesce(b.last_offset, p.last_offset), last_sha256 = coalesce(b.last_sha256, p.last_sha256)
  FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(after)s::bigint[], %(compacted)s::bigint[],
              %(lasts)s::bigint[], %(sha256s)s::bytea[])
       AS b (topic, partition, next_offset, compacted, last_offset, last_sha256)
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
                epoch, next_offset, cluster_id, topic_id, last, sha256, end_offset, read_at = row
                stored = None if last is None else Last(last, bytes(sha256))
                identity = Identity(cluster_id, topic_id)
                claims[partition] = Claim(epoch, next_offset, identity, stored, end_offset, read_at)
        return claims

    def move(self, partition: Partition, claim: Claim, next_offset: int, *, expired: int, another: bool) -> Claim:
        """Go on at another offset, since what the claim's stood for is not there; `another`: the log is another one.

        Raises:
            FencedError: another process has claimed the partition.
        """
        values = {
            **partition._asdict(), **claim.identity._asdict(), "epoch": claim.epoch, "next_offset": next_offset,
            "expired": expired, "another": int(another),
        }  # fmt: skip
        with self._recorder.transaction() as cursor:
            if cursor.execute(_MOVE, values).rowcount != 1:
                raise FencedError(f"{partition.topic} {partition.partition} has another owner")
        return claim._replace(next_offset=next_offset, last=None)

    def know(self, claims: Mapping[Partition, Claim]) -> None:
        """Store the identities of claims' topics."""
        with self._recorder.transaction() as cursor:
            for partition, claim in sorted(claims.items()):
                cursor.execute(_KNOW, {**partition._asdict(), **claim.identity._asdict(), "epoch": claim.epoch})

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


def advance(cursor: Cursor[TupleRow], claims: Mapping[Partition, Claim], steps: Mapping[Partition, Step]) -> None:
    """Within a batch's transaction: check that its claims stand, and store the offsets after it.

    Raises:
        FencedError: one of the partitions has another owner, or is stored further than the batch's beginning.
    """
    partitions = sorted(steps)
    lasts = [steps[each].last for each in partitions]
    values = {
        "topics": [each.topic for each in partitions],
        "partitions": [each.partition for each in partitions],
        "epochs": [claims[each].epoch for each in partitions],
        "before": [claims[each].next_offset for each in partitions],
        "after": [steps[each].next_offset for each in partitions],
        "compacted": [steps[each].compacted for each in partitions],
        "lasts": [None if last is None else last.offset for last in lasts],
        "sha256s": [None if last is None else last.sha256 for last in lasts],
    }
    standing = {Partition(*row) for row in cursor.execute(_FENCE, values, prepare=True)}
    if lost := set(partitions) - standing:
        names = ", ".join(f"{each.topic} {each.partition}" for each in sorted(lost))
        raise FencedError(f"another process has claimed {names}; this batch is left to it")
    cursor.execute(_ADVANCE, values, prepare=True)
