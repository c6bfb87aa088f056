"""For how long a position has been behind another, by our own clock: what the log says of time may be wrong."""

import threading
import time
from collections import deque
from typing import Final

SAMPLES_MAX: Final = 600
SAMPLE_S: Final = 0.5


class Lag:
    """Remembers when which position was seen first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: deque[tuple[int, float]] = deque(maxlen=SAMPLES_MAX)

    def seconds(self, head: int, reached: int) -> float:
        """For how long `reached` has been behind what was the head; 0 if it is not behind."""
        now = time.monotonic()
        with self._lock:
            if not self._seen or (head > self._seen[-1][0] and now - self._seen[-1][1] >= SAMPLE_S):
                self._seen.append((head, now))
            # Heads that were reached say nothing more; the newest is kept to compare with.
            while len(self._seen) > 1 and self._seen[0][0] <= reached:
                self._seen.popleft()
            missing = next((at for position, at in self._seen if position > reached), None)
        return 0.0 if missing is None else now - missing
