"""Campaigns: the fold of their events, and targets whose standing is worked out by hand in each test's text."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assessment.campaigns import (
    Asked,
    Campaign,
    Contradicted,
    Pace,
    Progress,
    Relative,
    Target,
    campaigns,
    deadlines,
    fewest_organizations,
    lacking,
    progress,
    reached,
    required,
    wordings,
)
from domain.events.campaigns import Against
from domain.events.envelope import check_data
from domain.events.facts import standing_facts
from domain.ledger.rates import Filters, Rate
from domain.values.terms import RateName
from tests.histories import as_events, fits
from tests.sending import corrected, envelope

NAME = "campaign:c"
TARGET: dict[str, Any] = {
    "target": "economic", "rate": "organization_coverage", "comparator": "at_least", "value": "0.7000",
    "due_on": "2024-12-31", "office": "office:economic", "kind": "new_economic",
}  # fmt: skip


def opened(on: str = "2024-10-08", id_: str = "opened") -> dict[str, Any]:
    data = {"effective_on": on, "campaign": NAME, "name": "集中攻坚", "office": "office:department"}
    return envelope(id_, "campaign.opened", data)


def target_set(on: str, id_: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the target
    return envelope(id_, "campaign.target_set", {"effective_on": on, "campaign": NAME, **TARGET, **more})


def closed(on: str, id_: str = "closed") -> dict[str, Any]:
    return envelope(id_, "campaign.closed", {"effective_on": on, "campaign": NAME, "reason": "期满"})


def known(*events: dict[str, Any], as_of: str = "2025-01-31") -> tuple[list[Campaign], list[Contradicted]]:
    return campaigns(standing_facts(as_events(list(events)), fits)[0], date.fromisoformat(as_of))


def target(value: str, comparator: Any = "at_least", rate: RateName = "organization_coverage") -> Target:  # noqa: ANN401 - a literal
    day = date(2024, 10, 8)
    return Target("t", rate, comparator, value, Filters(), date(2024, 12, 31), "office:o", day, 0, (1,))


def test_a_campaign_is_open_from_its_date_on_and_keeps_its_targets_when_closed() -> None:
    events = (opened(), target_set("2024-10-08", "set"), closed("2025-01-31"))
    assert known(*events, as_of="2024-10-07") == ([], [])
    (campaign,), told = known(*events)
    assert (campaign.opened_on, campaign.closed_on, campaign.closed_reason) == (
        date(2024, 10, 8), date(2025, 1, 31), "期满",
    )  # fmt: skip
    assert [each.target for each in campaign.targets] == ["economic"]
    assert campaign.decided_by == (1, 3)
    assert told == []


def test_a_target_set_again_is_revised_from_its_date_on() -> None:
    events = (opened(), target_set("2024-10-08", "a"), target_set("2024-11-15", "b", value="0.7500"))
    (before,), _ = known(*events, as_of="2024-11-14")
    (after,), _ = known(*events, as_of="2024-11-15")
    assert [(each.value, each.revised) for each in before.targets] == [("0.7000", 0)]
    assert [(each.value, each.revised, each.set_on) for each in after.targets] == [("0.7500", 1, date(2024, 11, 15))]


def test_a_corrected_target_is_the_correction_alone_and_not_a_revision() -> None:
    right = {"effective_on": "2024-10-08", "campaign": NAME, **TARGET, "value": "0.6000"}
    (campaign,), _ = known(opened(), target_set("2024-10-08", "set"), corrected("fix", "set", right))
    assert [(each.value, each.revised, each.decided_by) for each in campaign.targets] == [("0.6000", 0, (2, 3))]


def test_what_contradicts_has_no_effect_and_is_reported() -> None:
    (campaign,), told = known(
        target_set("2024-10-01", "early"), opened(), opened("2024-10-09", "again"), closed("2024-12-31"),
        closed("2025-01-05", "twice"), target_set("2025-01-06", "late", due_on="2025-06-30"),
    )  # fmt: skip
    assert campaign.targets == ()
    assert campaign.closed_on == date(2024, 12, 31)
    assert [(each.contradiction, each.position) for each in told] == [
        ("not_opened", 1), ("already_opened", 3), ("not_opened", 5), ("not_opened", 6),
    ]  # fmt: skip


def test_a_campaign_opened_again_begins_anew() -> None:
    events = (opened(), target_set("2024-10-08", "set"), closed("2024-12-31"), opened("2025-01-02", "again"))
    (campaign,), told = known(*events)
    assert (campaign.opened_on, campaign.closed_on, campaign.targets, told) == (date(2025, 1, 2), None, (), [])


def test_deadlines_are_the_due_dates_of_all_targets() -> None:
    found, _ = known(opened(), target_set("2024-10-08", "a"), target_set("2024-10-08", "b", target="x"))
    assert deadlines(found) == [date(2024, 12, 31)]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"value": "0.0000"}, "target_reached"),
        ({"value": "1.0000", "comparator": "more_than"}, "target_unreachable"),
        ({"due_on": "2024-10-07"}, "target_past"),
        ({"category": "courier"}, "category_of_another_kind"),
        ({"value": "70%"}, "string_pattern_mismatch"),
        ({"office": "office:13912345678"}, "personal_identifier"),
        ({"office": "王某"}, "office"),
    ],
)
def test_a_target_that_cannot_be_meant_is_refused(change: dict[str, str], rule: str) -> None:
    data = {"effective_on": "2024-10-08", "campaign": NAME, **TARGET, **change}
    assert [reason.rule for reason in check_data("taizhang.campaign.target_set.v1", data)] == [rule]


def test_70_percent_of_52_001_is_reached_by_36_401() -> None:
    """0.7 × 52,001 = 36,400.7, so 36,400 organizations do not reach it and 36,401 do.

    The rate is shown as 0.7000 either way: the shown figure does not decide.
    """
    assert required(target("0.7000"), 52_001) == 36_401
    assert reached(target("0.7000"), Rate(36_400, 52_001, "0.7000")) is False
    assert reached(target("0.7000"), Rate(36_401, 52_001, "0.7000")) is True


def test_exactly_the_value_reaches_at_least_and_not_more_than() -> None:
    """0.8 × 3,200 = 2,560: at least asks for 2,560, more than for 2,561."""
    assert required(target("0.8000"), 3_200) == 2_560
    assert required(target("0.8000", "more_than"), 3_200) == 2_561
    assert reached(target("0.8000", "more_than"), Rate(2_560, 3_200, "0.8000")) is False


def test_over_nothing_a_target_is_neither_reached_nor_not() -> None:
    assert reached(target("1.0000"), Rate(0, 0, None)) is None


def relative(against: Against, points: str, base: Rate | None, comparator: Any = "at_least") -> Target:  # noqa: ANN401 - a literal
    asked = target("0.5000", comparator)._replace(value=None, relative=Relative(against, None, points, None))
    return asked._replace(asked=Asked(base, points))


def test_up_by_20_points_is_reached_from_the_exact_base_on() -> None:
    """A base of 1 in 3 is 0.3333… and 20 points more are 8/15: of 15 that is 8 exactly, of 16 8.53…, so 9.

    What is shown, 0.3333 and 0.5333, would ask for 8 of 15 as 7.9995; the exact base asks for 8.
    """
    asked = relative("itself", "20.00", Rate(1, 3, "0.3333"))
    assert asked.ratio == Fraction(8, 15)
    assert asked.as_rate == Rate(5_333, 10_000, "0.5333")
    assert (required(asked, 15), required(asked, 16)) == (8, 9)
    assert (reached(asked, Rate(8, 15, None)), reached(asked, Rate(7, 15, None))) == (True, False)
    assert required(relative("itself", "20.00", Rate(1, 3, None), "more_than"), 15) == 9


def test_above_the_citys_average_is_not_at_it() -> None:
    """The city has 60 of 100; a county of 5 is at it with 3, above it with 4."""
    city = Rate(60, 100, "0.6000")
    assert reached(relative("city", "0", city), Rate(3, 5, "0.6000")) is True
    assert reached(relative("city", "0", city, "more_than"), Rate(3, 5, "0.6000")) is False
    assert required(relative("city", "0", city, "more_than"), 5) == 4


def test_without_a_base_or_a_definition_there_is_no_answer() -> None:
    now = Rate(9, 10, "0.9000")
    for base in (None, Rate(0, 0, None), Rate(None, 10, None)):
        asked = relative("itself", "20.00", base)
        assert (asked.ratio, required(asked, 10), reached(asked, now), lacking(asked, now)) == (None, None, None, None)
    undefined = relative("itself", "20.00", now)._replace(asked=Asked(now, None))
    assert (undefined.ratio, reached(undefined, now), undefined.as_rate.value) == (None, None, None)
    stands = progress(undefined, date(2024, 10, 8), now, now, date(2024, 11, 1))
    assert (stands.required, stands.missing, stands.reached, stands.pace_needed) == (None, None, None, None)


def test_more_than_there_are_may_be_asked_and_is_never_reached() -> None:
    """From 9 in 10 up by 20 points is 110 %: 11 of 10."""
    asked = relative("itself", "20.00", Rate(9, 10, "0.9000"))
    assert (asked.as_rate.value, required(asked, 10), reached(asked, Rate(10, 10, None))) == ("1.1000", 11, False)


def test_a_wording_means_what_was_adopted_last() -> None:
    told = [
        envelope(n, "wording.adopted", {"effective_on": on, "name": "大幅提升", "points": points})
        for n, on, points in (("b", "2024-06-01", "15"), ("a", "2024-01-01", "20.00"), ("c", "2024-06-01", "18"))
    ]
    facts = standing_facts(as_events(told), fits)[0]
    assert wordings(each for each in facts if each.effective_on < date(2024, 6, 1)) == {"大幅提升": "20.00"}
    # Two of one date: the later by its own time, source and name, as with every rule that is replaced whole.
    assert wordings(facts) == {"大幅提升": "18"}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"value": "0.7", "against": "city", "points": "0"}, "target_asked"),
        ({}, "target_asked"),
        ({"points": "20"}, "target_asked"),
        ({"against": "city"}, "target_points"),
        ({"against": "city", "points": "1", "wording": "大幅提升"}, "target_points"),
        ({"against": "itself", "points": "20"}, "target_base"),
        ({"against": "itself", "points": "20", "base_on": "2024-12-31"}, "target_base_late"),
        ({"against": "city", "points": "100.01"}, "string_pattern_mismatch"),
        ({"against": "city", "points": "-1"}, "string_pattern_mismatch"),
        ({"against": "city", "points": None}, "not_clearable"),
    ],
)
def test_a_relative_target_that_cannot_be_meant_is_refused(change: dict[str, Any], rule: str) -> None:
    without = {name: value for name, value in TARGET.items() if name != "value"}
    data = {"effective_on": "2024-10-08", "campaign": NAME, **without, **change}
    assert [reason.rule for reason in check_data("taizhang.campaign.target_set.v1", data)] == [rule]


def test_pace_and_what_is_missing() -> None:
    """Opened on 8 October with 440 of 1,000 covered the evening before; on 6 November 530 of 1,010 are.

    8 October to 6 November are 30 days, in which 90 were gained: 3 a day. 70 % of 1,010 is 707, so 177 are missing;
    from 6 November to 31 December are 55 days: 177 / 55 = 3.218… a day are needed, and 3 are not enough.
    """
    stands = progress(
        target("0.7000"), date(2024, 10, 8), Rate(440, 1_000, "0.4400"), Rate(530, 1_010, "0.5248"), date(2024, 11, 6)
    )
    assert stands == Progress(
        Rate(440, 1_000, "0.4400"), Rate(530, 1_010, "0.5248"), 707, 177, "organizations", False,
        Pace(90, 30, "3.00"), Pace(177, 55, "3.22"), on_pace=False,
    )  # fmt: skip


def test_on_pace_is_decided_by_fractions_and_not_by_the_two_places_shown() -> None:
    """1 in 3 days is 0.333…; 1 in 3 days is needed too: just enough, though 0.33 is shown for both."""
    start, now = Rate(0, 10, "0.0000"), Rate(1, 10, "0.1000")
    asked = target("0.2000")._replace(due_on=date(2024, 10, 13))
    stands = progress(asked, date(2024, 10, 8), start, now, date(2024, 10, 10))
    assert (stands.pace_so_far, stands.pace_needed, stands.on_pace) == (Pace(1, 3, "0.33"), Pace(1, 3, "0.33"), True)


def test_once_reached_or_over_no_pace_is_needed() -> None:
    start, now = Rate(1, 10, "0.1000"), Rate(8, 10, "0.8000")
    stands = progress(target("0.8000"), date(2024, 10, 8), start, now, date(2024, 11, 1))
    assert (stands.missing, stands.reached, stands.pace_needed, stands.on_pace) == (0, True, None, None)
    late = progress(target("0.9000"), date(2024, 10, 8), start, now, date(2024, 12, 31))
    assert (late.missing, late.reached, late.pace_needed) == (1, False, None)


def test_of_employee_coverage_the_largest_make_up_what_is_missing() -> None:
    """60 employees are missing: 40 + 15 are 55, 40 + 15 + 9 are 64, so three organizations."""
    assert fewest_organizations([9, 40, 3, 15], 60) == 3
    assert fewest_organizations([9, 40], 0) == 0
    assert fewest_organizations([9, 40], 50) is None


@given(
    value=st.integers(1, 10_000),
    denominator=st.integers(1, 10**6),
    comparator=st.sampled_from(["at_least", "more_than"]),
)
def test_the_required_number_is_the_smallest_that_reaches(value: int, denominator: int, comparator: str) -> None:
    asked = target(f"{value // 10_000}.{value % 10_000:04d}", comparator)
    found = required(asked, denominator)
    assert found is not None
    exact = Fraction(value, 10_000)

    def reaches(numerator: int) -> bool:
        ratio = Fraction(numerator, denominator)
        return ratio >= exact if comparator == "at_least" else ratio > exact

    assert reaches(found)
    assert not reaches(found - 1)
