"""Flows: what came into a stock between two dates and what left it, by movement; the stocks differ by exactly that.

A stock is a count of the ledger at the end of a day. What moves it is looked for day by day: on each day whose end
differs from that of the day before, an organization or a member leaves where it stood and comes where it stands, and
one movement says why. So a stock that somebody left and came back to shows both.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from domain.values.terms import CountedAs, Standing

UnitStock = Literal["organizations", "organization_covered", "work_covered"]
MemberStock = Literal["full_members", "probationary_members", "activists"]
Stock = UnitStock | MemberStock
Direction = Literal["in", "out"]
UnitMovement = Literal[
    "opened", "readmitted", "moved_in", "newly_covered",
    "closed", "excluded", "moved_out", "no_longer_covered",
]  # fmt: skip
MemberMovement = Literal[
    "registered", "admitted", "promoted", "standing_changed", "transferred", "relation_changed", "with_organization",
    "removed",
]  # fmt: skip
Movement = UnitMovement | MemberMovement

UNIT_STOCKS: Final[tuple[UnitStock, ...]] = ("organizations", "organization_covered", "work_covered")
MEMBER_STOCKS: Final[tuple[MemberStock, ...]] = ("full_members", "probationary_members", "activists")
STOCKS: Final[tuple[Stock, ...]] = (*UNIT_STOCKS, *MEMBER_STOCKS)
# Why an organization is in a stock that it was not in the day before, or the other way: the first that holds of one
# that was (is) not active, was (is) excluded, or stood (stands) in no group or another; the last of one that stays in
# its group.
UNIT_MOVEMENTS: Final[dict[Direction, tuple[UnitMovement, ...]]] = {
    "in": ("opened", "readmitted", "moved_in", "newly_covered"),
    "out": ("closed", "excluded", "moved_out", "no_longer_covered"),
}
_EITHER: Final[tuple[MemberMovement, ...]] = (
    "admitted", "promoted", "standing_changed", "transferred", "relation_changed", "with_organization",
)  # fmt: skip
_MEMBER_STOCK: Final[dict[CountedAs, MemberStock]] = {
    "full": "full_members", "probationary": "probationary_members", "activist": "activists",
}  # fmt: skip
_STANDING: Final[dict[CountedAs, Standing]] = {
    "full": "full", "full_elsewhere": "full", "probationary": "probationary", "probationary_elsewhere": "probationary",
    "activist": "activist",
}  # fmt: skip
_STEPS_UP: Final[dict[tuple[Standing, Standing], MemberMovement]] = {
    ("activist", "probationary"): "admitted",
    ("probationary", "full"): "promoted",
}


def movements_of(stock: Stock, direction: Direction) -> tuple[Movement, ...]:
    """Why a stock grows, or shrinks, in the order in which forms tell it."""
    if stock in MEMBER_STOCKS:
        return ("registered", *_EITHER) if direction == "in" else (*_EITHER, "removed")
    # Nobody is newly in the number of organizations but by coming.
    return UNIT_MOVEMENTS[direction][: 3 if stock == "organizations" else 4]


class Flow(NamedTuple):
    """How a stock came from one date's number to another's."""

    before: int
    coming: Counter[Movement]
    leaving: Counter[Movement]
    after: int

    @property
    def adds_up(self) -> bool:
        """Whether the difference of the stocks is what came less what left."""
        return self.after - self.before == self.coming.total() - self.leaving.total()


class At(NamedTuple):
    """Where a member is and what they count as there."""

    org_no: int
    counted_as: CountedAs

    @property
    def stock(self) -> MemberStock | None:
        """The stock that they stand in; None of one whose relation is elsewhere."""
        return _MEMBER_STOCK.get(self.counted_as)


class Step(NamedTuple):
    """A member's day whose end differs from that of the day before; None: at no organization."""

    day: int
    before: At | None
    after: At | None


def places_of(steps: Iterable[Step]) -> set[tuple[int, int]]:
    """The organizations between which members step, each with the day: what has to be known of them."""
    return {(at.org_no, step.day) for step in steps for at in (step.before, step.after) if at is not None}


def member_movement(step: Step) -> MemberMovement:
    """Why a member stands elsewhere, or counts as something else, than the day before."""
    before, after = step.before, step.after
    if before is None:
        return "registered"
    if after is None:
        return "removed"
    standings = _STANDING[before.counted_as], _STANDING[after.counted_as]
    if standings[0] != standings[1]:
        return _STEPS_UP.get(standings, "standing_changed")
    return "transferred" if before.org_no != after.org_no else "relation_changed"


class Presence(NamedTuple):
    """What a member counts as at an organization on the days [day_from, day_to); None: they are not there."""

    org_no: int
    day_from: int
    day_to: int
    counted_as: CountedAs | None


def steps(presences: Sequence[Presence], since: int, until: int) -> Iterator[Step]:
    """One member's steps on the days after `since` up to `until`, of presences of which a later one overrides."""
    days = {day for each in presences for day in (each.day_from, each.day_to) if since < day <= until}
    for day in sorted(days):
        before, after = _at(presences, day - 1), _at(presences, day)
        if before != after:
            yield Step(day, before, after)


def _at(presences: Iterable[Presence], day: int) -> At | None:
    last = {each.org_no: each.counted_as for each in presences if each.day_from <= day < each.day_to}
    return next((At(org_no, value) for org_no, value in last.items() if value is not None), None)
