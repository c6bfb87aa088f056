"""Literal cases of ties and boundaries: who has the last word, what no word may do, where a threshold lies."""

from collections.abc import Sequence
from datetime import date
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.facts import standing_facts
from domain.fieldwork.measures import Episode, offices
from domain.values.codes import check_industry, industry_division_holds
from domain.values.terms import MEASURES
from projections.ledger.columns import counts
from tests.fact_data import ECONOMIC, SOCIAL
from tests.histories import Delivery, as_events, fits
from tests.projecting import anomalies_at, from_scratch, project

FIRM, SOCIETY = ECONOMIC[0], SOCIAL[0]
REGISTRY = "/registry/market"
AS_OF = date(2024, 12, 31)
MORNING = "2024-03-01T09:00:00+08:00"


def _event(name: str, id_: str, data: dict[str, Any], *, source: str = REGISTRY, time: str = MORNING) -> Delivery:
    return {
        "specversion": "1.0", "id": id_, "source": source, "type": f"taizhang.{name}.v1", "time": time, "data": data,
    }  # fmt: skip


def _registered(employees: int, org: str = FIRM, on: str = "2024-01-05") -> dict[str, Any]:
    kind = {"kind": "new_economic", "category": "private_enterprise"}
    return {"effective_on": on, "org": org, **kind, "name": "甲", "region": "510104", "employees": employees}


def _corrected(id_: str, employees: int, target: str = "fact", **event: str) -> Delivery:
    about = {"source": REGISTRY, "id": target}
    data = {"corrects": about, "replacement": _registered(employees), "reason": "counted again"}
    return _event("event.corrected", id_, data, **event)


def _retracted(id_: str, target: str = "fact", **event: str) -> Delivery:
    return _event("event.retracted", id_, {"retracts": {"source": REGISTRY, "id": target}, "reason": "wrong"}, **event)


def _employees(history: Sequence[Delivery]) -> int | None:
    """The firm's employees by the fold from scratch, which the projection has to give too; None: not active."""
    events = as_events(list(history))
    rows = from_scratch(events, AS_OF, len(events)).rows()
    snapshot, _ = project(events)
    policy = snapshot.policy(AS_OF.toordinal(), len(events))
    projected = counts.standing(snapshot, AS_OF.toordinal(), len(events), policy)
    assert projected.employees.tolist() == [row.attributes.employees for row in rows]
    return rows[0].attributes.employees if rows else None


def _anomalies(history: Sequence[Delivery]) -> list[tuple[str, str | None, int]]:
    events = as_events(list(history))
    folded = from_scratch(events, AS_OF, len(events)).anomalies
    _, changes = project(events)
    assert sorted(anomalies_at(changes, AS_OF, len(events))) == sorted(
        (found.anomaly, found.subject or "", found.position) for found in folded if found.position
    )
    return [(found.anomaly, found.subject, found.position) for found in folded]


