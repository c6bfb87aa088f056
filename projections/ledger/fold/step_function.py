"""A value for every day, which changes on few of them."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Generic, TypeVar

from domain.values.spans import FOREVER

V = TypeVar("V")


@dataclass(slots=True)
class Steps(Generic[V]):
    """`values[i]` holds on the days [days[i], days[i + 1]); `days` begins with 0."""

    days: list[int]
    values: list[V]

    @classmethod
    def constant(cls, value: V) -> "Steps[V]":
        """One value for all days."""
        return cls([0], [value])

    def pieces(self, day_from: int = 0, day_to: int = FOREVER) -> list[tuple[int, int, V]]:
        """The stretches of one value within these days, in order."""
        found = []
        for i in range(bisect_right(self.days, day_from) - 1, bisect_left(self.days, day_to)):
            end = self.days[i + 1] if i + 1 < len(self.days) else FOREVER
            found.append((max(self.days[i], day_from), min(end, day_to), self.values[i]))
        return found

    def assign(self, day_from: int, day_to: int, value: V) -> list[tuple[int, int, V]]:
        """Give these days one value; return the stretches that had another, with it."""
        before = [piece for piece in self.pieces(day_from, day_to) if piece[2] != value]
        if before:
            self._replace(day_from, day_to, [(day_from, value)])
        return before

    def _replace(self, day_from: int, day_to: int, pieces: list[tuple[int, V]]) -> None:
        """Put other stretches in the place of these days; neighbours of one value become one."""
        first, last = bisect_left(self.days, day_from), bisect_left(self.days, day_to)
        if day_to < FOREVER and (last == len(self.days) or self.days[last] != day_to):
            pieces = [*pieces, (day_to, self.values[last - 1])]
        days = [*self.days[:first], *(day for day, _ in pieces), *self.days[last:]]
        values = [*self.values[:first], *(value for _, value in pieces), *self.values[last:]]
        kept = [i for i in range(len(days)) if i == 0 or values[i] != values[i - 1]]
        self.days, self.values = [days[i] for i in kept], [values[i] for i in kept]


def add(steps: Steps[int], day_from: int, day_to: int, by: int) -> list[tuple[int, int, int]]:
    """Add to the numbers of these days; return the stretches with what they were."""
    before = steps.pieces(day_from, day_to)
    for begin, end, value in before:
        steps.assign(begin, end, value + by)
    return before
