"""Charts are drawn by a process of their own, which may end without anybody's chart being lost."""

from collections.abc import Iterator

import pytest

from services.serving.drawing import Drawer, DrawingError

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def drawer() -> Iterator[Drawer]:
    made = Drawer()
    yield made
    made.close()


def chart(title: str) -> dict[str, object]:
    values = [{"a": "甲", "b": 1}, {"a": "乙", "b": 2}]
    return {"title": title, "data": {"values": values}, "mark": "bar", "encoding": {"x": {"field": "a"}}}


def test_a_chart_is_drawn_and_kept(drawer: Drawer) -> None:
    drawer.wake()
    found = drawer.draw(chart("一行\n两行"))
    assert found.startswith("<svg")
    assert "甲" in found
    assert drawer.draw(chart("一行\n两行")) is found


def test_what_is_no_chart_is_refused_and_the_next_one_is_drawn(drawer: Drawer) -> None:
    with pytest.raises(DrawingError, match="not drawn"):
        drawer.draw({"mark": "no such mark", "data": 1})
    assert drawer.draw(chart("after")).startswith("<svg")


def test_a_chart_outlives_the_process_that_draws(drawer: Drawer) -> None:
    drawer.draw(chart("before"))
    process = drawer._process
    assert process is not None
    process.kill()
    process.wait()
    assert drawer.draw(chart("again")).startswith("<svg")


def test_it_ends_with_its_input() -> None:
    drawer = Drawer()
    drawer.wake()
    process = drawer._process
    assert process is not None
    drawer.close()
    assert process.returncode is not None
