"""`taizhang ingest`: Kafka's records into the log, each exactly once.

The offsets live in PostgreSQL, stored in the transaction of the batch that they follow. Whatever goes wrong, the
remedy is the same: let go of everything, claim the partitions anew, and go on at the offsets that are stored. An offset
holds for one log alone: where ids or the last record say that the log is another one, it is read from its beginning.
"""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from eventsourcing.persistence import PersistenceError
from kafka.errors import UnknownTopicOrPartitionError

from domain.values.reasons import Reason
from services.intake.intake import Intake
from services.kafka.clients import DATABASE_AWAY, Outage
from services.kafka.cloudevents import Record, publisher_of, to_message
from services.kafka.identity import Identity, Keeping
from services.kafka.partitions import Claim, FencedError, Last, Partition, Partitions, Step, advance
from services.kafka.pulse import Pulse
from services.kafka.reader import KafkaError, Reader
from services.log.messages import Message
from services.system.errors import TaizhangError
from services.system.logs import logger

BATCH_RECORDS_MAX: Final = 4_000
POLL_MS: Final = 500
OBSERVE_EVERY_S: Final = 2.0
# A process that slept through a rebalance hears of it with its next heartbeat; until then it must not claim again
# what is another's by now.
FENCED_PAUSE_S: Final = 2.0
# Longer than a session and a rebalance take.
UNREAD_S_MAX: Final = 15.0

ANOTHER_TOPIC: Final = "the ids of cluster or topic are others: the topic was made anew, or this is another cluster"
CUT: Final = "the log does not hold what was read from it: it was cut, or the broker was restored from a backup"
UNREADABLE_KEEPING: Final = (
    "the topic's settings may not be read, so every gap between offsets counts as compacted; grant DescribeConfigs"
)


class UnreadError(TaizhangError):
    """The group has divided the partitions in such a way that some have no reader."""


