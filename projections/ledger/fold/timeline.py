"""One entity's timeline: its state at the end of each day on which a fact changed it."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from domain.events.facts import AnomalyFound, Fact, subject_of
from domain.ledger.activity import read_activity_policy
from domain.ledger.entities import apply
from domain.ledger.policy import read_policy
from projections.ledger.fold.records import EntityState, FactOrder, initial
from projections.ledger.rows import FOREVER


class Timeline(NamedTuple):
    """The states of one entity by day, and the contradictions among its facts."""

    days: list[int]
    states: list[EntityState]
    anomalies: list[AnomalyFound]


def order(fact: Fact) -> FactOrder:
    """The canonical order of a fact."""
    return (fact[0].toordinal(), fact[1], fact[2], fact[3], fact[4])


def step(state: EntityState, fact: Fact) -> tuple[EntityState, AnomalyFound | None]:
    """The state after one more fact, in canonical order."""
    if fact.type == "taizhang.policy.adopted.v1":
        return read_policy(fact.data), None
    if fact.type == "taizhang.activity_policy.adopted.v1":
        return read_activity_policy(fact.data), None
    after, anomaly = apply(state, fact)  # type: ignore[arg-type]  # only policies have no apply
    if anomaly is None:
        return after, None
    subject = subject_of(fact.type, fact.data)
    return after, AnomalyFound(anomaly, subject, fact.position, fact.effective_on, "")


def fold(family: str, facts: Iterable[Fact]) -> Timeline:
    """Fold the facts of one entity, given in canonical order."""
    state = initial(family)
    timeline = Timeline([], [], [])
    for fact in facts:
        state, anomaly = step(state, fact)
        day = fact.effective_on.toordinal()
        if timeline.days and timeline.days[-1] == day:
            timeline.states[-1] = state
        else:
            timeline.days.append(day)
            timeline.states.append(state)
        if anomaly is not None:
            timeline.anomalies.append(anomaly)
    return timeline


class Difference(NamedTuple):
    """On the days [day_from, day_to) the state was `before` and is now `after`."""

    day_from: int
    day_to: int
    before: EntityState
    after: EntityState


def differences(family: str, before: Timeline, after: Timeline) -> Iterator[Difference]:
    """Where two timelines of one entity differ, in order of days."""
    days = sorted({*before.days, *after.days})
    old = new = initial(family)
    i = j = 0
    for n, day in enumerate(days):
        if i < len(before.days) and before.days[i] == day:
            old = before.states[i]
            i += 1
        if j < len(after.days) and after.days[j] == day:
            new = after.states[j]
            j += 1
        if old != new:
            yield Difference(day, days[n + 1] if n + 1 < len(days) else FOREVER, old, new)


def day_of(value: date | None) -> int | None:
    """The ordinal of a date that may be missing."""
    return None if value is None else value.toordinal()
