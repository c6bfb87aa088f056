"""Many small requests share one commit, and each is answered once its own messages are durable."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple

from services.intake.intake import Intake
from services.log.messages import Message, Receipt
from services.log.writer import TRY_FOR_S
from services.system.errors import LedgerBehindError, QueueFullError, StoreUnavailableError

COMMIT_MESSAGES_MAX: Final = 2_000
COMMIT_WAIT_S: Final = 0.002
QUEUE_MESSAGES_MAX: Final = 20_000
QUEUE_BYTES_MAX: Final = 64 << 20
RETRY_AFTER_S: Final = 1

Receipts = list[Receipt]


class _Request(NamedTuple):
    messages: Sequence[Message]
    answer: Future[Receipts]
    bytes: int


class GroupCommit:
    """One thread that takes in what waits, again and again; a request's messages stay together, in order."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._changed = threading.Condition()
        self._waiting: deque[_Request] = deque()
        self._messages = 0
        self._bytes = 0
        self._closed = False
        self._began: float | None = None
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, messages: Sequence[Message]) -> Future[Receipts]:
        """Queue a request; the future gives its receipts once they are durable, or Intake.admit's errors.

        Raises:
            QueueFullError: too many messages or bytes wait; try again after `retry_after_s`.
            StoreUnavailableError: this has been closed.
        """
        request = _Request(messages, Future(), sum(len(message.raw) for message in messages))
        with self._changed:
            if self._closed:
                raise StoreUnavailableError("intake is closing; send the same events again to the next process")
            if self._is_full(request):
                raise QueueFullError(
                    f"{self._messages} messages of {self._bytes} bytes wait for a commit, at most "
                    f"{QUEUE_MESSAGES_MAX} of {QUEUE_BYTES_MAX} may; send again after {RETRY_AFTER_S} s",
                    RETRY_AFTER_S,
                )
            self._waiting.append(request)
            self._messages += len(messages)
            self._bytes += request.bytes
            self._changed.notify()
        return request.answer

    def check(self) -> None:
        """For whoever waits for an answer: whether the database still gives one.

        Raises:
            StoreUnavailableError: the commit under way has been so for longer than one is tried.
        """
        began = self._began
        if began is not None and time.monotonic() - began > TRY_FOR_S:
            raise self._intake.writer.unavailable_now()

    def _is_full(self, request: _Request) -> bool:
        """Whether a request must wait outside; one that comes to an empty queue is let in whatever its size."""
        return bool(self._waiting) and (
            self._messages + len(request.messages) > QUEUE_MESSAGES_MAX or self._bytes + request.bytes > QUEUE_BYTES_MAX
        )

    def close(self) -> None:
        """Take in what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        expected = 1
        while requests := self._next(expected):
            expected = len(requests)
            if running := [request for request in requests if request.answer.set_running_or_notify_cancel()]:
                self._take_in(running)
                self._began = None

    def _next(self, expected: int) -> list[_Request]:
        """Wait for requests; none once this is closed and all is taken in.

        It waits no longer than COMMIT_WAIT_S for others to join the first, and not at all once as many are here as
        shared the last commit: clients that send again after each answer come back together.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            deadline = time.monotonic() + COMMIT_WAIT_S
            while len(self._waiting) < expected and not self._closed:
                if not self._changed.wait(deadline - time.monotonic()):
                    break
            requests: list[_Request] = []
            messages = 0
            while self._waiting and (not requests or messages + len(self._waiting[0].messages) <= COMMIT_MESSAGES_MAX):
                request = self._waiting.popleft()
                requests.append(request)
                messages += len(request.messages)
                self._bytes -= request.bytes
            self._messages -= messages
            return requests

    def _take_in(self, requests: Sequence[_Request]) -> None:
        self._began = time.monotonic()
        try:
            receipts = self._intake.admit([message for request in requests for message in request.messages])
        except Exception as error:  # noqa: BLE001  # whatever else it is, it belongs to the request that caused it
            if isinstance(error, StoreUnavailableError) and not isinstance(error, LedgerBehindError):
                for request in requests:
                    request.answer.set_exception(error)
            elif len(requests) == 1:
                requests[0].answer.set_exception(error)
            else:
                for request in requests:
                    self._take_in([request])
        else:
            at = 0
            for request in requests:
                request.answer.set_result(receipts[at : at + len(request.messages)])
                at += len(request.messages)
