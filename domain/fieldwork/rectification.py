"""Rectification (整顿) of weak branches: opened with a plan and a due date, closed with an outcome."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

from domain.events.acts import fold_acts
from domain.events.facts import Fact
from domain.values.instants import parse_date

OPENED: Final = "taizhang.rectification.opened.v1"
Contradiction = Literal["already_opened", "not_opened"]


class Rectification(NamedTuple):
    """One rectification of one branch; `closed_on` and what follows are None while it is open."""

    rectification: str
    branch: str
    grounds: Sequence[str]
    plan: str
    office: str
    opened_on: date
    due_on: date
    closed_on: date | None
    outcome: str | None
    reason: str | None
    decided_by: Sequence[int]


class Contradicted(NamedTuple):
    """A fact without effect: opened while open, or closed while not open."""

    rectification: str
    contradiction: Contradiction
    position: int


def rectifications(facts: Iterable[Fact]) -> tuple[list[Rectification], list[Contradicted]]:
    """Every rectification after its facts, given in canonical order; one opened again after its end begins anew."""
    found, wrong = fold_acts(facts, OPENED, _opened, _closed, lambda each: each.closed_on is None)
    return list(found.values()), [
        Contradicted(each.entity, "already_opened" if each.begins else "not_opened", each.position) for each in wrong
    ]


def _opened(fact: Fact) -> Rectification:
    data = fact.data
    return Rectification(
        fact.entity, data["branch"], data["grounds"], data["plan"], data["office"], fact.effective_on,
        parse_date(data["due_on"]), None, None, None, fact.decided_by,
    )  # fmt: skip


def _closed(before: Rectification, fact: Fact) -> Rectification:
    return before._replace(
        closed_on=fact.effective_on, outcome=fact.data["outcome"], reason=fact.data["reason"],
        decided_by=(*before.decided_by, *fact.decided_by),
    )  # fmt: skip
