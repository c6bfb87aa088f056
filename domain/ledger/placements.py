"""Which bodies an organization answers to (spec/domain.md, Bodies): what was said of it, and which bodies exist.

A placement takes effect once its body exists, on its day or later. Of those in effect of one kind the one said last
stands and the others are over; it counts while its body exists. So what was said of an organization is no answer by
itself: it is walked through together with the days on which the bodies that it names were created and closed.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from domain.events.facts import Fact
from domain.values.terms import BODY_KINDS, Anomaly, BodyKind

# The key of a group of those of whom it was said that they have none (直接登记); null is of whom nobody said anything.
NONE: Final = "none"
# The first five fields of a fact, the date as an ordinal: the canonical order.
Order = tuple[int, int, int, str, str]
# When a body was created, as of which kind, and closed (None), in canonical order; what had no effect is left out.
Existence = tuple[tuple[Order, BodyKind | None], ...]


class Said(NamedTuple):
    """One fact about an organization's bodies, placed or unplaced; with `body` None that it has none of the kind."""

    order: Order
    placed: bool
    body: str | None
    kind: BodyKind | None = None


def order_of(fact: Fact) -> Order:
    """The canonical order of a fact, its date as an ordinal."""
    return (fact[0].toordinal(), fact[1], fact[2], fact[3], fact[4])


class Body(NamedTuple):
    """A body; `kind` is None while it does not exist. Its parent is no part of its own state (domain.ledger.bodies)."""

    kind: BodyKind | None = None
    existence: Existence = ()


def body_created(before: Body, fact: Fact) -> tuple[Body, Anomaly | None]:
    if before.kind is not None:
        return before, "already_created"
    kind: BodyKind = fact.data["kind"]
    return Body(kind, (*before.existence, (order_of(fact), kind))), None


def body_changed(before: Body, _: Fact) -> tuple[Body, Anomaly | None]:
    return before, None if before.kind is not None else "not_created"


def body_closed(before: Body, fact: Fact) -> tuple[Body, Anomaly | None]:
    if before.kind is None:
        return before, "not_created"
    return Body(None, (*before.existence, (order_of(fact), None))), None


class Answers(NamedTuple):
    """The body that an organization answers to of each of BODY_KINDS: an identifier, NONE, or None where nobody said.

    `waiting` are the bodies under which it stands and which do not exist on the date.
    """

    bodies: tuple[str | None, ...] = (None,) * len(BODY_KINDS)
    waiting: tuple[str, ...] = ()

    def of(self, kind: str) -> str | None:
        """The body of a kind."""
        return self.bodies[BODY_KINDS.index(kind)]


NOTHING_SAID: Final = Answers()


def named(said: Sequence[Said]) -> frozenset[str]:
    """The bodies that were said of an organization."""
    return frozenset(each.body for each in said if each.body is not None)


def answers_to(said: Sequence[Said], existence: Callable[[str], Existence], day: int) -> Answers:
    """The bodies that an organization answers to at the end of a day (an ordinal).

    Args:
        said: what was said of it by then since it was registered, in canonical order.
        existence: of a body, when it was created and closed.
        day: the ordinal of a date.
    """
    if not said:
        return NOTHING_SAID
    walk = _Walk()
    for _ in walk.through(said, existence, day):
        pass
    return walk.answers()


def without_effect(said: Sequence[Said], existence: Callable[[str], Existence], day: int) -> list[Order]:
    """The facts that took an organization from a body where it no longer was (`not_placed`)."""
    return list(_Walk().through(said, existence, day))


def spans(
    said: Sequence[Said], existence: Callable[[str], Existence], day_from: int, day_to: int
) -> Iterator[tuple[int, int, Answers]]:
    """The answers on the days [day_from, day_to) on which this was said, cut where a body comes or goes."""
    if not said:
        yield day_from, day_to, NOTHING_SAID
        return
    days = {order[0] for body in named(said) for order, _ in existence(body) if day_from < order[0] < day_to}
    cuts = [day_from, *sorted(days), day_to]
    for begin, end in pairwise(cuts):
        yield begin, end, answers_to(said, existence, begin)


class _Placement:
    """Under a body, or under none of a kind; `kind` is None until the body has existed at or after the placement."""

    __slots__ = ("body", "kind")

    def __init__(self, body: str | None, kind: BodyKind | None) -> None:
        self.body, self.kind = body, kind


class _Walk:
    """The placements in the order in which they were said, and the bodies that exist."""

    def __init__(self) -> None:
        self._there: list[_Placement] = []
        self._existing: dict[str, BodyKind] = {}

    def through(self, said: Sequence[Said], existence: Callable[[str], Existence], day: int) -> Iterator[Order]:
        """Walk to the end of a day; gives the orders of what was said without effect."""
        steps: list[tuple[Order, Said | tuple[str, BodyKind | None]]] = [(each.order, each) for each in said]
        for body in named(said):
            steps += [(order, (body, kind)) for order, kind in existence(body)]
        for order, step in sorted(steps, key=lambda each: each[0]):
            if order[0] > day:
                return
            if not isinstance(step, Said):
                self._comes_or_goes(*step)
            elif step.placed:
                self._place(step)
            elif not self._leave(step.body):
                yield order

    def _comes_or_goes(self, body: str, kind: BodyKind | None) -> None:
        if kind is None:
            self._existing.pop(body, None)
            return
        self._existing[body] = kind
        for each in self._there:
            if each.body == body:
                each.kind = kind
        self._settle()

    def _place(self, said: Said) -> None:
        if said.body is not None:
            self._leave(said.body)
        self._there.append(_Placement(said.body, self._existing.get(said.body) if said.body else said.kind))
        self._settle()

    def _leave(self, body: str | None) -> bool:
        before = len(self._there)
        self._there = [each for each in self._there if each.body != body]
        return len(self._there) < before

    def _settle(self) -> None:
        """Of those in effect of one kind the last alone stays."""
        last = {each.kind: each for each in self._there if each.kind}
        self._there = [each for each in self._there if each.kind is None or last[each.kind] is each]

    def answers(self) -> Answers:
        found: dict[BodyKind, str] = {}
        for each in self._there:
            if each.kind is not None and (each.body is None or each.body in self._existing):
                found[each.kind] = each.body or NONE
        waiting = sorted(each.body for each in self._there if each.body and each.body not in self._existing)
        return Answers(tuple(found.get(kind) for kind in BODY_KINDS), tuple(waiting))
