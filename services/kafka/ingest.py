"""`taizhang ingest`: Kafka's records into the log, each exactly once.

The offsets live in PostgreSQL, stored in the transaction of the batch that they follow. Whatever goes wrong, the
remedy is the same: let go of everything, claim the partitions anew, and go on at the offsets that are stored.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from eventsourcing.persistence import PersistenceError

from domain.values.reasons import Reason
from services.intake.intake import Intake
from services.kafka.clients import DATABASE_AWAY, Outage
from services.kafka.cloudevents import Record, publisher_of, to_message
from services.kafka.partitions import Claim, FencedError, Partition, Partitions, advance
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
        self._claims: dict[Partition, Claim] = {}
        self._version = 0
        self._observe_at = 0.0
        self._claim_at = 0.0
        self._missing: list[str] = []
        self._unread_since: float | None = None

    def run(self) -> None:
        """Ingest until stopped, through every outage."""
        while not self._stopping.is_set():
            try:
                reader = self._open_reader()
            except KafkaError as error:
                self._stopping.wait(self._kafka.begin(error))
                continue
            self._claims, self._version = {}, 0
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
        bounds = reader.bounds(assigned)
        for partition, claim in claims.items():
            first, end = bounds[partition]
            if not first <= claim.next_offset <= end:
                claims[partition] = self._restart(partition, claim, first, end)
        self._claims = claims
        self._partitions.see(claims, {partition: end for partition, (_, end) in bounds.items()})
        for partition, claim in claims.items():
            reader.start(partition, claim.next_offset)

    def _restart(self, partition: Partition, claim: Claim, first: int, end: int) -> Claim:
        """Go on where the broker's records begin; what was stored before is known again by source and id."""
        log = logger().bind(topic=partition.topic, partition=partition.partition, stored=claim.next_offset)
        if claim.next_offset > end:
            log.error(
                "stored offset beyond the end: the topic was made anew or cut; reading it from its beginning", end=end
            )
        else:
            log.error("records expired before they were read: raise the topic's retention, ask the source", first=first)
        return self._partitions.move(partition, claim, first)

    def _store(self, reader: Reader, records: Mapping[Partition, list[Record]]) -> None:
        began = time.monotonic()
        messages, after = [], {}
        for partition, batch in records.items():
            self._check_gap(reader, partition, batch[0].offset)
            publisher = publisher_of(partition.topic)
            messages += [to_message(record, publisher) for record in batch]
            after[partition] = batch[-1].offset + 1
        self._admit(messages, after)
        self._database.end()
        logger().debug("stored", records=len(messages), seconds=round(time.monotonic() - began, 3))

    def _check_gap(self, reader: Reader, partition: Partition, first: int) -> None:
        """Transactions' markers and compaction leave gaps between offsets; so does retention, which is told."""
        expected = self._claims[partition].next_offset
        if first > expected:
            ((begin, end),) = reader.bounds([partition]).values()
            if begin > expected:
                self._claims[partition] = self._restart(partition, self._claims[partition], begin, end)

    def _admit(self, messages: list[Message], after: Mapping[Partition, int]) -> None:
        """Store messages with the offsets after them; what the database won't take is set aside alone."""
        claims = self._claims
        try:
            self._intake.admit(messages, within=lambda cursor: advance(cursor, claims, after))
        except DATABASE_AWAY:
            raise
        except PersistenceError as error:
            if not messages:
                raise
            if len(messages) > 1:
                half = len(messages) // 2
                self._admit(messages[:half], _offsets_after(messages[:half]))
                self._admit(messages[half:], {**after, **_offsets_after(messages[half:])})
                return
            logger().error("record cannot be stored as an event", intake=dict(messages[0].intake), error=str(error))
            self._intake.admit([_set_aside(messages[0], error)], within=lambda cursor: advance(cursor, claims, after))
        for partition, offset in after.items():
            claims[partition] = Claim(claims[partition].epoch, offset)

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
            bounds = reader.bounds(self._claims)
            self._kafka.end()
            if idle:
                self._pass_markers(reader)
            self._partitions.see(self._claims, {partition: end for partition, (_, end) in bounds.items()})
            reader.tell({partition: claim.next_offset for partition, claim in self._claims.items()})
        self._watch(reader)

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
        after = {
            partition: position
            for partition, claim in self._claims.items()
            if (position := reader.position(partition)) is not None and position > claim.next_offset
        }
        if after:
            self._admit([], after)


def _offsets_after(messages: list[Message]) -> dict[Partition, int]:
    return {
        Partition(str(each.intake["topic"]), int(each.intake["partition"])): int(each.intake["offset"]) + 1
        for each in messages
    }


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
