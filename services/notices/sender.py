"""One channel's turn: what waits goes out in order for each office, within the limits, and again after what failed."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from services.notices import outbox
from services.notices.channels import Channel, ChannelsError
from services.notices.delivery import LIMITS, Delivery, NotTakenError
from services.notices.outbox import Notice
from services.system.logs import logger

BACK_OFF_S_MIN: Final = 1.0
# An hour away costs some twenty attempts.
BACK_OFF_S_MAX: Final = 300.0
READ_AT_ONCE: Final = 100


class _Pause:
    """For how long nothing is tried after failures: twice as long each time."""

    def __init__(self) -> None:
        self._fails = 0
        self.until: datetime | None = None

    def begin(self, now: datetime, at_least_s: float | None) -> None:
        seconds = min(BACK_OFF_S_MIN * 2**self._fails, BACK_OFF_S_MAX)
        self._fails += 1
        self.until = now + timedelta(seconds=max(seconds, at_least_s or 0.0))

    def is_over(self, now: datetime) -> bool:
        return self.until is None or now >= self.until


class Sender:
    """Sends what waits on one channel; whoever has the channel's lock has the only one.

    An office whose notice was not taken waits with all that are behind it; where the channel itself does not answer,
    all do.
    """

    def __init__(
        self, channel: Channel, delivery: Delivery, clock: Callable[[], datetime], stopping: threading.Event
    ) -> None:
        self._channel, self._delivery, self._clock, self._stopping = channel, delivery, clock, stopping
        self._limits = LIMITS[channel.kind]
        self._whole = _Pause()
        self._of_office: dict[str | None, _Pause] = {}
        self._lately: deque[datetime] | None = None

    def turn(self, connection: Connection[Any]) -> int:
        """Send what is due now; how many notices were taken."""
        if not self._whole.is_over(self._clock()):
            return 0
        total = 0
        while (taken := self._round(connection)) > 0:
            total += taken
        return total

    def _round(self, connection: Connection[Any]) -> int:
        """Some of every office's: a long line of one keeps no other waiting."""
        taken = 0
        for office in outbox.offices_waiting(connection, self._channel.name):
            if not self._of_office.setdefault(office, _Pause()).is_over(self._clock()):
                continue
            left = outbox.heads(connection, self._channel.name, office, READ_AT_ONCE)
            while left:
                if self._stopping.is_set() or not self._has_room(connection):
                    return 0
                message = self._delivery.fitting(left)
                if not self._send(connection, office, message):
                    break
                taken += len(message)
                left = left[len(message) :]
            if not self._whole.is_over(self._clock()):
                return 0
        return taken

    def _has_room(self, connection: Connection[Any]) -> bool:
        """Whether one message more stays within the channel's limit, counting those of a process before."""
        if self._limits.messages is None:
            return True
        now = self._clock()
        since = now - timedelta(seconds=self._limits.seconds)
        if self._lately is None:
            self._lately = deque(outbox.last_sent(connection, self._channel.name, since))
        while self._lately and self._lately[0] <= since:
            self._lately.popleft()
        return len(self._lately) < self._limits.messages

    def _send(self, connection: Connection[Any], office: str | None, found: Sequence[Notice]) -> bool:
        now = self._clock()
        message = outbox.begin(connection, found, now)
        if not message:
            return True  # taken back meanwhile
        if self._lately is not None:
            self._lately.append(now)
        try:
            self._delivery.send(message)
        except NotTakenError as error:
            self._not_taken(connection, office, message, error)
            return False
        except ChannelsError as error:
            # A secret's file was taken away: it is read anew at each attempt.
            logger().warning("a notice cannot be signed", channel=self._channel.name, error=str(error))
            self._not_taken(connection, office, message, NotTakenError("settings"))
            return False
        outbox.sent(connection, self._channel.name, message, self._clock())
        self._whole = _Pause()
        self._of_office[office] = _Pause()
        return True

    def _not_taken(
        self, connection: Connection[Any], office: str | None, message: list[Notice], error: NotTakenError
    ) -> None:
        outbox.failed(connection, message, error.fault, error.detail, arrived_perhaps=error.arrived_perhaps)
        pause = self._whole if error.whole else self._of_office[office]
        pause.begin(self._clock(), error.retry_after_s)
        logger().warning(
            "notices are not taken", channel=self._channel.name, office=office, fault=error.fault, detail=error.detail,
            again_at=str(pause.until),
        )  # fmt: skip
