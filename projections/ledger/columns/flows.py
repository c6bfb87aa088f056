"""What moves within a period, group by group: organizations on their days, members by their steps.

The vector form of asking domain.ledger.rows for each day and the day before it; a property test holds both equal.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.ledger.flows import (
    MEMBER_STOCKS,
    STOCKS,
    UNIT_MOVEMENTS,
    UNIT_STOCKS,
    At,
    Direction,
    Flow,
    MemberMovement,
    MemberStock,
    Movement,
    Step,
    Stock,
    UnitMovement,
    UnitStock,
    member_movement,
    places_of,
)
from domain.ledger.meaning import without_levels
from domain.ledger.policy import Policy
from domain.ledger.rates import Counts, Filters, Key, answerable, key_order
from projections.ledger.columns.columns import Int32, Snapshot
from projections.ledger.columns.counts import Mask, matching, rows_of
from projections.ledger.columns.flow_days import NOWHERE, Days, Numbers
from projections.ledger.columns.grouping import keys_of


class Rules(NamedTuple):
    """By what rows are counted from a day on: `lift` makes a group's key of that of its rows."""

    since: int
    policy: Policy
    filters: Filters
    judged: bool
    lift: Callable[[Key], Key]


class Side(NamedTuple):
    """What rows are on one side of their days.

    `key` is the index among the keys of the group that counts it, NOWHERE where none does; `stocks` says which stocks
    of organizations it is in, `members` has a column for each of MEMBER_STOCKS.
    """

    key: Int32
    active: Mask
    excluded: Mask
    stocks: dict[UnitStock, Mask]
    members: NDArray[np.int32]


def side(  # noqa: PLR0917 - one question
    snapshot: Snapshot,
    decided: Int32,
    day: Numbers,
    rules: Sequence[Rules],
    by: tuple[str, ...],
    keys: dict[Key, int],
) -> Side:
    """What the rows that these entries decide are, each under the rules of its day; new keys are added to `keys`."""
    count = len(decided)
    found = Side(
        np.full(count, NOWHERE, np.int32),
        (decided >= 0) & (snapshot.entries["attributes_no"][decided] >= 0),
        np.zeros(count, np.bool_),
        {stock: np.zeros(count, np.bool_) for stock in UNIT_STOCKS},
        np.zeros((count, len(MEMBER_STOCKS)), np.int32),
    )
    which = np.searchsorted([each.since for each in rules], day, "right") - 1
    for number, each in enumerate(rules):
        chosen = np.flatnonzero(found.active & (which == number))
        rows = rows_of(snapshot, decided[chosen], each.policy)
        found.excluded[chosen] = rows.excluded != 0
        if not answerable(each.filters, judged=each.judged):
            continue
        counted = np.flatnonzero(matching(snapshot, rows, each.filters) & (rows.excluded == 0))
        rows, chosen = rows.where(counted), chosen[counted]
        own, number_of = keys_of(snapshot, rows, by)
        index = np.array([keys.setdefault(each.lift(key), len(keys)) for key in own], np.int32)
        found.key[chosen] = index[number_of]
        found.stocks["organizations"][chosen] = True
        found.stocks["organization_covered"][chosen] = rows.organization_covered
        found.stocks["work_covered"][chosen] = rows.work_covered
        found.members[chosen] = np.stack([rows.full_members, rows.probationary_members, rows.activists], axis=1)
    return found


class Moved(NamedTuple):
    """An organization that came into a stock of organizations, or left it.

    `before` and `after` are the entries that decide its row the day before and on the day, NOWHERE for none;
    `by_rules`: a policy, a basis or the bodies changed that day.
    """

    day: int
    org_no: int
    key: Key
    stock: UnitStock
    direction: Direction
    movement: UnitMovement
    before: int
    after: int
    by_rules: bool

    @property
    def counted(self) -> int:
        """The entry that decides its row in the stock."""
        return self.before if self.direction == "out" else self.after


