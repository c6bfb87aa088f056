"""The account of every message: received = accepted + duplicate + quarantined, by source and by Kafka's partitions."""

from datetime import datetime
from typing import Final, NamedTuple

from psycopg.rows import class_row, kwargs_row

from services.ledger.queries import Queries


class Tally(NamedTuple):
    """Messages by disposition."""

    received: int
    accepted: int
    duplicate: int
    quarantined: int


class Source(NamedTuple):
    """One source's messages; `source` is None for those whose source cannot be read.

    `lag` counts the messages that wait, unread, in the Kafka partitions that this source's came from; None for a
    source that never came by Kafka.
    """

    source: str | None
    tally: Tally
    first_seen: datetime
    last_seen: datetime
    channels: list[str]
    lag: int | None


class Partition(NamedTuple):
    """One Kafka partition: its messages, the next offset to read, its end as last seen, and how many wait.

    `generation` counts the logs of this name, from 1; `expired` are offsets that were gone before they were read,
    `compacted` those between the read ones that never came, in a topic with compaction.
    """

    topic: str
    partition: int
    received: int
    accepted: int
    duplicate: int
    quarantined: int
    next_offset: int
    end_offset: int
    lag: int
    seen_at: datetime
    generation: int
    expired: int
    compacted: int


_SOURCES: Final = """
SELECT t.source, sum(t.received)::bigint AS received, sum(t.accepted)::bigint AS accepted,
       sum(t.duplicate)::bigint AS duplicate, sum(t.quarantined)::bigint AS quarantined,
       min(t.first_seen) AS first_seen, max(t.last_seen) AS last_seen,
       array_agg(DISTINCT t.channel ORDER BY t.channel) AS channels,
       sum(greatest(k.end_offset - k.next_offset, 0)) FILTER (WHERE k.topic IS NOT NULL)::bigint AS lag
  FROM taizhang.tally t LEFT JOIN taizhang.kafka_partition k USING (topic, partition)
 GROUP BY t.source ORDER BY t.source NULLS LAST
"""
_PARTITIONS: Final = """
SELECT k.topic, k.partition, coalesce(sum(t.received), 0)::bigint AS received,
       coalesce(sum(t.accepted), 0)::bigint AS accepted, coalesce(sum(t.duplicate), 0)::bigint AS duplicate,
       coalesce(sum(t.quarantined), 0)::bigint AS quarantined, k.next_offset, k.end_offset,
       greatest(k.end_offset - k.next_offset, 0) AS lag, k.seen_at, k.generation, k.expired, k.compacted
  FROM taizhang.kafka_partition k LEFT JOIN taizhang.tally t USING (topic, partition)
 GROUP BY k.topic, k.partition ORDER BY k.topic, k.partition
"""


def _source(  # noqa: PLR0917 - by keyword, one for each column
    source: str | None,
    received: int,
    accepted: int,
    duplicate: int,
    quarantined: int,
    first_seen: datetime,
    last_seen: datetime,
    channels: list[str],
    lag: int | None,
) -> Source:
    tally = Tally(received, accepted, duplicate, quarantined)
    return Source(source, tally, first_seen, last_seen, channels, lag)


def sources(queries: Queries) -> tuple[list[Source], list[Partition]]:
    """All sources and all Kafka partitions, as of one moment."""
    with queries.connection() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        with connection.cursor(row_factory=kwargs_row(_source)) as by_source:
            found = by_source.execute(_SOURCES).fetchall()
        with connection.cursor(row_factory=class_row(Partition)) as by_partition:
            return found, by_partition.execute(_PARTITIONS).fetchall()


def total(found: list[Source]) -> Tally:
    """The sum over all sources."""
    sums = [sum(column) for column in zip(*(each.tally for each in found), strict=True)]
    return Tally(*sums) if sums else Tally(0, 0, 0, 0)
