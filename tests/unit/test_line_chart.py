"""A chart of lines: what it draws stands where the days and values are, whatever they are."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from api.site.line_chart import NARROW, WIDE, Line, Mark, chart
from domain.values.periods import period_end, points

FIRSTS = st.dates(date(1900, 1, 1), date(2150, 1, 1))
RATIOS = st.one_of(st.none(), st.floats(0, 1))


def month_ends(first: date, months: int) -> list[date]:
    return [each.as_of for each in points(first, first + timedelta(31 * months), "month", months + 3) or []]


@given(FIRSTS, st.integers(0, 37), st.data())
def test_all_stands_within_the_drawing(first: date, months: int, data: st.DataObject) -> None:
    days = month_ends(first, months)
    values = st.lists(RATIOS, min_size=len(days), max_size=len(days))
    lines = [Line(key, key, data.draw(values)) for key in ("a", "b", "c", "total")]
    marks = [Mark("a", data.draw(FIRSTS), data.draw(st.floats(0, 1)), "target")]
    for size in (WIDE, NARROW):
        found = chart(days, lines, marks, size)
        right = size.width - size.right
        for line in found.lines:
            assert all(size.left <= x <= right and 0 < y <= found.bottom for run in line.runs for x, y in run)
        heights = sorted(line.words_y for line in found.lines)
        assert all(below - above >= 14.9 for above, below in pairwise(heights))
        assert all(size.left <= goal.until <= right for goal in found.goals)
        # What is due beyond the days does not stretch them.
        assert (found.goals[0].at is None) == (not days[0] <= marks[0].day <= days[-1])
        assert found.stops[-1].at == right


@given(FIRSTS, st.integers(2, 37))
def test_ticks_stand_at_the_ends_of_months_where_the_values_do(first: date, months: int) -> None:
    days = month_ends(first, months)
    found = chart(days, [Line("a", "a", [0.5] * len(days))], [], WIDE)
    places = dict(zip((x for x, _ in found.lines[0].runs[0]), days, strict=True))
    assert {tick.at for tick in found.months} <= places.keys()
    for tick in found.months:
        assert places[tick.at] == period_end(places[tick.at], "month")
        assert tick.words in ("", f"{places[tick.at]:%Y-%m}")
    written = [tick.at for tick in found.months if tick.words]
    assert all(after - before > 50 for before, after in pairwise(written))


def test_rates_that_are_all_zero_have_an_axis() -> None:
    found = chart([date(2024, 1, 31)], [Line("a", "a", [0.0])], [], WIDE)
    assert found.values[0].words == "0%"
    assert found.values[-1].at < found.values[0].at
