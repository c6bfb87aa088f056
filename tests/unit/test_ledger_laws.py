"""The oracle, the fold from scratch, the projection's columns and its cubes give one answer to every question.

`make test` tries 200 histories, `make test-oracle HISTORIES=10000` as many as are wanted.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, seed, settings

from domain.events.facts import AnomalyFound, Event
from domain.ledger.bodies import NO_BODIES
from domain.ledger.meaning import NoSuchBasisError, lifted, meant, policy_of, without_levels
from domain.ledger.rates import Counts, Filters, Key, group, rates, unjudged
from domain.ledger.rows import Ledger, Row
from domain.values.terms import BODY_KINDS
from projections.ledger.columns import counts, cubes, grouping
from projections.ledger.columns.cubes import Cube, Shape
from tests.histories import Delivery, Question, as_events, worlds
from tests.oracle import facts as oracle_facts
from tests.oracle import rates as oracle_rates
from tests.oracle import rows as oracle_rows
from tests.power import Power
from tests.projecting import anomalies_at, from_scratch, project

HISTORIES = int(os.environ.get("TAIZHANG_TEST_HISTORIES", "200"))
# Power is a property of the strategies: measured on histories that are the same in every run.
SEED_OF_POWER = 18
Told = list[tuple[dict[str, str | None], dict[str, int | None]]]


def _told(group_by: tuple[str, ...], groups: dict[Key, Counts]) -> Told:
    return [(dict(zip(group_by, key, strict=True)), dict(counts._asdict())) for key, counts in groups.items()]


def _values(row: Row) -> dict[str, Any]:
    values = row._asdict()
    bodies = dict(zip(BODY_KINDS, values.pop("bodies"), strict=True))
    said = {kind: body for kind, body in bodies.items() if body is not None}
    return {**values.pop("attributes")._asdict(), **values, "bodies": said}


def _anomalies(found: Iterable[AnomalyFound], events: list[Event]) -> list[tuple[str, str, Any]]:
    return sorted(
        (each.anomaly, each.subject or "", events[each.position - 1].key if each.position else each.detail)
        for each in found
    )


class _Asked:
    """One history with what was made of it, and the comparison of all answers to a question about it."""

    def __init__(self, history: list[Delivery]) -> None:
        self.history = history
        self.events = as_events(history)
        self.snapshot, self.changes = project(self.events)

    def compare(self, question: Question, *, cubes_too: bool) -> None:
        known, words = oracle_facts.known_facts(self.history[: question.known_at])
        state, rows, contradictions = oracle_rows.ledger(known, question.as_of)
        basis = question.filters.get("basis", "all")
        if basis != "all" and basis not in state.bases:
            with pytest.raises(NoSuchBasisError):
                meant(
                    Filters(basis=basis), NO_BODIES, from_scratch(self.events, question.as_of, question.known_at).bases
                )
            return
        answer = oracle_rates.groups(known, question.as_of, question.group_by, question.filters)
        expected = [(key, {name: counts[name] for name in Counts._fields}) for key, counts in answer]
        folded = from_scratch(self.events, question.as_of, question.known_at)
        anomalies = sorted((found.code, found.subject, found.about) for found in [*words, *contradictions])
        self._folded_as(rows, folded)
        assert _anomalies(folded.anomalies, self.events) == anomalies
        # What crosses entities is no part of the tables: whoever asks folds it (services.ledger.hierarchy).
        crossing = _anomalies(folded.crossing, self.events)
        kept = [each for each in anomalies if isinstance(each[2], tuple) and each not in crossing]
        assert self._anomalies_projected(question) == kept
        parents = {name: found.parent for name, found in state.branches.items() if found.parent is not None}
        assert folded.parents == parents
        wanted: dict[str, Any] = {name: "null" if to is None else to for name, to in question.filters.items()}
        filters = meant(Filters(**wanted), folded.bodies, folded.bases)
        counted = group(folded.rows(filters.counted), without_levels(question.group_by), filters)
        scratch = lifted(counted, question.group_by, folded.bodies)
        assert _told(question.group_by, scratch) == expected
        for (_, summed), found in zip(answer, scratch.values(), strict=True):
            ratios = oracle_rates.rates(summed)
            assert {name: rate.value for name, rate in rates(found).items()} == {
                name: ratios[name] for name in rates(found)
            }
        self._projected_as(expected, question, filters, folded, cubes_too=cubes_too)

    def _folded_as(self, rows: dict[str, oracle_rows.Row], folded: Ledger) -> None:
        assert {row.org: _values(row) for row in folded.rows()} == {
            org: {"org": org, **{name: row[name] for name in _names_of_values()}} for org, row in rows.items()
        }

    def _anomalies_projected(self, question: Question) -> list[tuple[str, str, Any]]:
        present = anomalies_at(self.changes, question.as_of, question.known_at)
        return sorted((found, subject, self.events[position - 1].key) for found, subject, position in present)

    def _projected_as(
        self, expected: Told, question: Question, filters: Filters, folded: Ledger, *, cubes_too: bool
    ) -> None:
        day = question.as_of.toordinal()
        policy = policy_of(filters, self.snapshot.policy(day, question.known_at))
        group_by = without_levels(question.group_by)
        rows = counts.standing(self.snapshot, day, question.known_at, policy)
        chosen = rows.where(counts.matching(self.snapshot, rows, filters))
        found = self._as_judged(grouping.group(self.snapshot, chosen, group_by), question)
        assert _told(question.group_by, lifted(found, question.group_by, folded.bodies)) == expected
        if not cubes_too:
            return
        cube = Cube(Shape(group_by, filters, policy))
        for _ in self.snapshot.entries["position"]:
            cube.extend(self.snapshot)
        found = self._as_judged(cube.counts(self.snapshot, day, question.known_at), question)
        assert _told(question.group_by, lifted(found, question.group_by, folded.bodies)) == expected

    def _as_judged(self, found: dict[Key, Counts], question: Question) -> dict[Key, Counts]:
        """What whoever answers makes of the columns' counts where no activity policy is in force."""
        judged = self.snapshot.is_judged(question.as_of.toordinal(), question.known_at)
        return found if judged else {key: unjudged(each) for key, each in found.items()}


def _names_of_values() -> list[str]:
    attributes = Row.__annotations__["attributes"]._fields
    return [*attributes, *(name for name in Row._fields if name not in ("org", "attributes"))]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    # A few entries a block and two runs to the next level: small histories fill several levels.
    monkeypatch.setattr(cubes, "BLOCK", 4)
    monkeypatch.setattr(cubes, "FAN_OUT", 2)


def test_the_oracle_the_fold_the_columns_and_the_cubes_agree(record_property: Callable[[str, object], None]) -> None:
    power = Power()

    @settings(max_examples=HISTORIES)
    @given(worlds())
    def law(world: tuple[list[Delivery], list[Question]]) -> None:
        history, questions = world
        asked = _Asked(history)
        for number, question in enumerate(questions):
            # A cube is built for one question of a history: `test_cubes.py` holds cubes and columns equal everywhere.
            asked.compare(question, cubes_too=number == 0)
            power.add(history, question)

    law()
    record_property("figures", power.told())


def test_the_histories_have_power(record_property: Callable[[str, object], None]) -> None:
    power = Power()

    @seed(SEED_OF_POWER)
    @settings(max_examples=100)
    @given(worlds())
    def measure(world: tuple[list[Delivery], list[Question]]) -> None:
        history, questions = world
        for question in questions:
            power.add(history, question)

    measure()
    record_property("figures", power.told())
    assert not power.lacking()
