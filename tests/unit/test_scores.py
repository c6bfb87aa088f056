"""Scores by a sheet: points worked out by hand, what a sheet and an own score may say, and laws over random rates."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assessment.scores import Item, Reported, Scored, reports, score, scored, sheets
from domain.events.envelope import check_data
from domain.events.facts import standing_facts
from domain.figures.ranking import exact
from domain.ledger.rates import Rate
from domain.values.instants import parse_date
from tests.histories import as_events, fits
from tests.sending import envelope

DAY = "2024-01-01"
LEVEL: dict[str, Any] = {
    "item": "cover", "title": "覆盖", "worth": "60", "rate": "organization_coverage", "zero_at": "0.5",
    "full_at": "0.8",
}  # fmt: skip
RISE: dict[str, Any] = {
    "item": "rise", "title": "提升", "worth": "40", "rate": "organization_coverage", "measured": "rise",
    "base_on": "2023-06-30", "zero_at": "0", "full_at": "0.2",
}  # fmt: skip


def sheet(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
    return {"effective_on": DAY, "name": "2024", "title": "考核表", "items": [LEVEL, RISE], **more}


def items() -> tuple[Item, Item]:
    facts = standing_facts(as_events([envelope("s", "score_sheet.adopted", sheet())]), fits)[0]
    level, rise = sheets(facts)["2024"].items
    return level, rise


def test_points_are_the_share_between_the_marks() -> None:
    """60 points from 50 to 80 %: 50 of 100 earn 0, 65 earn half, 80 and 90 all; 2 of 3 earn (2/3 - 1/2) / 0.3 · 60.

    That is 1/6 / 3/10 = 5/9 of 60: 33.333…, shown 33.33.
    """
    level, _ = items()
    found = {
        numerator: scored(level, Rate(numerator, 100, None), None, None, same_date=False).points
        for numerator in (0, 50, 65, 80, 90)
    }
    assert found == {0: "0.00", 50: "0.00", 65: "30.00", 80: "60.00", 90: "60.00"}
    assert scored(level, Rate(2, 3, "0.6667"), None, None, same_date=False).points == "33.33"


def test_a_rise_is_counted_from_its_base_and_a_fall_earns_nothing() -> None:
    """From 20 to 30 % is half of 20 points: 20.00 of 40; from 30 to 20 % nothing, told as -0.1."""
    _, rise = items()
    up = scored(rise, Rate(3, 10, None), Rate(1, 5, None), "25", same_date=True)
    assert (up.value, up.points, up.difference) == (Fraction(1, 10), "20.00", "5.00")
    down = scored(rise, Rate(2, 10, None), Rate(3, 10, None), "25", same_date=False)
    assert (down.value, down.points, down.difference) == (Fraction(-1, 10), "0.00", None)


def test_what_has_no_answer_is_taken_out_of_the_whole() -> None:
    """Over nothing, or without an activity policy, or without a base: 30 of 60, not of 100."""
    level, rise = items()
    half = scored(level, Rate(65, 100, None), None, "31.5", same_date=True)
    for now, base in ((Rate(1, 2, None), Rate(0, 0, None)), (Rate(None, 5, None), Rate(1, 2, None))):
        found = score([half, scored(rise, now, base, None, same_date=True)], None)
        assert (found.points, found.out_of, found.share) == ("30.00", "60.00", Fraction(1, 2))
        assert (found.own, found.difference) == ("31.50", "1.50")
    none = score([scored(level, Rate(0, 0, None), None, None, same_date=True)], None)
    assert (none.points, none.out_of, none.share, none.own) == (None, "0.00", None, None)


def test_a_difference_is_of_the_same_items_alone() -> None:
    level, rise = items()
    both = [
        scored(level, Rate(65, 100, None), None, "40", same_date=True),
        scored(rise, Rate(3, 10, None), Rate(1, 5, None), None, same_date=True),
    ]
    assert (score(both, None).own, score(both, None).difference) == ("40.00", None)


def test_of_two_sheets_of_one_date_the_canonical_order_decides_and_of_own_scores_the_last() -> None:
    told = [
        envelope("b", "score_sheet.adopted", sheet(title="乙")),
        envelope("a", "score_sheet.adopted", sheet(title="甲")),
        *(
            envelope(f"r{n}", "score.reported", {"effective_on": on, "name": "2024", "office": "office:o",
                                                 "region": "510104", "points": {"cover": points}})
            for n, (on, points) in enumerate((("2024-12-31", "50"), ("2024-06-30", "20")))
        ),
        envelope("p", "score.reported", {"effective_on": "2024-12-31", "name": "2024", "office": "office:p",
                                         "body": "body:p", "points": {"cover": "1"}}),
        envelope("x", "score.reported", {"effective_on": "2024-12-31", "name": "another", "office": "office:o",
                                         "region": "510104", "points": {"cover": "9"}}),
    ]  # fmt: skip
    facts = standing_facts(as_events(told), fits)[0]
    assert sheets(each for each in facts if "items" in each.data)["2024"].title == "乙"
    said = reports((each for each in facts if "points" in each.data), "2024")
    assert said == {
        "510104": Reported("office:o", parse_date("2024-12-31"), {"cover": "50"}, (3,)),
        "body:p": Reported("office:p", parse_date("2024-12-31"), {"cover": "1"}, (5,)),
    }


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"items": [LEVEL]}, "score_weights"),
        ({"items": [LEVEL, {**RISE, "worth": "40.01"}]}, "score_weights"),
        ({"items": [LEVEL, {**RISE, "item": "cover"}]}, "score_item_repeated"),
        ({"items": [LEVEL, {**RISE, "zero_at": "0.2"}]}, "score_marks"),
        ({"items": [LEVEL, {**RISE, "measured": "level"}]}, "score_base"),
        ({"items": [{**LEVEL, "measured": "rise"}, RISE]}, "score_base"),
        ({"items": [LEVEL, {**RISE, "base_on": DAY}]}, "score_base_late"),
        ({"items": [LEVEL, {**RISE, "worth": "-1"}]}, "string_pattern_mismatch"),
        ({"items": []}, "too_short"),
    ],
)
def test_a_sheet_that_cannot_be_scored_by_is_refused(change: dict[str, Any], rule: str) -> None:
    assert [each.rule for each in check_data("taizhang.score_sheet.adopted.v1", sheet(**change))] == [rule]


def test_weights_that_do_not_add_up_are_named() -> None:
    (reason,) = check_data("taizhang.score_sheet.adopted.v1", sheet(items=[LEVEL, {**RISE, "worth": "30.5"}]))
    assert "90.5" in reason.message


@pytest.mark.parametrize("of", [{}, {"region": "510104", "body": "body:p"}])
def test_an_own_score_is_of_one_office(of: dict[str, str]) -> None:
    data = {"effective_on": DAY, "name": "2024", "office": "office:o", "points": {"cover": "1"}, **of}
    assert [each.rule for each in check_data("taizhang.score.reported.v1", data)] == ["score_of_one"]


RATES = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda each: Rate(min(each), max(each), None))


@given(RATES, RATES, RATES)
def test_points_never_fall_with_the_rate_and_add_up_as_shown(one: Rate, other: Rate, base: Rate) -> None:
    level, rise = items()

    def of(rate: Rate) -> list[Scored]:
        return [scored(level, rate, None, None, same_date=True), scored(rise, rate, base, None, same_date=True)]

    lower, higher = sorted((one, other), key=lambda each: exact(each) or Fraction(0))
    for below, above in zip(of(lower), of(higher), strict=True):
        if below.points is not None and above.points is not None:
            assert 0 <= Fraction(below.points) <= Fraction(above.points) <= Fraction(below.item.worth)
    found = score(of(one), None)
    shown = [Fraction(each.points) for each in found.items if each.points is not None]
    assert (found.points is None) == (not shown)
    assert found.points is None or Fraction(found.points) == sum(shown)
