"""The hierarchies of bodies (谁主管谁负责): each kind of body one of its own, folded over the facts of all bodies.

A parent that would make a circle has no effect, and one that does not exist, or is of another kind, ends the way up
(spec/domain.md, Bodies): both depend on other bodies, so they are no part of a body's own state.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from domain.events.facts import AnomalyFound, Fact
from domain.ledger.entities import Organization, apply
from domain.ledger.placements import NONE, Existence, order_of, without_effect
from domain.values.terms import BodyKind

_CREATED: Final = "taizhang.body.created.v1"
_CLOSED: Final = "taizhang.body.closed.v1"
_LAST_DAY: Final = date.max.toordinal()


class BodyNow(NamedTuple):
    """A body that exists; its parent as it was said, whether that exists or not."""

    kind: BodyKind
    name: str
    parent: str | None


class Bodies:
    """The bodies that exist on a date, and the parents without effect."""

    def __init__(self, existing: Mapping[str, BodyNow], anomalies: tuple[AnomalyFound, ...] = ()) -> None:
        self.existing = existing
        self.anomalies = anomalies
        self._chains: dict[str, tuple[str, ...]] = {}

    def chain(self, body: str) -> tuple[str, ...]:
        """The body and those above it, from the top down; nothing where it does not exist."""
        found = self._chains.get(body)
        if found is None:
            found = self._chains[body] = tuple(reversed(list(self._upwards(body))))
        return found

    def _upwards(self, body: str) -> Iterable[str]:
        at: str | None = body
        while at is not None and at in self.existing and self.existing[at].kind == self.existing[body].kind:
            yield at
            at = self.existing[at].parent

    def at_level(self, body: str | None, level: int) -> str | None:
        """Its ancestor at a level from the top, 1 is the top; a body higher than that, and NONE, stand for themselves.

        A body that does not exist stands for itself too.
        """
        if body is None or body == NONE or not (above := self.chain(body)):
            return body
        return above[min(level, len(above)) - 1]

    def below(self, body: str) -> tuple[str, ...]:
        """The body and all below it, in order; nothing where it does not exist."""
        return tuple(sorted(each for each in self.existing if body in self.chain(each)))

    def under(self, level: int, kind: str, key: str) -> tuple[str, ...]:
        """The bodies of a kind whose ancestor at a level is `key`, in order."""
        return tuple(
            sorted(at for at, body in self.existing.items() if body.kind == kind and self.at_level(at, level) == key)
        )


NO_BODIES: Final = Bodies({})


def bodies(facts: Iterable[Fact]) -> Bodies:
    """The bodies after facts about them, given in canonical order."""
    existing: dict[str, BodyNow] = {}
    anomalies: list[AnomalyFound] = []
    for fact in facts:
        body, data = fact.entity, fact.data
        known = existing.get(body)
        if fact.type == _CLOSED:
            existing.pop(body, None)
            continue
        if (fact.type == _CREATED) is (known is not None):
            continue
        known = existing[body] = BodyNow(data["kind"], data["name"], None) if known is None else known
        existing[body] = known._replace(name=data.get("name", known.name))
        if "parent" not in data:
            continue
        if _in_circle(existing, body, data["parent"]):
            anomalies.append(AnomalyFound("parent_in_circle", body, fact.position, fact.effective_on, ""))
        else:
            existing[body] = existing[body]._replace(parent=data["parent"])
    return Bodies(existing, tuple(anomalies))


def _in_circle(existing: Mapping[str, BodyNow], start: str, parent: str | None) -> bool:
    """Whether `start` under `parent` would stand above itself."""
    while parent is not None:
        if parent == start:
            return True
        parent = existing[parent].parent if parent in existing else None
    return False


def unplaced_in_vain(facts: Sequence[Fact], existence: Mapping[str, Existence]) -> list[AnomalyFound]:
    """Where one organization was taken from a body that it had left for another one of the kind (`not_placed`).

    Args:
        facts: the organization's, by the date asked for, in canonical order.
        existence: when each body was created and closed.
    """
    state = Organization()
    told = [state.said]
    for fact in facts:
        state = apply(state, fact)[0]  # type: ignore[assignment]  # an organization's facts give an organization
        if len(state.said) < len(told[-1]):
            told.append(())
        told[-1] = state.said
    orders = {order for said in told for order in without_effect(said, lambda body: existence.get(body, ()), _LAST_DAY)}
    return [
        AnomalyFound("not_placed", fact.entity, fact.position, fact.effective_on, "")
        for fact in facts
        if order_of(fact) in orders
    ]
