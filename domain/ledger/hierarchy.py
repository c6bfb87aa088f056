"""Parents (隶属关系) of branches: the one rule that crosses branches, folded over the facts of all that name a parent.

A parent that would make a circle has no effect (spec/domain.md, Branches). Whether it would depends on the parents of
others then, so it is no part of a branch's own state.
"""

from collections.abc import Iterable, Iterator, Mapping
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


class Put(NamedTuple):
    """A fact that puts a branch under a parent, or under none any more; in a circle it has no effect."""

    fact: Fact
    parent: str | None
    in_circle: bool


def puts(facts: Iterable[Fact]) -> Iterator[Put]:
    """What facts do to the parents, in canonical order: all facts of each branch that any of them puts under one."""
    formed: set[str] = set()
    parents: dict[str, str] = {}
    for fact in facts:
        branch = fact.entity
        if fact.type == _DISSOLVED:
            formed.discard(branch)
            if parents.pop(branch, None) is not None:
                yield Put(fact, None, in_circle=False)
            continue
        if fact.type == _FORMED and branch not in formed:
            formed.add(branch)
        elif fact.type != _CHANGED or branch not in formed or "parent" not in fact.data:
            continue
        parent = fact.data.get("parent")
        if in_circle(parents, branch, parent):
            yield Put(fact, parent, in_circle=True)
            continue
        if parent is None:
            parents.pop(branch, None)
        else:
            parents[branch] = parent
        yield Put(fact, parent, in_circle=False)


def hierarchy(facts: Iterable[Fact]) -> Hierarchy:
    """The parents after facts, given in canonical order: all facts of each branch that any of them puts under one."""
    parents: dict[str, str | None] = {}
    anomalies: list[AnomalyFound] = []
    for fact, parent, circle in puts(facts):
        if circle:
            anomalies.append(AnomalyFound("parent_in_circle", fact.entity, fact.position, fact.effective_on, ""))
        else:
            parents[fact.entity] = parent
    return Hierarchy({name: parent for name, parent in parents.items() if parent is not None}, tuple(anomalies))


def in_circle(parents: Mapping[str, str], start: str, parent: str | None) -> bool:
    """Whether `start` under `parent` would stand above itself."""
    while parent is not None:
        if parent == start:
            return True
        parent = parents.get(parent)
    return False
