"""Chance, reproducibly: streams of random numbers and exact apportionment."""

import random
from collections.abc import Sequence


def stream(seed: int, *parts: object) -> random.Random:
    """A stream of its own for each subject, so that a change in one leaves the others as they were.

    Seeded by text: CPython hashes that with SHA-512, alike on every version and machine.
    """
    return random.Random(":".join(map(str, (seed, *parts))))  # noqa: S311  # demo data, no secret


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Split `total` into whole numbers in proportion to `weights`, by largest remainders.

    The parts add up to `total`; ties go to the first.
    """
    whole = sum(weights)
    shares = [total * weight / whole for weight in weights]
    parts = [int(share) for share in shares]
    order = sorted(range(len(weights)), key=lambda i: (parts[i] - shares[i], i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def between(rng: random.Random, first: int, last: int) -> int:
    """A whole number from `first` to `last`, both included; `last` where the span is empty."""
    return first + int(rng.random() * (last - first + 1)) if last > first else last
