"""The histories of types that the product does not have yet are ready: they fit, shrink and meet what can go wrong."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.histories import Delivery, Question, worlds
from tests.oracle import facts as oracle_facts
from tests.oracle import forms, rates, rows
from tests.power import FLOORS_TO_COME, Power

pytestmark = pytest.mark.long

World = tuple[list[Delivery], list[Question]]


@settings(max_examples=30)
@given(worlds(to_come=True), st.randoms(use_true_random=False))
def test_the_oracle_is_a_function_of_the_set_for_every_type(world: World, random: Random) -> None:
    history, questions = world
    other = sorted(history, key=lambda _: random.random())
    for question in questions:
        known, words = oracle_facts.known_facts(history)
        state, found, anomalies = rows.ledger(known, question.as_of)
        known_too, words_too = oracle_facts.known_facts(other)
        _, found_too, anomalies_too = rows.ledger(known_too, question.as_of)
        assert (found, anomalies) == (found_too, anomalies_too)
        assert sorted(words, key=str) == sorted(words_too, key=str)
        for name in ("organizations", "eligible", "effectively_covered", "members_elsewhere"):
            groups = rates.grouped(state, found, question.group_by, {})
            whole = rates.counts(found.values(), judged=state.activity_policy is not None)[name]
            assert whole is None or sum(counts[name] or 0 for _, counts in groups) == whole


@settings(max_examples=30)
@given(worlds(to_come=True))
def test_every_fact_fits_its_form(world: World) -> None:
    for event in world[0]:
        name = oracle_facts.name_of(event)
        assert name.startswith("event.") or forms.fits(name, event["data"]), event


def test_the_histories_to_come_have_power(record_property: Callable[[str, object], None]) -> None:
    power = Power(FLOORS_TO_COME)

    def measure(world: World) -> None:
        history, questions = world
        for question in questions:
            power.add_to_come(history, question)

    # Worlds of one seed resemble each other: of some, one kind of question hardly comes up.
    for number in (18, 19, 20):
        seed(number)(settings(max_examples=40)(given(worlds(to_come=True))(measure)))()
    record_property("figures", power.told())
    assert not power.lacking()