FACT = _event("organization.registered", "fact", _registered(10))
EVENING, OTHER = "2024-03-01T10:00:00Z", "/registry/members"
WORDS = {
    "the later time": (
        _corrected("z", 1, source="/z", time=MORNING),
        _corrected("a", 2, source="/a", time=EVENING),
    ),
    "the later time, whatever its zone and clock": (
        _corrected("z", 1, source="/z", time="2024-03-01T10:00:00+08:00"),
        _corrected("a", 2, source="/a", time="2024-03-01T03:00:00Z"),
    ),
    "the later time, to the nanosecond": (
        _corrected("z", 1, source="/z", time="2024-03-01T01:00:00.123456788Z"),
        _corrected("a", 2, source="/a", time="2024-03-01T09:00:00.123456789+08:00"),
    ),
    "the later source of one instant": (
        _corrected("z", 1, source=REGISTRY, time="2024-03-01T01:00:00Z"),
        _corrected("a", 2, source=OTHER, time=MORNING),
    ),
    "the later id of one source, as text": (
        _corrected("w10", 1),
        _corrected("w9", 2),
    ),
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_the_last_of_several_corrections_stands_in_any_order_of_arrival(words: tuple[Delivery, Delivery]) -> None:
    first = _corrected("first", 5, source="/a", time="2024-02-01T00:00:00Z")
    for arrival in permutations([FACT, first, *words]):
        assert _employees(arrival) == 2


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_the_one_before_stands_until_the_last_is_known(words: tuple[Delivery, Delivery]) -> None:
    earlier, later = words
    assert [_employees(known) for known in ([FACT], [FACT, earlier], [FACT, earlier, later])] == [10, 1, 2]
    assert _employees([FACT, later]) == 2


def test_a_correction_after_a_retraction_brings_the_fact_back_and_one_before_it_does_not() -> None:
    gone, back = _retracted("gone", time=MORNING), _corrected("back", 7, time=EVENING)
    early = _corrected("early", 8, time="2024-02-01T00:00:00Z")
    for arrival in permutations([FACT, gone, back]):
        assert _employees(arrival) == 7
    for arrival in permutations([FACT, gone, early]):
        assert _employees(arrival) is None


def test_a_retraction_and_a_correction_of_one_instant_are_told_apart_by_id() -> None:
    for arrival in permutations([FACT, _retracted("b"), _corrected("a", 7)]):
        assert _employees(arrival) is None
    for arrival in permutations([FACT, _retracted("a"), _corrected("b", 7)]):
        assert _employees(arrival) == 7


@pytest.mark.parametrize("about", ["corrected", "gone"])
def test_a_word_about_a_word_does_nothing_and_is_reported(about: str) -> None:
    words = [_corrected("corrected", 7), _retracted("gone", time="2024-02-01T00:00:00Z")]
    without = _employees([FACT, *words])
    for number, word in enumerate(
        [_retracted("late", about, time=EVENING), _corrected("late", 9, about, time=EVENING)]
    ):
        for history in ([FACT, *words, word], [word, *words, FACT]):
            assert _employees(history) == without == 7, number
        assert _anomalies([FACT, *words, word]) == [("target_not_a_fact", None, 4)]


def test_a_word_whose_target_is_not_known_is_held_and_takes_effect_when_it_arrives() -> None:
    word = _corrected("early", 7)
    assert _anomalies([word]) == [("target_unknown", None, 1)]
    assert _employees([word]) is None
    assert _anomalies([word, FACT]) == []
    assert _employees([word, FACT]) == 7


def test_a_replacement_that_does_not_fit_is_no_word_and_is_reported_on_the_targets_subject() -> None:
    unfit = _corrected("unfit", 9, time=EVENING)
    del unfit["data"]["replacement"]["region"]
    fitting = _corrected("fitting", 7)
    assert _anomalies([unfit]) == [("target_unknown", None, 1)]
    for arrival in permutations([unfit, fitting, FACT]):
        assert _employees(arrival) == 7
    assert _anomalies([unfit, FACT]) == [("replacement_unfit", FIRM, 1)]
    assert _employees([unfit, FACT]) == 10


def test_a_correction_moves_a_fact_to_another_organization_and_leaves_the_first_without_it() -> None:
    moved = _corrected("moved", 0)
    society = {"kind": "new_social", "category": "association"}
    moved["data"]["replacement"] = {**_registered(4, SOCIETY), **society}
    for arrival in permutations([FACT, moved]):
        events = as_events(list(arrival))
        rows = from_scratch(events, AS_OF, 2).rows()
        assert [(row.org, row.attributes.employees) for row in rows] == [(SOCIETY, 4)]
        assert _employees(arrival) == 4


@pytest.mark.parametrize(
    ("full_members", "employees", "eligible", "measure"),
    [
        (2, 49, False, "combine"),
        (3, 49, True, "establish"),
        (4, 49, True, "establish"),
        (3, 50, True, "establish_large"),
        (0, 50, False, "establish_large"),
        (1, 0, False, "combine"),
        (0, 49, False, "instruct"),
    ],
)
def test_three_full_members_make_eligible_and_fifty_employees_large(
    full_members: int, employees: int, *, eligible: bool, measure: str
) -> None:
    # Those after the firm's full members do not make it eligible.
    there = [("full", FIRM)] * full_members
    others = [("probationary", FIRM), ("activist", FIRM), ("full", None), ("full", SOCIETY)]
    members = [
        _event(
            "member.enrolled",
            f"m{n}",
            {"effective_on": "2024-02-01", "member": f"member:m{n}", "standing": standing_, "org": org},
        )
        for n, (standing_, org) in enumerate([*there, *others])
    ]
    events = as_events([_event("organization.registered", "fact", _registered(employees)), *members])
    (row,) = from_scratch(events, AS_OF, len(events)).rows()
    assert (row.full_members, row.eligible, row.measure) == (full_members, eligible, measure)
    snapshot, _ = project(events)
    policy = snapshot.policy(AS_OF.toordinal(), len(events))
    projected = counts.standing(snapshot, AS_OF.toordinal(), len(events), policy)
    assert (projected.eligible.tolist(), [MEASURES[n] for n in projected.measure]) == ([eligible], [measure])


def _extended(id_: str, on: str, due_on: str) -> Delivery:
    data = {"effective_on": on, "org": FIRM, "measure": "combine", "due_on": due_on, "reason": "premises"}
    return _event("measure.extended", id_, data)


@pytest.mark.parametrize(
    ("extensions", "due"),
    [
        ([], "2024-07-31"),
        ([("2024-07-01", "2024-09-30")], "2024-09-30"),
        ([("2024-06-30", "2024-09-30")], "2024-07-31"),
        ([("2024-07-01", "2024-09-30"), ("2024-07-20", "2024-08-31")], "2024-08-31"),
        ([("2024-07-20", "2024-08-31"), ("2024-07-01", "2024-09-30")], "2024-08-31"),
        ([("2024-06-30", "2024-12-31"), ("2024-07-01", "2024-09-30")], "2024-09-30"),
        ([("2024-07-01", "2024-09-30"), ("2024-12-01", "2024-12-31"), ("2025-01-01", "2025-06-30")], "2024-12-31"),
    ],
    ids=[
        "none: the deadline's thirty days",
        "one on the opening day",
        "one on the day before, of the measure before",
        "the later of two, though it is due earlier",
        "the later of two, though it arrived first",
        "one before and one on the opening day",
        "none that is said after the date asked",
    ],
)
def test_the_last_extension_since_the_opening_day_goes_before_the_deadline(
    extensions: list[tuple[str, str]], due: str
) -> None:
    adopted = _event("measure.deadlines_adopted", "d", {"effective_on": "2024-01-01", "combine_days": 30})
    said = as_events([adopted, *(_extended(f"x{n}", *extension) for n, extension in enumerate(extensions))])
    found = offices(standing_facts(said, fits)[0], AS_OF)
    opened = Episode("combine", date(2024, 7, 1), None, None, None)
    assert found.due_on(FIRM, opened) == date.fromisoformat(due)
    assert found.due_on(SOCIETY, opened) == date(2024, 7, 31)
    assert found.due_on(FIRM, opened._replace(measure="instruct")) is None


# GB/T 4754-2017, table 1: the last division of each section; the next section begins with the next division.
LAST_DIVISIONS = (5, 12, 43, 46, 50, 52, 60, 62, 65, 69, 70, 72, 75, 79, 82, 83, 85, 90, 96, 97)
SECTIONS = "ABCDEFGHIJKLMNOPQRST"
DIVISIONS = {
    f"{section}{division:02d}"
    for section, before, last in zip(SECTIONS, (0, *LAST_DIVISIONS[:-1]), LAST_DIVISIONS, strict=True)
    for division in range(before + 1, last + 1)
}


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_has_its_divisions_and_no_others(section: str) -> None:
    held = {f"{section}{n:02d}" for n in range(100) if industry_division_holds(f"{section}{n:02d}")}
    assert held == {division for division in DIVISIONS if division[0] == section}
    assert industry_division_holds(section)


@given(st.sampled_from(sorted(DIVISIONS)), st.text("0123456789", max_size=2))
def test_groups_and_classes_belong_to_the_section_of_their_division(division: str, digits: str) -> None:
    assert check_industry(division + digits) == division + digits
    assert industry_division_holds(division + digits)
