"""Sets of days as spans: pairs of a first day and the day after the last, both ordinals, in order and apart."""

from collections.abc import Iterable
from typing import Final

#: Later than any day; a span up to here has no end.
FOREVER: Final = 4_000_000

Span = tuple[int, int]
Spans = tuple[Span, ...]


def union(spans: Iterable[Span]) -> Spans:
    """The days that are in any of these spans, which may overlap and be empty."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if begin >= end:
            continue
        if found and begin <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return tuple(found)


def both(left: Spans, right: Spans) -> Spans:
    """The days that are in both."""
    found: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        begin, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if begin < end:
            found.append((begin, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def less(spans: Spans, others: Spans) -> Spans:
    """The days of the first that are not in the second."""
    found: list[Span] = []
    j = 0
    for first, end in spans:
        begin = first
        while j < len(others) and others[j][1] <= begin:
            j += 1
        k = j
        while k < len(others) and others[k][0] < end:
            if begin < others[k][0]:
                found.append((begin, others[k][0]))
            begin = max(begin, others[k][1])
            k += 1
        if begin < end:
            found.append((begin, end))
    return tuple(found)


def holds(spans: Spans, day: int) -> bool:
    """Whether a day is among them."""
    return any(begin <= day < end for begin, end in spans)
