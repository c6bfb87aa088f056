"""Short histories of one organization, and what decides its row."""

from datetime import date
from typing import Any

from domain.events.facts import POLICY, Event, Fact, standing_facts
from domain.ledger.rows import Ledger, Row, ledger
from domain.ledger.traces import Around, DecidedBy, decided_by, trace_policy
from services.ledger.traces import bodies_named
from tests.fact_data import ECONOMIC
from tests.histories import as_events, fits
from tests.sending import envelope

ORG = ECONOMIC[0]
DAY = date(2024, 2, 20)


def explained(events: list[Event], day: date) -> list[tuple[Row, DecidedBy]]:
    """Every row of the date, and what decides it."""
    by_entity: dict[str, list[Fact]] = {}
    for fact in standing_facts(events, fits)[0]:
        if fact.effective_on <= day:
            by_entity.setdefault(fact.entity, []).append(fact)
    folded = ledger(events, day, fits)
    policy = trace_policy(by_entity.get(POLICY, ()))
    assert policy.policy == folded.policy
    return [(row, decided_by(row, around(folded, by_entity, row.org), policy)) for row in folded.rows()]


def around(folded: Ledger, facts: dict[str, list[Fact]], org: str) -> Around:
    return Around(
        facts[org],
        [facts[name] for name, m in folded.members.items() if m.standing and m.org == org],
        [facts[name] for name, b in folded.branches.items() if org in b.covers],
        [facts[f"{at} {name}"] for (at, name), i in folded.instructors.items() if at == org and i.assigned],
        [fact for body in bodies_named(facts[org]) for fact in facts.get(body, ())],
    )


def only(*contents: dict[str, Any]) -> DecidedBy:
    """What decides the one row that these events, at positions from 1, give."""
    ((_, decided),) = explained(as_events(list(contents)), DAY)
    return decided


def registered(id_: str = "e1", on: str = "2024-02-01", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    data = {
        "effective_on": on, "org": ORG, "kind": "new_economic", "category": "private_enterprise", "name": "甲",
        "region": "510104", **more,
    }  # fmt: skip
    return envelope(id_, "organization.registered", data)


def changed(id_: str, on: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return envelope(id_, "organization.changed", {"effective_on": on, "org": ORG, **values})
