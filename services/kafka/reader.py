"""The client's consumer as ingest uses it: nothing is fetched from a partition before it was started at an offset."""

import contextlib
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from services.kafka import lenient
from services.kafka.clients import consumer_options, never_make_topics
from services.kafka.cloudevents import Record
from services.kafka.identity import Identity, Keeping, Topics
from services.kafka.partitions import Partition
from services.system.settings import Settings

ASK_TIMEOUT_MS: Final = 3_000
METADATA_WAIT_S_MAX: Final = 3.0

__all__ = ["KafkaError", "Reader"]


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # the client has no types
    """What the group gave to this process; called on the client's own thread, so it only takes note."""

    def __init__(self, consumer: Any) -> None:  # noqa: ANN401 - the client has no types
        self._consumer = consumer
        self._lock = threading.Lock()
        self._partitions: frozenset[Partition] = frozenset()
        self._version = 0

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        partitions = list(assigned)
        self._consumer.pause(*partitions)
        with self._lock:
            self._partitions |= {Partition(*each) for each in partitions}
            self._version += 1

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        with self._lock:
            self._partitions -= {Partition(*each) for each in revoked}
            self._version += 1

    def now(self) -> tuple[int, frozenset[Partition]]:
        with self._lock:
            return self._version, self._partitions


def _connect(options: dict[str, Any]) -> tuple[Any, list[Any]]:
    """A consumer and its network part, or nothing: one that fails would leave a thread behind that tries for ever."""
    networks: list[Any] = []

    def network(**given: object) -> Any:  # noqa: ANN401 - the client has no types
        networks.append(KafkaNetClient(**given))
        return networks[-1]

    try:
        return KafkaConsumer(**options, kafka_client=network), networks
    except KafkaError:
        for each in networks:
            each.close()
        raise


class Reader:
    """One member of the consumer group."""

    def __init__(self, settings: Settings, client_id: str) -> None:
        """Connect and join the group.

        Raises:
            KafkaError: no broker answers.
            KafkaSettingsError: no brokers are named.
        """
        lenient.install()
        self._topics = settings.kafka_topics.split(",")
        self._asked = Topics(settings)
        try:
            self._consumer, self._networks = _connect(consumer_options(settings, client_id))
        except KafkaError:
            self._asked.close()
            raise
        never_make_topics(self._consumer._cluster)  # noqa: SLF001 - there is no public way
        self._assignment = _Assignment(self._consumer)
        self._consumer.subscribe(self._topics, listener=self._assignment)
        # Who joins before it knows the topics' partitions may lead a group in which nobody gets any.
        deadline = time.monotonic() + METADATA_WAIT_S_MAX
        while self.missing_topics() and time.monotonic() < deadline:
            time.sleep(0.02)

    def assignment(self) -> tuple[int, frozenset[Partition]]:
        """The partitions that the group gave us, and a number that grows whenever it speaks of them."""
        return self._assignment.now()

    def poll(self, timeout_ms: int, records_max: int) -> dict[Partition, list[Record]]:
        """Records of started partitions, in order of offset; takes part in the group's rebalances meanwhile."""
        found = self._consumer.poll(timeout_ms=timeout_ms, max_records=records_max)
        return {Partition(*each): records for each, records in found.items()}

    def start(self, partition: Partition, offset: int) -> None:
        """Fetch from `offset` on, unless the partition is taken away in this moment, as `assignment` will tell."""
        with contextlib.suppress(ValueError, KeyError):
            self._consumer.seek(TopicPartition(*partition), offset)
            self._consumer.resume(TopicPartition(*partition))

    def stop(self, partitions: Iterable[Partition]) -> None:
        """Fetch nothing more from these, as far as they are still ours."""
        for each in partitions:
            with contextlib.suppress(KeyError):
                self._consumer.pause(TopicPartition(*each))

    def position(self, partition: Partition) -> int | None:
        """The offset after everything that was read, also after markers of transactions; None if it is not known."""
        return cast("int | None", self._consumer.position(TopicPartition(*partition), timeout_ms=0))

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """The first offset that the broker still has and the one after the last.

        Raises:
            KafkaError: the broker does not answer.
        """
        wanted = [TopicPartition(*each) for each in partitions]
        first = self._consumer.beginning_offsets(wanted, timeout_ms=ASK_TIMEOUT_MS)
        end = self._consumer.end_offsets(wanted, timeout_ms=ASK_TIMEOUT_MS)
        return {Partition(*each): (first[each], end[each]) for each in wanted}

    def partitions(self) -> set[Partition]:
        """All partitions of our topics, whoever reads them, as the broker told them last."""
        cluster = self._consumer._cluster  # noqa: SLF001 - the public call waits without limit for a broker
        return {Partition(topic, each) for topic in self._topics for each in cluster.partitions_for_topic(topic) or ()}

    def missing_topics(self) -> list[str]:
        """Topics of ours that the broker did not have when it was last asked."""
        there = {each.topic for each in self.partitions()}
        return [topic for topic in self._topics if topic not in there]

    def identities(self, topics: Iterable[str]) -> dict[str, Identity]:
        """What the brokers say now of topics that are there.

        Raises:
            KafkaError: they do not answer.
        """
        return self._asked.identities(topics)

    def keeping(self, topics: Iterable[str]) -> dict[str, Keeping]:
        """How long the brokers keep the records of topics, as far as we may know."""
        return self._asked.keeping(topics)

    def tell(self, offsets: Mapping[Partition, int]) -> None:
        """Commit offsets to Kafka, for displays of lag alone; whether it succeeds has no part in anything."""
        self._consumer.commit_async(
            {TopicPartition(*each): OffsetAndMetadata(offset, "", -1) for each, offset in offsets.items()}
        )

    def close(self) -> None:
        """Leave the group.

        Raises:
            KafkaError: no broker heard of it; the group will notice by itself.
        """
        try:
            self._consumer.close(autocommit=False, timeout_ms=ASK_TIMEOUT_MS)
        finally:
            self._asked.close()
            for each in self._networks:
                each.close()
