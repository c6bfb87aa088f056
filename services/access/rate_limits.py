"""How many requests one client may send: a bucket of tokens that fills at a steady rate."""

import threading
import time
from collections import OrderedDict
from typing import Final

# So many seconds' worth may come at once.
BURST_S: Final = 5.0
CLIENTS_MAX: Final = 20_000


class RateLimits:
    """Buckets by client; the one that was used longest ago goes first. `per_second` 0 means no limit."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, now: float | None = None) -> float:
        """Take one token; 0, or the seconds until there is one.

        Args:
            client: whose bucket.
            now: the monotonic clock's seconds; left out, as it stands.
        """
        if not self._per_second:
            return 0.0
        now = time.monotonic() if now is None else now
        full = self._per_second * BURST_S
        with self._lock:
            left, since = self._buckets.pop(client, (full, now))
            left = min(full, left + (now - since) * self._per_second)
            wait = 0.0 if left >= 1 else (1 - left) / self._per_second
            self._buckets[client] = (left if wait else left - 1, now)
            if len(self._buckets) > CLIENTS_MAX:
                self._buckets.popitem(last=False)
        return wait
