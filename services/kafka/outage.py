"""Waiting for what is away: Kafka or PostgreSQL."""

import time
from typing import Final

from eventsourcing.persistence import InterfaceError, InternalError, OperationalError

from services.system.errors import StoreUnavailableError
from services.system.logs import logger

BACK_OFF_S_MIN: Final = 0.5
BACK_OFF_S_MAX: Final = 15.0

# InternalError: the server ended a transaction that stood idle too long.
DATABASE_AWAY: Final = (StoreUnavailableError, OperationalError, InterfaceError, InternalError)


class Outage:
    """Something that is away: told when it goes, at each attempt, and when it is back."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._since: float | None = None
        self._delay_s = BACK_OFF_S_MIN
        self._retry_at = 0.0

    @property
    def may_try(self) -> bool:
        """Whether it is time for another attempt."""
        return time.monotonic() >= self._retry_at

    def begin(self, error: Exception) -> float:
        """Tell of a fault; return the seconds to wait, twice as many each time."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        delay_s = self._delay_s
        logger().warning(f"{self._what} is away", retry_in_s=delay_s, away_s=round(now - self._since), error=str(error))
        self._retry_at, self._delay_s = now + delay_s, min(delay_s * 2, BACK_OFF_S_MAX)
        return delay_s

    def end(self) -> None:
        """Tell that it is back, if it was away."""
        if self._since is not None:
            logger().info(f"{self._what} is back", away_s=round(time.monotonic() - self._since, 1))
            self._since, self._delay_s = None, BACK_OFF_S_MIN
