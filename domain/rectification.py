"""Rectification (整顿) of weak branches: opened with a plan and a due date, closed with an outcome."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple

from domain.facts import Fact
from domain.instants import parse_date

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
    found: dict[str, Rectification] = {}
    wrong: list[Contradicted] = []
    for each in facts:
        data = each.data
        name = data["rectification"]
        before = found.get(name)
        is_open = before is not None and before.closed_on is None
        if each.type == "taizhang.rectification.opened.v1":
            if is_open:
                wrong.append(Contradicted(name, "already_opened", each.position))
                continue
            found[name] = Rectification(
                name, data["branch"], data["grounds"], data["plan"], data["office"], each.effective_on,
                parse_date(data["due_on"]), None, None, None, each.decided_by,
            )  # fmt: skip
        elif before is None or not is_open:
            wrong.append(Contradicted(name, "not_opened", each.position))
        else:
            found[name] = before._replace(
                closed_on=each.effective_on, outcome=data["outcome"], reason=data["reason"],
                decided_by=(*before.decided_by, *each.decided_by),
            )  # fmt: skip
    return list(found.values()), wrong
