"""Parents (隶属关系) of branches: the one rule that crosses branches, folded over the facts of all that name a parent.

A parent that would make a circle has no effect (spec/domain.md, Branches). Whether it would depends on the parents of
others then, so it is no part of a branch's own state.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from domain.events.facts import AnomalyFound, Fact

_FORMED: Final = "taizhang.branch.formed.v1"
_CHANGED: Final = "taizhang.branch.changed.v1"
_DISSOLVED: Final = "taizhang.branch.dissolved.v1"
# The types of facts that decide who is under whom.
DECIDING_PARENTS: Final = frozenset({_FORMED, _CHANGED, _DISSOLVED})


class Hierarchy(NamedTuple):
    """By formed branch the parent that it was put under, formed or not; and the parents without effect."""

    parents: Mapping[str, str]
    anomalies: tuple[AnomalyFound, ...]


def hierarchy(facts: Iterable[Fact]) -> Hierarchy:
    """The parents after facts, given in canonical order: all facts of each branch that any of them puts under one."""
    formed: set[str] = set()
    parents: dict[str, str] = {}
    anomalies: list[AnomalyFound] = []
    for fact in facts:
        if fact.type == _DISSOLVED:
            formed.discard(fact.entity)
            parents.pop(fact.entity, None)
            continue
        if fact.type == _FORMED and fact.entity not in formed:
            formed.add(fact.entity)
        elif fact.type != _CHANGED or fact.entity not in formed or "parent" not in fact.data:
            continue
        parent = fact.data.get("parent")
        if in_circle(parents, fact.entity, parent):
            anomalies.append(AnomalyFound("parent_in_circle", fact.entity, fact.position, fact.effective_on, ""))
        elif parent is None:
            parents.pop(fact.entity, None)
        else:
            parents[fact.entity] = parent
    return Hierarchy(parents, tuple(anomalies))


def in_circle(parents: Mapping[str, str], start: str, parent: str | None) -> bool:
    """Whether `start` under `parent` would stand above itself."""
    while parent is not None:
        if parent == start:
            return True
        parent = parents.get(parent)
    return False
