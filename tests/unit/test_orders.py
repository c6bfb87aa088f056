"""Supervision orders as a function of their facts and a date: what becomes of one, and to whom it rises and when."""

from datetime import date, timedelta
from typing import Any

import pytest

from domain.events.envelope import check_data
from domain.events.facts import Event, Fact, fact
from domain.fieldwork.orders import Order, Risen, orders

ORDER: dict[str, Any] = {
    "order": "order:1", "office": "office:county", "region": "990101", "by": "office:city", "by_region": None,
    "ground": "measures_overdue", "asks": "尽快建立", "due_on": "2024-03-10",
    "rises_to": ["office:city", "office:province"], "rise_days": 5,
}  # fmt: skip
DAYS = ("2024-03-10", "2024-03-11", "2024-03-15", "2024-03-16", "2025-01-01")
SAYS: dict[str, dict[str, str]] = {"acknowledged": {}, "answered": {"says": "done"}, "closed": {"outcome": "done"}}
SAYS |= {"sent_back": {"lacks": "incomplete", "due_on": "2024-04-10"}}


def told(*acts: tuple[str, str], order: dict[str, Any] = ORDER, region: str = "990101") -> list[Fact]:
    """The order issued on 2024-03-01, and acts of days after it."""
    found = [("issued", "2024-03-01"), *acts]
    facts = []
    for n, (name, on) in enumerate(found, 1):
        own = order if name == "issued" else {"order": "order:1", "region": region, **SAYS[name]}
        data = {"effective_on": on, **own}
        type_ = f"taizhang.order.{name}.v1"
        assert not check_data(type_, data), check_data(type_, data)
        facts.append(fact(Event(n, "/o", str(n), type_, n, data)))
    return sorted(facts)


def after(facts: list[Fact], on: str) -> Order:
    (found,), _ = orders(facts, date.fromisoformat(on))
    return found


def test_an_order_goes_from_issued_to_closed() -> None:
    facts = told(("acknowledged", "2024-03-02"), ("answered", "2024-03-05"), ("closed", "2024-03-08"))
    states = [after(facts, f"2024-03-0{day}").state for day in range(1, 9)]
    assert states == ["issued", *["acknowledged"] * 3, *["answered"] * 3, "closed"]
    assert (after(facts, "2024-12-31").outcome, after(facts, "2024-12-31").risen) == ("done", ())
    assert orders(facts, date(2024, 2, 29)) == ([], [])


def test_an_unanswered_one_rises_on_its_days_and_stops_at_the_last_office() -> None:
    facts = told(("acknowledged", "2024-03-02"))
    first, second = Risen("office:city", date(2024, 3, 11)), Risen("office:province", date(2024, 3, 16))
    assert [after(facts, on).risen for on in DAYS] == [
        (), (first,), (first,), (first, second), (first, second)
    ]  # fmt: skip
    assert [after(facts, on).held_by for on in ("2024-03-10", "2024-03-12", "2024-03-17")] == [
        "office:county", "office:city", "office:province"
    ]  # fmt: skip
    assert after(facts, "2024-03-16").overdue_days(date(2024, 3, 16)) == 6


@pytest.mark.parametrize(("on", "risen"), [("2024-03-10", 0), ("2024-03-11", 1), ("2024-03-15", 1), ("2024-03-16", 2)])
def test_an_answer_ends_the_rise_and_one_of_the_day_itself_is_too_late(on: str, risen: int) -> None:
    assert len(after(told(("answered", on)), "2025-01-01").risen) == risen


def test_what_is_sent_back_rises_from_its_new_date_on_and_never_falls_back() -> None:
    facts = told(("answered", "2024-03-12"), ("sent_back", "2024-03-20"))
    assert after(facts, "2024-04-10").held_by == "office:city"
    assert after(facts, "2024-04-10").risen == (Risen("office:city", date(2024, 3, 11)),)
    assert after(facts, "2024-04-11").risen[1] == Risen("office:province", date(2024, 4, 11))
    again = told(("answered", "2024-03-12"), ("sent_back", "2024-03-20"), ("answered", "2024-04-01"))
    assert (after(again, "2024-12-31").state, len(after(again, "2024-12-31").risen)) == ("answered", 1)


def test_an_order_without_offices_above_it_stays_where_it_is() -> None:
    alone = {**ORDER, "rises_to": []}
    assert after(told(order=alone), "2030-01-01").held_by == "office:county"


@pytest.mark.parametrize(
    ("acts", "region", "contradiction"),
    [
        ([("acknowledged", "2024-03-02"), ("issued", "2024-03-03")], "990101", "already_issued"),
        ([("closed", "2024-03-02"), ("answered", "2024-03-03")], "990101", "not_issued"),
        ([("acknowledged", "2024-03-02"), ("acknowledged", "2024-03-03")], "990101", "already_acknowledged"),
        ([("answered", "2024-03-02"), ("answered", "2024-03-03")], "990101", "already_answered"),
        ([("sent_back", "2024-03-02")], "990101", "not_answered"),
        ([("answered", "2024-03-02")], "990102", "another_region"),
    ],
)
def test_an_act_that_contradicts_has_no_effect_and_is_told(
    acts: list[tuple[str, str]], region: str, contradiction: str
) -> None:
    found, wrong = orders(told(*acts, region=region), date(2024, 12, 31))
    assert [(each.contradiction, each.position) for each in wrong] == [(contradiction, len(acts) + 1)]
    assert found == orders(told(*acts[:-1]), date(2024, 12, 31))[0]


def test_one_closed_may_be_issued_anew() -> None:
    first = told(("answered", "2024-03-12"), ("closed", "2024-03-20"))
    again = Fact(*first[0][:5], first[0].type, {**ORDER, "due_on": "2024-05-10"}, 9, (9,))
    found = after([*first, again._replace(effective_on=date(2024, 5, 1))], "2024-05-02")
    assert (found.state, found.issued_on, found.risen, found.decided_by) == ("issued", date(2024, 5, 1), (), (9,))


@pytest.mark.parametrize("name", ["issued", "sent_back"])
def test_no_answer_is_due_before_it_is_asked_for(name: str) -> None:
    own = ORDER if name == "issued" else {"order": "order:1", "region": "990101", **SAYS[name]}
    data = {**own, "effective_on": "2024-05-02", "due_on": "2024-05-01"}
    assert [each.rule for each in check_data(f"taizhang.order.{name}.v1", data)] == ["due_before_said"]
    assert not check_data(f"taizhang.order.{name}.v1", {**data, "due_on": "2024-05-02"})


def test_a_day_later_changes_nothing_but_what_rises() -> None:
    """The law over days: between two facts an order differs from the day before by what rose on the day alone."""
    facts = told(("answered", "2024-03-12"), ("sent_back", "2024-03-20"))
    told_on = {each.effective_on for each in facts}
    before = after(facts, "2024-03-01")
    for n in range(1, 60):
        day = date(2024, 3, 1) + timedelta(n)
        now = orders(facts, day)[0][0]
        if day not in told_on:
            rose = now.risen[len(before.risen) :]
            assert all(each.on == day for each in rose)
            assert now._replace(risen=before.risen, rises_on=before.rises_on) == before
        before = now
