"""A code of one date as the code of another: there and back again, and what cannot be mapped is said."""

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events.facts import Fact, standing_facts
from domain.fieldwork.regions import Regions
from tests.examples import case
from tests.histories import as_events, fits

EARLY, BETWEEN, LATE = date(2024, 1, 1), date(2024, 6, 1), date(2025, 1, 1)


def _facts(*told: tuple[str, str, dict[str, Any]]) -> list[Fact]:
    events = [
        {
            "specversion": "1.0", "id": f"e{n}", "source": "/office", "time": f"{on}T00:00:00Z",
            "type": f"taizhang.region.{name}.v1", "data": {"effective_on": on, **data},
        }
        for n, (on, name, data) in enumerate(told)
    ]  # fmt: skip
    return standing_facts(as_events(events), fits)[0]


def _created(*codes: str, on: str = "2020-01-01") -> list[tuple[str, str, dict[str, Any]]]:
    return [(on, "created", {"region": code, "name": f"名{code}"}) for code in codes]


def mapped(regions: Regions, code: str, day: date, said_on: date = LATE) -> str | None:
    """The one code, or None; where several cannot be told apart the test asks `regions.mapped` itself."""
    (found,) = regions.mapped(code, said_on, day) or {None}
    return found


MERGER = (
    *_created("8801", "880126", "880126001", "880127", "880127001", "880127001002"),
    ("2024-06-01", "merged", {"region": "880127", "into": "880126", "children": {"880127001": "880126011"}}),
)


def test_a_merger_maps_townships_both_ways_and_villages_with_them() -> None:
    regions = Regions(_facts(*MERGER))
    assert mapped(regions, "880127001002", LATE) == "880126011002"
    assert mapped(regions, "880126011002", EARLY) == "880127001002"
    assert mapped(regions, "880127", LATE) == "880126"
    assert mapped(regions, "880127999", LATE) == "880126"
    for day in (EARLY, LATE):
        assert mapped(regions, "880126001", day) == "880126001"
    assert mapped(regions, "880127001", EARLY) == "880127001"


def test_the_tree_is_as_it_was_on_each_day_with_its_names() -> None:
    regions = Regions(_facts(*MERGER, ("2024-07-01", "renamed", {"region": "880126", "name": "新名"})))
    assert "880127001" in regions.at(date(2024, 5, 31))
    after = regions.at(BETWEEN)
    assert not [code for code in after if code.startswith("880127")]
    assert after["880126011"].name == "名880127001"
    assert after["880126011002"].name == "名880127001002"
    assert (after["880126"].name, regions.at(LATE)["880126"].name) == ("名880126", "新名")


def test_a_region_under_another_parent_gets_a_new_code_and_keeps_its_name() -> None:
    regions = Regions(
        _facts(
            *_created("8801", "8802", "880127", "880127001"),
            ("2024-06-01", "moved", {"region": "880127", "to": "880203"}),
        )
    )
    assert mapped(regions, "880127001", LATE) == "880203001"
    assert mapped(regions, "880203001", EARLY) == "880127001"
    assert regions.at(LATE)["880203001"].name == "名880127001"
    assert regions.at(LATE)["880203"].name == "名880127"


def test_what_was_split_cannot_be_told_apart_and_what_is_retired_or_new_has_no_code() -> None:
    regions = Regions(
        _facts(
            *_created("880101", "880101001", "880101002", "880102", "880103", "880104"),
            ("2024-06-01", "split", {"region": "880101", "into": ["880103", "880104"],
                                     "children": {"880101001": "880103001"}}),
            ("2024-06-01", "retired", {"region": "880102", "reason": "撤销"}),
            *_created("880109", on="2024-09-01"),
        )
    )  # fmt: skip
    assert mapped(regions, "880101001", LATE) == "880103001"
    assert regions.mapped("880101002", EARLY, LATE) == {"880103", "880104"}
    assert mapped(regions, "880102001", LATE) is None
    assert mapped(regions, "880109", EARLY) is None
    assert mapped(regions, "880109", LATE) == "880109"


def test_changes_follow_one_another() -> None:
    regions = Regions(
        _facts(
            *MERGER, ("2024-09-01", "moved", {"region": "880126", "to": "880202"}),
            ("2024-10-01", "moved", {"region": "880202", "to": "880303"}),
        )
    )  # fmt: skip
    assert mapped(regions, "880127001", date(2024, 9, 15)) == "880202011"
    assert mapped(regions, "880202011", EARLY) == "880127001"
    assert mapped(regions, "880127001", LATE) == "880303011"


