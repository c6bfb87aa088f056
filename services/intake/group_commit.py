"""Many small requests share one commit, and each is answered once its own messages are durable.

Publishers come in turn, a request of each, so that nobody waits behind all that another has sent; and of what waits one
has a share.
"""

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
# One publisher's share of either is one in so many.
SHARES: Final = 2
RETRY_AFTER_S: Final = 1

Receipts = list[Receipt]


class _Request(NamedTuple):
    messages: Sequence[Message]
    answer: Future[Receipts]
    bytes: int


class _Waiting:
    """What one publisher has waiting, in order of arrival."""

    def __init__(self) -> None:
        self.requests: deque[_Request] = deque()
        self.messages = 0
        self.bytes = 0


class GroupCommit:
    """One thread that takes in what waits, again and again; a request's messages stay together, in order.

    So do the requests of one publisher.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._changed = threading.Condition()
        # By publisher, whose turn comes first; nobody who has nothing waiting.
        self._waiting: dict[str, _Waiting] = {}
        self._requests = 0
        # Of which the thread wakes; those before them would only take the interpreter from who sends the rest.
        self._wanted = 1
        self._messages = 0
        self._bytes = 0
        self._closed = False
        self._began: float | None = None
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, messages: Sequence[Message]) -> Future[Receipts]:
        """Queue a request; the future gives its receipts once they are durable, or Intake.admit's errors.

        Args:
            messages: of one publisher, at least one.

        Raises:
            QueueFullError: too many messages or bytes wait, of all or of this publisher; try again after
                `retry_after_s`. Whoever has none waiting is let in, whatever the size.
            StoreUnavailableError: this has been closed.
        """
        request = _Request(messages, Future(), sum(len(message.raw) for message in messages))
        with self._changed:
            if self._closed:
                raise StoreUnavailableError("intake is closing; send the same events again to the next process")
            own = self._waiting.setdefault(messages[0].publisher.name, _Waiting())
            if own.requests:
                self._refuse_beyond(request, own)
            own.requests.append(request)
            own.messages += len(messages)
            own.bytes += request.bytes
            self._requests += 1
            self._messages += len(messages)
            self._bytes += request.bytes
            if self._requests >= self._wanted:
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

    def _refuse_beyond(self, request: _Request, own: _Waiting) -> None:
        """Refuse what would be too much beside what waits already: of its publisher, or of all."""
        for whose, messages, size, shares in (
            ("of yours", own.messages, own.bytes, SHARES),
            ("of all publishers", self._messages, self._bytes, 1),
        ):
            messages_max, bytes_max = QUEUE_MESSAGES_MAX // shares, QUEUE_BYTES_MAX // shares
            if messages + len(request.messages) > messages_max or size + request.bytes > bytes_max:
                raise QueueFullError(
                    f"{messages} messages of {size} bytes {whose} wait for a commit, at most {messages_max} of "
                    f"{bytes_max} may; send again after {RETRY_AFTER_S} s",
                    RETRY_AFTER_S,
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
            self._wanted = 1
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._wanted = expected
            self._changed.wait_for(lambda: self._requests >= expected or self._closed, COMMIT_WAIT_S)
            requests: list[_Request] = []
            messages = 0
            while self._waiting:
                name, following = next(iter(self._waiting.items()))
                request = following.requests[0]
                if requests and messages + len(request.messages) > COMMIT_MESSAGES_MAX:
                    break
                following.requests.popleft()
                following.messages -= len(request.messages)
                following.bytes -= request.bytes
                # Its next one comes after one of each of the others.
                del self._waiting[name]
                if following.requests:
                    self._waiting[name] = following
                requests.append(request)
                messages += len(request.messages)
                self._bytes -= request.bytes
            self._requests -= len(requests)
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
