"""A chart of rates over months: where its lines, ticks, targets and words stand in a drawing (templates/chart.html)."""

from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise
from typing import Final, NamedTuple

from domain.values.periods import period_end

# Steps between two values that are written on the upright axis; the least that leaves it at most so many.
_STEPS: Final = (0.02, 0.05, 0.1, 0.2)
_VALUES_MAX: Final = 6
# The axis reaches at least so far: rates that are all 0 would leave it without a length.
SCALE_MIN: Final = 0.1
# Between two months that are written, and between two words at the ends of lines, in pixels.
_MONTH_PX: Final = 58
_WORDS_PX: Final = 15
# Months between two that are written, so that they fall on ends of quarters, halves and years.
_EVERY: Final = (1, 2, 3, 6, 12)


Place = Callable[[date], float]
Height = Callable[[float], float]


class Line(NamedTuple):
    """One line: its key (for its colour), its name, and its value for each day; None where there is none."""

    key: str
    name: str
    values: Sequence[float | None]


class Mark(NamedTuple):
    """A target: the key of its line, its day and value, and what says so."""

    key: str
    day: date
    value: float
    words: str


class Size(NamedTuple):
    """The drawing and its margins, in pixels; `right` has room for the words at the ends of lines."""

    width: int
    height: int
    left: int
    right: int


WIDE: Final = Size(940, 320, 44, 190)
NARROW: Final = Size(340, 240, 38, 52)
_TOP, _BOTTOM = 12, 26


class Tick(NamedTuple):
    """A place on an axis, and what is written there."""

    at: float
    words: str


class Drawn(NamedTuple):
    """A line's unbroken parts as points, its last point, and how high the words beside that stand."""

    key: str
    name: str
    runs: list[list[tuple[float, float]]]
    end: tuple[float, float]
    words_y: float
    last: float


class Goal(NamedTuple):
    """A target's height, how far its line goes, and the place of its day; None where that is beyond the days shown."""

    key: str
    y: float
    until: float
    at: float | None
    words: str


class Stop(NamedTuple):
    """One day: its place, the field in which a pointer means it, and the values there (key, name, value, height)."""

    day: date
    at: float
    begins: float
    width: float
    values: list[tuple[str, str, float, float]]


class Chart(NamedTuple):
    """All of a drawing."""

    size: Size
    bottom: float
    months: list[Tick]
    values: list[Tick]
    lines: list[Drawn]
    goals: list[Goal]
    stops: list[Stop]


def chart(days: Sequence[date], lines: Sequence[Line], marks: Sequence[Mark], size: Size) -> Chart:
    """The drawing of some lines over the same days, at least one.

    The days alone say how far it reaches: a target that is due later is drawn up to the last day.
    """
    left, right = float(size.left), float(size.width - size.right)
    bottom = float(size.height - _BOTTOM)
    first, last = days[0].toordinal(), days[-1].toordinal()
    highest = max((*(mark.value for mark in marks), *_known(lines)), default=0.0)
    step, top = _scale(highest)

    def x(day: date) -> float:
        share = (day.toordinal() - first) / (last - first) if last > first else 1.0
        return round(left + share * (right - left), 1)

    def y(value: float) -> float:
        return round(bottom - value / top * (bottom - _TOP), 1)

    places = [x(day) for day in days]
    return Chart(
        size,
        bottom,
        _months(days, places, right - left),
        [Tick(y(step * n), f"{step * n:.0%}") for n in range(round(top / step) + 1)],
        _apart([_drawn(line, places, y) for line in lines if any(v is not None for v in line.values)], bottom),
        [_goal(mark, days, x, y) for mark in marks],
        _stops(days, places, lines, y, right),
    )


def _known(lines: Sequence[Line]) -> list[float]:
    return [value for line in lines for value in line.values if value is not None]


def _scale(highest: float) -> tuple[float, float]:
    """The step of the upright axis and where it ends: a whole number of steps, at or above the highest value."""
    highest = max(highest, SCALE_MIN)
    step = next((each for each in _STEPS if highest / each <= _VALUES_MAX), _STEPS[-1])
    # A binary fraction a hair above a whole number of steps is that number.
    return step, step * max(1, -int(-(highest / step - 1e-9) // 1))


def _months(days: Sequence[date], places: Sequence[float], width: float) -> list[Tick]:
    """The ends of months among the days, as many as have room; those written fall on ends of quarters or years."""
    ends = [(day, at) for day, at in zip(days, places, strict=True) if day == period_end(day, "month")]
    room = max(int(width / _MONTH_PX), 1)
    every = next((each for each in _EVERY if len(ends) / each <= room), _EVERY[-1])
    return [Tick(at, f"{day:%Y-%m}" if day.month % every == 0 else "") for day, at in ends]


def _drawn(line: Line, places: Sequence[float], y: Height) -> Drawn:
    runs: list[list[tuple[float, float]]] = [[]]
    last = 0.0
    for at, value in zip(places, line.values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((at, y(value)))
            last = value
    kept = [run for run in runs if run]
    end = kept[-1][-1]
    return Drawn(line.key, line.name, kept, end, end[1] + 4, last)


def _apart(lines: list[Drawn], bottom: float) -> list[Drawn]:
    """The words at the ends of lines so far apart that each can be read, the highest line's on top."""
    order = sorted(range(len(lines)), key=lambda i: lines[i].end[1])
    heights = [lines[i].words_y for i in order]
    for n in range(1, len(heights)):
        heights[n] = max(heights[n], heights[n - 1] + _WORDS_PX)
    for n in range(len(heights) - 1, -1, -1):
        limit = bottom if n == len(heights) - 1 else heights[n + 1] - _WORDS_PX
        heights[n] = min(heights[n], limit)
    placed = dict(zip(order, heights, strict=True))
    return [line._replace(words_y=round(placed[i], 1)) for i, line in enumerate(lines)]


def _goal(mark: Mark, days: Sequence[date], x: Place, y: Height) -> Goal:
    within = days[0] <= mark.day <= days[-1]
    until = x(min(max(mark.day, days[0]), days[-1]))
    return Goal(mark.key, y(mark.value), until, x(mark.day) if within else None, mark.words)


def _stops(days: Sequence[date], places: Sequence[float], lines: Sequence[Line], y: Height, right: float) -> list[Stop]:
    edges = [(one + other) / 2 for one, other in pairwise(places)]
    begins, ends = [places[0] - 4, *edges], [*edges, right + 4]
    return [
        Stop(
            day, at, round(begin, 1), round(end - begin, 1),
            [(line.key, line.name, v, y(v)) for line in lines if (v := line.values[n]) is not None],
        )
        for n, (day, at, begin, end) in enumerate(zip(days, places, begins, ends, strict=True))
    ]  # fmt: skip