class Grouped:
    """What organizations and members were and became, each in its group: of a grouping, or all in one.

    Args:
        snapshot: the ledger.
        days: the organizations' days, with those of the members' steps.
        steps: what members did.
        rules: from the first day on, and from each day on which they change.
        group_by: as for a rate; the rules' `lift` fits it.
    """

    def __init__(
        self, snapshot: Snapshot, days: Days, steps: Sequence[Step], rules: Sequence[Rules], group_by: tuple[str, ...]
    ) -> None:
        self._days, self._steps = days, steps
        self._changing = {each.since for each in rules[1:]}
        keys: dict[Key, int] = {}
        by = without_levels(group_by)
        self._before = side(snapshot, days.before, days.day - 1, rules, by, keys)
        self._after = side(snapshot, days.after, days.day, rules, by, keys)
        self._keys = list(keys)
        self._elsewhere = self._before.key != self._after.key

    def _moving(self) -> Iterator[tuple[UnitStock, Direction, Side, Numbers, Numbers]]:
        """By stock and direction: the side that counts, which days, and of each the index in UNIT_MOVEMENTS."""
        sides: tuple[tuple[Direction, Side, Side], ...] = (
            ("out", self._before, self._after), ("in", self._after, self._before),
        )  # fmt: skip
        for stock in UNIT_STOCKS:
            for direction, of, other in sides:
                moves = of.stocks[stock] & (self._elsewhere | ~other.stocks[stock])
                days = np.flatnonzero(moves)
                why = np.select(
                    [~self._elsewhere[days], ~other.active[days], other.excluded[days]], [_STAYS, 0, 1], _STAYS - 1
                )
                yield stock, direction, of, days, why

    def moved(self) -> Iterator[Moved]:
        """What organizations did."""
        for stock, direction, of, days, why in self._moving():
            for i, movement in zip(days.tolist(), why.tolist(), strict=True):
                day = int(self._days.day[i])
                yield Moved(
                    day, int(self._days.org_no[i]), self._keys[of.key[i]], stock, direction,
                    UNIT_MOVEMENTS[direction][movement], int(self._days.before[i]), int(self._days.after[i]),
                    day in self._changing,
                )  # fmt: skip

    def members(self) -> Iterator[tuple[Key, MemberStock, Direction, MemberMovement, int]]:
        """What members did, and what was done to them with their organization: of each so many."""
        own: Counter[tuple[int, MemberStock, Direction]] = Counter()
        pairs = sorted(places_of(self._steps))
        places = dict(zip(pairs, self._days.at(pairs), strict=True))
        for step in self._steps:
            was = self._place(places, step.day, step.before, self._before)
            became = self._place(places, step.day, step.after, self._after)
            ways: tuple[tuple[Direction, _Place, _Place], ...] = (("out", was, became), ("in", became, was))
            for direction, place, other in ways:
                if place is None:
                    continue
                i, key, stock = place
                own[i, stock, direction] += 1
                if other is None or other[1:] != (key, stock):
                    yield self._keys[key], stock, direction, member_movement(step), 1
        sides: tuple[tuple[Direction, Side], ...] = (("out", self._before), ("in", self._after))
        for i in np.flatnonzero(self._elsewhere).tolist():
            for direction, of in sides:
                if of.key[i] == NOWHERE:
                    continue
                for stock, number in zip(MEMBER_STOCKS, of.members[i].tolist(), strict=True):
                    if rest := number - own[i, stock, direction]:
                        yield self._keys[of.key[i]], stock, direction, "with_organization", rest

    @staticmethod
    def _place(places: Mapping[tuple[int, int], int], day: int, at: At | None, of: Side) -> "_Place":
        if at is None or at.stock is None:
            return None
        i = places[at.org_no, day]
        return None if of.key[i] == NOWHERE else (i, int(of.key[i]), at.stock)

    def flows(self, before: Mapping[Key, Counts], after: Mapping[Key, Counts]) -> dict[Key, dict[Stock, Flow]]:
        """The flows of the groups that are on either side or that something moves in, sorted by key with null last."""
        numbers: dict[Key, dict[tuple[Stock, Direction], Counter[Movement]]] = defaultdict(lambda: defaultdict(Counter))
        for stock, direction, of, days, why in self._moving():
            pairs, counts = np.unique(of.key[days].astype(np.int64) * (_STAYS + 1) + why, return_counts=True)
            for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
                key, movement = divmod(pair, _STAYS + 1)
                numbers[self._keys[key]][stock, direction][UNIT_MOVEMENTS[direction][movement]] += count
        for group, of_members, way, reason, number in self.members():
            numbers[group][of_members, way][reason] += number
        return {
            key: {
                stock: Flow(
                    getattr(before.get(key, _NOBODY), stock), numbers[key][stock, "in"], numbers[key][stock, "out"],
                    getattr(after.get(key, _NOBODY), stock),
                )
                for stock in STOCKS
            }
            for key in sorted({*before, *after, *numbers}, key=key_order)
        }  # fmt: skip


# Which day of an organization, which group and which stock a member stands in; None for none.
_Place = tuple[int, int, MemberStock] | None
_NOBODY: Final = Counts()
# The index in UNIT_MOVEMENTS of what one does that stays in its group.
_STAYS: Final = 3
