"""Supervision orders (督办单) by a date: what has become of each, and to whom those not answered in time have risen."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple, get_args

from domain.events.facts import Fact
from domain.events.orders import OrderAnswer, OrderGround, OrderOutcome
from domain.values.instants import parse_date

ISSUED: Final = "taizhang.order.issued.v1"
State = Literal["issued", "acknowledged", "answered", "sent_back", "closed"]
STATES: Final[tuple[State, ...]] = get_args(State)
Contradiction = Literal[
    "already_issued", "not_issued", "already_acknowledged", "already_answered", "not_answered", "another_region"
]
_UNANSWERED: Final[frozenset[State]] = frozenset(("issued", "acknowledged", "sent_back"))
_ACTS: Final[dict[str, State]] = {
    "taizhang.order.acknowledged.v1": "acknowledged", "taizhang.order.answered.v1": "answered",
    "taizhang.order.sent_back.v1": "sent_back", "taizhang.order.closed.v1": "closed",
}  # fmt: skip
# Which states an act may follow, and what it is where it follows another.
_FOLLOWS: Final[dict[State, tuple[frozenset[State], Contradiction]]] = {
    "acknowledged": (frozenset(("issued",)), "already_acknowledged"),
    "answered": (_UNANSWERED, "already_answered"),
    "sent_back": (frozenset(("answered",)), "not_answered"),
    "closed": (_UNANSWERED | {"answered"}, "not_issued"),
}


class Risen(NamedTuple):
    """To which office an order rose, and on which day."""

    office: str
    on: date


class Order(NamedTuple):
    """One order.

    Attributes:
        office: to which it was issued, in the division `region`.
        by: which issued it, in `by_region`; None: the whole city's.
        due_on: the last day on which an answer is in time; another one once it was sent back.
        since: the day of its state.
        said: of its last answer; None before.
        rises_on: the day on which it next rises, should it be unanswered still.
        risen: to whom it has risen, the first first; it never falls back.
    """

    order: str
    office: str
    region: str
    by: str
    by_region: str | None
    ground: OrderGround
    asks: str
    issued_on: date
    due_on: date
    rises_to: Sequence[str]
    rise_days: int
    state: State
    since: date
    said: OrderAnswer | None
    remark: str | None
    outcome: OrderOutcome | None
    rises_on: date
    risen: tuple[Risen, ...]
    decided_by: tuple[int, ...]

    @property
    def is_unanswered(self) -> bool:
        """Whether an answer is owed."""
        return self.state in _UNANSWERED

    @property
    def held_by(self) -> str:
        """The office that it is with: the last it has risen to, or the one it was issued to."""
        return self.risen[-1].office if self.risen else self.office

    def overdue_days(self, as_of: date) -> int:
        """For how many days an answer has been owed; 0 in time, and where none is owed."""
        return max((as_of - self.due_on).days, 0) if self.is_unanswered else 0


class Contradicted(NamedTuple):
    """An act without effect."""

    order: str
    region: str
    contradiction: Contradiction
    position: int


def orders(facts: Iterable[Fact], as_of: date) -> tuple[list[Order], list[Contradicted]]:
    """Every order issued by the date, after its facts, given in canonical order; one issued again begins anew."""
    found: dict[str, Order] = {}
    wrong: list[Contradicted] = []
    for fact in facts:
        if fact.effective_on > as_of:
            break
        before = found.get(fact.entity)
        standing = None if before is None else _risen(before, fact.effective_on)
        against = _against(standing, fact)
        if against is not None:
            wrong.append(Contradicted(fact.entity, fact.data["region"], against, fact.position))
        else:
            found[fact.entity] = _issued(fact) if fact.type == ISSUED or standing is None else _after(standing, fact)
    return [_risen(each, as_of) for each in found.values()], wrong


def _against(order: Order | None, fact: Fact) -> Contradiction | None:
    """Why a fact has no effect; None where it has."""
    if order is None or order.state == "closed":
        return None if fact.type == ISSUED else "not_issued"
    if fact.type == ISSUED:
        return "already_issued"
    if fact.data["region"] != order.region:
        return "another_region"
    after, against = _FOLLOWS[_ACTS[fact.type]]
    return None if order.state in after else against


def _risen(order: Order, day: date) -> Order:
    """The order at the beginning of a day: whoever answers on the day after it was due is late."""
    while order.is_unanswered and len(order.risen) < len(order.rises_to) and order.rises_on <= day:
        to = Risen(order.rises_to[len(order.risen)], order.rises_on)
        order = order._replace(risen=(*order.risen, to), rises_on=order.rises_on + timedelta(order.rise_days))
    return order


def _issued(fact: Fact) -> Order:
    data, due_on = fact.data, parse_date(fact.data["due_on"])
    return Order(
        fact.entity, data["office"], data["region"], data["by"], data["by_region"], data["ground"], data["asks"],
        fact.effective_on, due_on, data.get("rises_to", ()), data.get("rise_days", 7), "issued", fact.effective_on,
        None, None, None, due_on + timedelta(1), (), fact.decided_by,
    )  # fmt: skip


def _after(order: Order, fact: Fact) -> Order:
    data = fact.data
    found = order._replace(
        state=_ACTS[fact.type], since=fact.effective_on, decided_by=(*order.decided_by, *fact.decided_by)
    )
    match found.state:
        case "answered":
            return found._replace(said=data["says"], remark=data.get("remark"))
        case "sent_back":
            due_on = parse_date(data["due_on"])
            return found._replace(due_on=due_on, remark=data.get("remark"), rises_on=due_on + timedelta(1))
        case "closed":
            return found._replace(outcome=data["outcome"])
    return found