def test_a_fact_against_the_tree_is_reported_and_has_no_effect() -> None:
    facts = _facts(*_created("880126", "880126"), ("2024-02-01", "renamed", {"region": "880130", "name": "无"}))
    regions = Regions(facts)
    assert [(c.region, c.contradiction) for c in regions.contradictions] == [
        ("880126", "already_created"), ("880130", "not_created"),
    ]  # fmt: skip


@settings(max_examples=100)
@given(st.lists(st.sampled_from(range(8)), unique=True, min_size=1, max_size=4), st.integers(0, 7), st.integers(0, 3))
def test_moves_are_undone_by_going_back(moved: list[int], at: int, until: int) -> None:
    told = _created(*(f"88011{n}" for n in range(8)), *(f"88011{n}001" for n in range(8)))
    told += [
        (f"2024-0{step + 1}-15", "moved", {"region": f"88011{n}", "to": f"8802{step + 1}{n}"})
        for step, n in enumerate(moved)
    ]
    regions = Regions(_facts(*told))
    day = date(2024, until + 1, 20)
    there = mapped(regions, f"88011{at}001", day)
    assert there is not None
    assert mapped(regions, there, date(2024, 1, 1)) == f"88011{at}001"
    assert there in regions.at(day)


def test_a_code_used_again_means_what_it_meant_when_it_was_said() -> None:
    regions = Regions(standing_facts(as_events(case("18-region-created-again")[:6]), fits)[0])
    assert regions.mapped("880201", date(2021, 1, 1), date(2021, 2, 1)) == {"880201"}
    assert regions.mapped("880201", date(2005, 1, 1), date(2021, 2, 1)) == {"880202"}
    assert regions.mapped("880201", date(2021, 1, 1), date(2015, 1, 1)) == frozenset()
    assert regions.mapped("880202", date(2021, 1, 1), date(2005, 1, 1)) == {"880201", "880202"}
    assert regions.mapped("880202", date(2005, 1, 1), date(2005, 6, 1)) == {"880202"}
    # Nobody is at a region that is no more; what was said of it then is of what it last was.
    assert regions.mapped("880201", date(2012, 1, 1), date(2021, 2, 1)) == {"880202"}
    assert regions.changed_on == [date(2010, 1, 1), date(2020, 1, 1)]


CODES = tuple(f"88010{n}" for n in range(1, 8))
CHANGE = st.tuples(
    st.sampled_from(("merged", "moved", "split", "created", "retired")), st.integers(0, 6), st.integers(0, 6)
)


Path = tuple[str | None, ...]


def _history(steps: list[tuple[str, int, int]]) -> tuple[list[tuple[str, str, dict[str, Any]]], list[Path]]:
    """The events of one year each, and every path that a piece of ground can have taken, by its code in each year."""
    told = _created(*CODES[:4], on="2000-01-01")
    paths: list[Path] = [(code,) for code in CODES[:4]]
    for step, (what, one, other) in enumerate(steps, 1):
        on = f"{2000 + step}-01-01"
        alive = sorted({path[-1] for path in paths if path[-1]})
        free = [code for code in CODES if code not in alive]
        code = alive[one % len(alive)] if alive else ""
        after: dict[str | None, list[str | None]] = {}
        if what == "merged" and len(alive) > 1:
            into = [each for each in alive if each != code][other % (len(alive) - 1)]
            told.append((on, "merged", {"region": code, "into": into}))
            after = {code: [into]}
        elif what == "moved" and alive and free:
            to = free[other % len(free)]
            told.append((on, "moved", {"region": code, "to": to}))
            after = {code: [to]}
        elif what == "split" and len(free) > 1 and alive:
            parts = [free[other % len(free)], free[(other + 1) % len(free)]]
            told += [*_created(*parts, on=on), (on, "split", {"region": code, "into": parts})]
            after = {code: [*parts]}
        elif what == "retired" and alive:
            told.append((on, "retired", {"region": code, "reason": "撤销"}))
            after = {code: [None]}
        paths = [(*path, now) for path in paths for now in after.get(path[-1], [path[-1]])]
        if what == "created" and free:
            told += _created(free[other % len(free)], on=on)
            paths.append((*[None] * step, free[other % len(free)]))
    return told, paths


@settings(max_examples=200, deadline=None)
@given(st.lists(CHANGE, min_size=1, max_size=8))
def test_a_code_maps_to_wherever_the_ground_that_it_meant_can_have_been(steps: list[tuple[str, int, int]]) -> None:
    told, paths = _history(steps)
    regions = Regions(_facts(*told))
    for then in range(len(steps) + 1):
        for code in {path[then] for path in paths} - {None}:
            for now in range(len(steps) + 1):
                expected = {path[now] for path in paths if path[then] == code} - {None}
                assert regions.mapped(code, date(2000 + then, 6, 1), date(2000 + now, 6, 1)) == expected
