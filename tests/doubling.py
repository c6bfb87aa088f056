"""How the time of a reader grows with what it reads: ratios of CPU time, never seconds, so that no load matters."""

import contextlib
import gc
import time
from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")

# Four times the input: in proportion it is 4, with a logarithm some 5; a square would be 16.
TIMES = 4
RATIO_MAX = 10.0
ROUNDS_MAX = 4
# Shorter than this the clock tells too little: the reader runs several times in a row.
LEAST_S = 0.002


def attempt(read: Callable[[], object], repeats: int = 1) -> float:
    """The CPU seconds of one run, the best of three attempts; whatever it raises is its answer."""
    best = float("inf")
    gc.disable()  # its searches grow with all that the run has made
    try:
        for _ in range(3):
            began = time.process_time()
            for _ in range(repeats):
                with contextlib.suppress(Exception):  # a refusal takes its time too
                    read()
            best = min(best, (time.process_time() - began) / repeats)
    finally:
        gc.enable()
    return best


def growth(read: Callable[[Made], object], make: Callable[[int], Made], size: int) -> float:
    """How many times as long it takes to read what is `TIMES` as large as `size`.

    Of each size the quickest of some rounds counts: what else goes on makes a round longer, never shorter.
    """
    small, large = make(size), make(TIMES * size)
    once = attempt(lambda: read(small))
    repeats = min(max(1, round(LEAST_S / max(once, 1e-7))), 2_000)
    before, after = once, float("inf")
    for _ in range(ROUNDS_MAX):
        before = min(before, attempt(lambda: read(small), repeats))
        after = min(after, attempt(lambda: read(large), max(1, repeats // TIMES)))
        if after / before < RATIO_MAX:
            break
    return after / before