class Ingest:
    """One process of the consumer group; it ends after the batch under way once `stopping` is set."""

    def __init__(
        self, intake: Intake, open_reader: Callable[[], Reader], owner: str, stopping: threading.Event
    ) -> None:
        self._intake = intake
        self._open_reader = open_reader
        self._partitions = Partitions(intake.recorder, owner)
        self._stopping = stopping
        self._kafka = Outage("Kafka")
        self._database = Outage("PostgreSQL")
        self.pulse = Pulse("ingest", self._kafka, self._database)
        self._claims: dict[Partition, Claim] = {}
        self._unproved: dict[Partition, Last] = {}
        self._keeping: dict[str, Keeping | None] = {}
        self._version = 0
        self._observe_at = 0.0
        self._claim_at = 0.0
        self._missing: list[str] = []
        self._unread_since: float | None = None

    def run(self) -> None:
        """Ingest until stopped, through every outage."""
        while not self._stopping.is_set():
            self.pulse.beat()
            try:
                reader = self._open_reader()
            except KafkaError as error:
                self._stopping.wait(self._kafka.begin(error))
                continue
            self._claims, self._keeping, self._version = {}, {}, 0
            try:
                while not self._stopping.is_set():
                    self.turn(reader)
            except UnreadError as error:
                logger().warning("joining the group anew", reason=str(error))
            except KafkaError as error:
                self._stopping.wait(self._kafka.begin(error))
            finally:
                _close(reader)

    def turn(self, reader: Reader) -> None:
        """Take part in the group once, and store what has come.

        Raises:
            KafkaError, UnreadError: the member is of no more use.
        """
        self.pulse.beat()
        self.pulse.holds = len(self._claims)
        records = reader.poll(POLL_MS, BATCH_RECORDS_MAX)
        if records:
            self._kafka.end()
        version, assigned = reader.assignment()
        if version != self._version:
            logger().info(
                "partitions assigned", partitions=[f"{each.topic} {each.partition}" for each in sorted(assigned)]
            )
            self._let_go(reader)
            self._version = version
            records = {}
        try:
            if assigned - self._claims.keys():
                if self._database.may_try and time.monotonic() >= self._claim_at:
                    self._claim(reader, assigned)
            elif records:
                self._store(reader, records)
            self._observe(reader, idle=not records)
        except FencedError as error:
            logger().info("fenced", reason=str(error))
            self._let_go(reader)
            self._claim_at = time.monotonic() + FENCED_PAUSE_S
        except DATABASE_AWAY as error:
            self._let_go(reader)
            self._database.begin(error)

    def _let_go(self, reader: Reader) -> None:
        reader.stop(self._claims)
        self._claims = {}

    def _claim(self, reader: Reader, assigned: frozenset[Partition]) -> None:
        claims = self._partitions.claim(assigned)
        self._database.end()
        # Asked after the claim: nobody else can store a further offset now.
        identities = reader.identities(each.topic for each in assigned)
        if gone := sorted({each.topic for each in assigned} - identities.keys()):
            raise UnknownTopicOrPartitionError(f"the broker no longer has {', '.join(gone)}")
        bounds = reader.bounds(assigned)
        self._look_at_keeping(reader, claims)
        settled = {
            each: self._settle(each, claim, identities[each.topic], *bounds[each]) for each, claim in claims.items()
        }
        self._partitions.know(settled)
        self._partitions.see(settled, {partition: end for partition, (_, end) in bounds.items()})
        self._claims, self._unproved = settled, {}
        for partition, claim in settled.items():
            start = claim.next_offset
            if claim.last is not None and claim.last.offset >= bounds[partition][0]:
                # The last record stored is read once more, and has to be the same.
                self._unproved[partition], start = claim.last, claim.last.offset
            reader.start(partition, start)

    def _look_at_keeping(self, reader: Reader, claims: Mapping[Partition, Claim]) -> None:
        """Warn of topics that may lose records before they are read; once for each stay in the group."""
        topics = {each.topic for each in claims} - self._keeping.keys()
        found = reader.keeping(topics)
        for topic in sorted(topics):
            keeping = self._keeping[topic] = found.get(topic)
            read = [claim.read_at for each, claim in claims.items() if each.topic == topic]
            since = max((each for each in read if each is not None), default=None)
            said = [UNREADABLE_KEEPING] if keeping is None else keeping.warnings(since)
            for each in said:
                logger().warning("records may be lost before they are read", topic=topic, why=each)

    def _settle(self, partition: Partition, claim: Claim, identity: Identity, first: int, end: int) -> Claim:
        """The claim as it stands in the log that the broker has now."""
        if identity.differs(claim.identity):
            return self._begin_anew(partition, claim._replace(identity=identity), first, ANOTHER_TOPIC)
        claim = claim._replace(identity=identity.completed(claim.identity))
        if claim.next_offset > end:
            return self._begin_anew(partition, claim, first, CUT)
        return claim if claim.next_offset >= first else self._expire(partition, claim, first)

    def _begin_anew(self, partition: Partition, claim: Claim, first: int, why: str) -> Claim:
        """Go on at the beginning of another log; what was stored before is known again by source and id."""
        unread = max(0, claim.end_offset - claim.next_offset)
        logger().error(
            "another log under the same name: read from its beginning", topic=partition.topic,
            partition=partition.partition, why=why, stored=claim.next_offset, begins=first, never_read=unread,
            **claim.identity._asdict(),
        )  # fmt: skip
        return self._partitions.move(
            partition, claim, first, expired=unread + (first if why == ANOTHER_TOPIC else 0), another=True
        )

    def _expire(self, partition: Partition, claim: Claim, first: int) -> Claim:
        """Go on where the broker's records begin."""
        logger().error(
            "records expired before they were read: raise the topic's retention, ask the source",
            topic=partition.topic, partition=partition.partition, stored=claim.next_offset, first=first,
        )  # fmt: skip
        return self._partitions.move(partition, claim, first, expired=first - claim.next_offset, another=False)

    def _store(self, reader: Reader, records: Mapping[Partition, list[Record]]) -> None:
        began = time.monotonic()
        messages = []
        for partition, batch in records.items():
            publisher = publisher_of(partition.topic)
            messages += [to_message(record, publisher) for record in self._proved(reader, partition, batch)]
        if messages:
            self._admit(messages)
        self.pulse.records += len(messages)
        self._database.end()
        logger().debug("stored", records=len(messages), seconds=round(time.monotonic() - began, 3))

    def _proved(self, reader: Reader, partition: Partition, batch: list[Record]) -> list[Record]:
        """The records that follow what is stored; none where the log is not the one that was read.

        Transactions' markers and compaction leave gaps between offsets; so does retention, which is told.
        """
        claim, last = self._claims[partition], self._unproved.pop(partition, None)
        head = batch[0]
        if last is not None and last == _last(head.offset, head.value or b""):
            batch = batch[1:]
        elif head.offset < claim.next_offset:
            # Either another record stands where the last one stood, or the client was led back by the broker.
            ((first, _),) = reader.bounds([partition]).values()
            goes_on = first if last is not None else head.offset
            self._claims[partition] = self._begin_anew(partition, claim, goes_on, CUT)
            reader.start(partition, goes_on)
            return []
        if batch and batch[0].offset > claim.next_offset:
            ((first, _),) = reader.bounds([partition]).values()
            if first > claim.next_offset:
                self._claims[partition] = self._expire(partition, claim, first)
        return batch

    def _admit(self, messages: list[Message]) -> None:
        """Store messages with the offsets after them; what the database won't take is set aside alone."""
        steps = self._steps(messages)
        try:
            self._advance(messages, steps)
        except DATABASE_AWAY:
            raise
        except PersistenceError as error:
            if len(messages) > 1:
                half = len(messages) // 2
                self._admit(messages[:half])
                self._admit(messages[half:])
                return
            logger().error("record cannot be stored as an event", intake=dict(messages[0].intake), error=str(error))
            self._advance([_set_aside(messages[0], error)], steps)

    def _advance(self, messages: list[Message], steps: Mapping[Partition, Step]) -> None:
        claims = self._claims
        self._intake.admit(messages, within=lambda cursor: advance(cursor, claims, steps))
        for partition, step in steps.items():
            last = step.last or claims[partition].last
            claims[partition] = claims[partition]._replace(next_offset=step.next_offset, last=last)

    def _steps(self, messages: list[Message]) -> dict[Partition, Step]:
        """How far messages come in each partition."""
        counts, lasts = Counter[Partition](), dict[Partition, Message]()
        for each in messages:
            partition = Partition(str(each.intake["topic"]), int(each.intake["partition"]))
            counts[partition] += 1
            lasts[partition] = each
        return {
            partition: self._step(partition, int(each.intake["offset"]) + 1, counts[partition], each.raw)
            for partition, each in lasts.items()
        }

    def _step(self, partition: Partition, after: int, count: int, raw: bytes | None) -> Step:
        keeping = self._keeping.get(partition.topic)
        missing = after - self._claims[partition].next_offset - count
        last = None if raw is None else _last(after - 1, raw)
        return Step(after, last, missing if keeping is None or keeping.compacts else 0)

    def _observe(self, reader: Reader, *, idle: bool) -> None:
        """Every few seconds: whether Kafka answers, where the partitions end, whether somebody reads each."""
        if time.monotonic() < self._observe_at or not self._database.may_try:
            return
        self._observe_at = time.monotonic() + OBSERVE_EVERY_S
        missing = reader.missing_topics()
        if missing and missing != self._missing:
            logger().warning("the broker has no such topic yet", topics=missing)
        self._missing = missing
        if self._claims:
            self._check_identities(reader)
        if self._claims:
            bounds = reader.bounds(self._claims)
            self._kafka.end()
            if idle:
                self._pass_markers(reader)
            self._partitions.see(self._claims, {partition: end for partition, (_, end) in bounds.items()})
            reader.tell({partition: claim.next_offset for partition, claim in self._claims.items()})
        self._watch(reader)

    def _check_identities(self, reader: Reader) -> None:
        """Let go of everything where a topic is not the one that was claimed; the next claim settles it."""
        identities = reader.identities(each.topic for each in self._claims)
        others = {
            partition.topic
            for partition, claim in self._claims.items()
            if partition.topic not in identities or identities[partition.topic].differs(claim.identity)
        }
        if others:
            logger().warning("a topic was made anew or deleted while it was read", topics=sorted(others))
            self._let_go(reader)

    def _watch(self, reader: Reader) -> None:
        """Join the group anew where it leaves partitions to nobody: a leader may divide by metadata that is old.

        Raises:
            UnreadError: it has been so for long enough that no rebalance can be under way.
        """
        unread = self._partitions.unread(reader.partitions(), UNREAD_S_MAX)
        self._database.end()
        now = time.monotonic()
        if not unread:
            self._unread_since = None
        elif self._unread_since is None:
            self._unread_since = now
        elif now - self._unread_since > UNREAD_S_MAX:
            self._unread_since = None
            names = ", ".join(f"{each.topic} {each.partition}" for each in sorted(unread))
            raise UnreadError(f"nobody reads {names}")

    def _pass_markers(self, reader: Reader) -> None:
        """Store positions that only markers of transactions led to, so that the lag comes to 0."""
        steps = {
            partition: self._step(partition, position, 0, None)
            for partition, claim in self._claims.items()
            if (position := reader.position(partition)) is not None and position > claim.next_offset
        }
        if steps:
            self._advance([], steps)


def _last(offset: int, value: bytes) -> Last:
    return Last(offset, hashlib.sha256(value).digest())


def _set_aside(message: Message, error: Exception) -> Message:
    """The same bytes, with nothing else that the database could refuse."""
    coordinates = {name: message.intake[name] for name in ("channel", "topic", "partition", "offset")}
    reason = Reason("not_storable", "", None, f"the database refused it: {error}")
    return Message(message.raw, coordinates, message.publisher, None, (*message.refused, reason))


def _close(reader: Reader) -> None:
    try:
        reader.close()
    except KafkaError as error:
        logger().info("left the group without a farewell", error=str(error))
