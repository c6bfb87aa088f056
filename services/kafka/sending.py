"""Records on their way to Kafka, acknowledged together: all of a part or none."""

import threading
import time
from typing import Any, Final

from kafka.errors import KafkaTimeoutError

FLUSH_TIMEOUT_S: Final = 60.0
COMMIT_TIMEOUT_S: Final = 30.0
_LOOK_S: Final = 0.5


class Sending:
    """One producer's transactions, one after the other."""

    def __init__(self, producer: Any, stopping: threading.Event) -> None:  # noqa: ANN401 - the client has no types
        self._producer = producer
        self._stopping = stopping
        self._futures: list[Any] = []

    def send(self, topic: str, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        """Send a record; the first one begins a transaction."""
        if not self._futures:
            self._producer.begin_transaction()
        self._futures.append(self._producer.send(topic, key=key, value=value, headers=headers))

    def commit(self) -> int:
        """Wait until the brokers have all of them for good; how many there were.

        Raises:
            KafkaError: they do not, another producer has taken over, or we are told to stop while they are away.
        """
        futures, self._futures = self._futures, []
        if not futures:
            return 0
        deadline = time.monotonic() + FLUSH_TIMEOUT_S
        for future in futures:
            while not future.is_done:
                if time.monotonic() > deadline or self._stopping.is_set():
                    raise KafkaTimeoutError(f"{len(futures)} records were not acknowledged")
                _wait(future)
            future.get(timeout=0)
        # The client's own commit_transaction waits without an end.
        result = self._producer._transaction_manager.begin_commit()  # noqa: SLF001
        self._producer._sender.wakeup()  # noqa: SLF001
        if not result.wait(timeout_ms=COMMIT_TIMEOUT_S * 1000):
            raise KafkaTimeoutError("the brokers did not commit")
        return len(futures)


def _wait(future: Any) -> None:  # noqa: ANN401 - the client has no types
    """Until a record is acknowledged, for half a second at most."""
    try:
        future.get(timeout=_LOOK_S)
    except KafkaTimeoutError:
        if future.is_done:
            raise
