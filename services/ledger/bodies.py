"""Who answers for whom, at both clocks: the bodies with the figures of those below them; what crosses entities."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

import numpy as np

from domain.events.facts import AnomalyFound, Fact, family_of, standing_facts
from domain.ledger.bases import ALL, Basis
from domain.ledger.bodies import unplaced_in_vain
from domain.ledger.entities import apply, initial_state
from domain.ledger.placements import Body, Existence
from domain.ledger.rates import BODY_DIMENSION, Counts, Filters, add, nothing
from domain.values.terms import BODY_KINDS, CATEGORIES, BodyKind
from projections.ledger.columns.counts import deciding_entries
from projections.ledger.columns.rows import AnomalyRow
from projections.ledger.fold.effects import UNPLACED
from services.ledger.ledger_at import LedgerAt
from services.ledger.meaning import bases_at, bodies_at
from services.ledger.projector import fits
from services.ledger.queries import Queries
from services.ledger.traces import bodies_named, events_about


class BodyOf(NamedTuple):
    """A body that exists: its level from the top (1), and the counts of those that answer to it or below it.

    `parent` is the one above it in the hierarchy, None at the top; `path` leads to it from there.
    """

    body: str
    kind: BodyKind
    name: str
    parent: str | None
    level: int
    path: tuple[str, ...]
    counts: Counts


def bodies_of(ledger: LedgerAt, kind: str | None, filters: Filters) -> list[BodyOf]:
    """The bodies of a kind, or of all, in order of kind and then of the way to each from the top."""
    bodies = bodies_at(ledger.queries.everywhere(), *ledger.clocks)
    counts: dict[str, Counts] = {}
    nobody = Counts()
    for each in BODY_KINDS:
        if kind in (None, each):
            rates = ledger.rates((BODY_DIMENSION + each,), filters)
            nobody = nothing(judged=rates.total.judged)
            for (body,), found in rates.groups.items():
                for above in bodies.chain(body or ""):
                    counts[above] = add(counts.get(above, nobody), found)
    made = []
    for body, now in bodies.existing.items():
        if kind in (None, now.kind):
            path = bodies.chain(body)
            parent = path[-2] if len(path) > 1 else None
            made.append(
                BodyOf(body, now.kind, now.name, parent, len(path), path, counts.get(body, nobody))
            )  # fmt: skip
    return sorted(made, key=lambda each: (BODY_KINDS.index(each.kind), each.path))


def bases_of(ledger: LedgerAt) -> list[Basis]:
    """The bases in force: that of all first, the others by name."""
    found = bases_at(ledger.queries.everywhere(), *ledger.clocks)
    everybody = Basis(ALL, "全部 All", CATEGORIES, legal_persons_only=False, employees_min=None,
                      formations_counted=ledger.policy.formations_counted)  # fmt: skip
    return [everybody, *(found[name] for name in sorted(found))]


def crossing(queries: Queries, as_of: date, known_at: int) -> list[AnomalyRow]:
    """Contradictions between facts of several entities: parents in a circle, organizations unplaced in vain."""
    found = [*bodies_at(queries.everywhere(), as_of, known_at).anomalies, *_in_vain(queries, as_of, known_at)]
    return [AnomalyRow(each.anomaly, each.subject, each.position, each.effective_on, each.detail) for each in found]


def _in_vain(queries: Queries, as_of: date, known_at: int) -> Iterator[AnomalyFound]:
    """Few organizations are ever unplaced: their facts, and their bodies', are read and folded."""
    reading = queries.view.current.reading
    with queries.everywhere().connection() as connection:

        def facts(names: Iterable[str]) -> list[Fact]:
            told = standing_facts(events_about(connection, reading, sorted(names), known_at), fits)[0]
            return [fact for fact in told if fact.effective_on <= as_of]

        unplaced = {fact.entity for fact in facts((UNPLACED,)) if family_of(fact.type) == "organization"}
        by_org: dict[str, list[Fact]] = {}
        for fact in facts(unplaced) if unplaced else ():
            if fact.entity in unplaced:
                by_org.setdefault(fact.entity, []).append(fact)
        bodies = {body for told in by_org.values() for body in bodies_named(told)}
        existence = _existence(facts(bodies)) if bodies else {}
    for told in by_org.values():
        yield from unplaced_in_vain(told, existence)


def _existence(facts: Iterable[Fact]) -> dict[str, Existence]:
    states: dict[str, Body] = {}
    for fact in facts:
        if family_of(fact.type) == "body":
            before = states.get(fact.entity, initial_state(fact.type))
            states[fact.entity] = apply(before, fact)[0]  # type: ignore[assignment]  # a body's facts give a body
    return {body: state.existence for body, state in states.items()}


def waiting(queries: Queries, as_of: date, known_at: int) -> list[AnomalyRow]:
    """Organizations that stand under a body which does not exist on the date."""
    snapshot = queries.view.current.snapshot
    answers = snapshot.answers.of
    told = np.fromiter((bool(each.waiting) for each in list(answers)), np.bool_)
    if not told.any():
        return []
    entries = snapshot.entries
    decided = deciding_entries(snapshot, as_of.toordinal(), known_at)
    decided = decided[told[entries["answers"][decided]]]
    return [
        AnomalyRow("body_not_created", snapshot.orgs[org], None, None, body)
        for org, number in zip(entries["org_no"][decided].tolist(), entries["answers"][decided].tolist(), strict=True)
        for body in answers[number].waiting
    ]
