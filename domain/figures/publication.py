"""What may be published of people: small counts and those of one organization are withheld, and enough to hide them.

**Rule.** People are counted by kind and county (region:6). Such a cell is sensitive where it counts 1 to
PEOPLE_MIN - 1 people, or people of one organization alone; employees not covered, which follow by a difference, too.
For each sensitive cell a *move* is chosen: a change of cells by PEOPLE_MIN people each, up or down, that leaves none
below nothing. A figure is withheld where a move changes it, and every other figure is published: margins, the whole,
and any group of organizations that is made of whole cells.

So the world after any one move gives the same publications as the true one. Whoever solves all equations that are
published of one pair of clocks, in however many documents and groupings, is left with a range of at least PEOPLE_MIN
for every count that is withheld (L. H. Cox 1980, Suppression methodology and statistical disclosure control; D.
Gusfield 1988, A graph theoretic approach to statistical data security). A group that holds a part of a cell's
organizations is withheld: it can be anything from nothing to the cell.

Who is eligible follows from members: such counts of organizations are withheld as well, but where nobody is a member.
Measures follow too, by which a publication is therefore neither grouped nor filtered (`tells_of_people`).

The rule does not hide from whoever guesses why a cell was chosen, or knows one of two organizations of a cell.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final, Literal, NamedTuple

from domain.ledger.rates import BODY_DIMENSION, Counts, Filters, Key, add

PEOPLE_MIN: Final = 10
GROUP_BY: Final = ("kind", "region:6")
PEOPLE: Final = (
    "employees", "employees_covered", "full_members", "probationary_members", "activists", "members_elsewhere",
)  # fmt: skip
# Counts of organizations that follow from their members (spec/domain.md: eligible).
OF_MEMBERS: Final = ("eligible", "eligible_covered", "eligible_standalone")
# The count of organizations without which there is nothing of these.
_POSSIBLE: Final = {"eligible_covered": "organization_covered", "eligible_standalone": "standalone"}
_COUNTED_MEMBERS: Final = ("full_members", "members_elsewhere")
TELLING: Final = ("eligible", "measure")

# Kind and county; a part of a group is what it has in one cell.
Cell = Key
Parts = Mapping[Cell, Counts]
# How many times PEOPLE_MIN people each cell gains (1) or loses (-1).
Move = Mapping[Cell, int]
_Margin = tuple[str | None, str | None]
_Layer = Literal["covered", "not_covered", "full_members", "probationary_members", "activists", "members_elsewhere"]
_LAYERS: Final[Mapping[str, tuple[_Layer, ...]]] = {
    "employees": ("covered", "not_covered"), "employees_covered": ("covered",), "full_members": ("full_members",),
    "probationary_members": ("probationary_members",), "activists": ("activists",),
    "members_elsewhere": ("members_elsewhere",),
}  # fmt: skip


def _people(layer: _Layer, counts: Counts) -> int:
    match layer:
        case "covered":
            return counts.employees_covered
        case "not_covered":
            return counts.employees - counts.employees_covered
        case _:
            return int(getattr(counts, layer))


def _contributors(layer: _Layer, counts: Counts) -> int:
    """How many organizations can have people of this layer."""
    match layer:
        case "covered":
            return counts.organization_covered
        case "not_covered":
            return counts.organizations - counts.organization_covered
        case _:
            return counts.organizations


class Publication(NamedTuple):
    """The cells at one pair of clocks, and the moves that every publication of it leaves possible, by layer."""

    cells: Parts
    moves: Mapping[_Layer, Sequence[Move]]

    def withholds(self, name: str, parts: Parts) -> bool:
        """Whether a count of people, or one that follows from it, of a group is withheld.

        Args:
            name: of the count.
            parts: of the group, what it has in each cell; it has nothing in those left out.
        """
        if name in OF_MEMBERS:
            possible = _POSSIBLE.get(name, "organizations")
            if not any(getattr(each, possible) for each in parts.values()):
                return False
            # Whichever of them the policy counts.
            return any(
                any(getattr(each, members) for each in parts.values()) or self.withholds(members, parts)
                for members in _COUNTED_MEMBERS
            )
        return any(self._is_moved(layer, parts) for layer in _LAYERS.get(name, ()))

    def _is_moved(self, layer: _Layer, parts: Parts) -> bool:
        moves = self.moves[layer]
        moved = {cell for move in moves for cell in move}
        whole = set()
        for cell, part in parts.items():
            own, every = (_contributors(layer, counts) for counts in (part, self.cells[cell]))
            if own == every:
                whole.add(cell)
            elif own and (cell in moved or _people(layer, self.cells[cell])):
                return True
        return any(sum(turn for cell, turn in move.items() if cell in whole) for move in moves)


def publication(groups: Parts) -> Publication:
    """What may be published of the whole ledger, from its groups by GROUP_BY."""
    layers: tuple[_Layer, ...] = tuple(dict.fromkeys(layer for found in _LAYERS.values() for layer in found))
    return Publication(groups, {layer: list(_moves(layer, groups)) for layer in layers})


def _moves(layer: _Layer, cells: Parts) -> Iterator[Move]:
    """A move for each sensitive cell that none before it changes."""
    people = {cell: _people(layer, counts) for cell, counts in cells.items()}
    contributors = {cell: _contributors(layer, counts) for cell, counts in cells.items()}
    withheld: set[_Margin] = set()
    moved: set[Cell] = set()
    for cell, count in people.items():
        sensitive = 0 < count < PEOPLE_MIN or contributors[cell] == 1
        if not sensitive or cell in moved:
            continue
        for candidates in (_rectangles(cell, people), _others(cell, people)):
            possible = [move for move in candidates if _is_possible(move, people, contributors)]
            if possible:
                break
        # There is one always: that which raises this cell alone.
        best = min(possible, key=lambda move: _cost(move, people, withheld))
        withheld |= _changed(best)
        moved |= set(best)
        yield best


def _is_possible(move: Move, people: Mapping[Cell, int], contributors: Mapping[Cell, int]) -> bool:
    return all(
        contributors.get(cell, 0) if turn > 0 else people.get(cell, 0) >= PEOPLE_MIN for cell, turn in move.items()
    )


def _beside(cell: Cell, cells: Iterable[Cell]) -> tuple[set[str | None], set[str | None]]:
    """The other kinds and the other counties."""
    kinds, counties = ({each[n] for each in cells} - {cell[n]} for n in (0, 1))
    return kinds, counties


def _rectangles(cell: Cell, cells: Iterable[Cell]) -> Iterator[Move]:
    """Moves of a cell with three others that leave every margin."""
    own_kind, own_county = cell
    for turn, kind, county in product((1, -1), *_beside(cell, cells)):
        yield {cell: turn, (kind, own_county): -turn, (own_kind, county): -turn, (kind, county): turn}


def _others(cell: Cell, cells: Iterable[Cell]) -> Iterator[Move]:
    """Moves of a cell with one other, which leave the whole, or by itself."""
    kinds, counties = _beside(cell, cells)
    for turn, kind, county in product((1, -1), {*kinds, cell[0]}, {*counties, cell[1]}):
        yield {cell: turn} if (kind, county) == cell else {cell: turn, (kind, county): -turn}


def _changed(move: Move) -> set[_Margin]:
    """The cells, margins (None: over all) and the whole that a move changes."""
    by: dict[_Margin, int] = {}
    for (row, column), turn in move.items():
        for each in product((row, None), (column, None)):
            by[each] = by.get(each, 0) + turn
    return {each for each, turns in by.items() if turns}


def _cost(move: Move, people: Mapping[Cell, int], withheld: set[_Margin]) -> tuple[bool, int, int, str]:
    """What a move withholds anew: the whole at last, few margins, few people."""
    new = _changed(move) - withheld
    margins = sum(None in each for each in new)
    return (None, None) in new, margins, sum(people[each] for each in move if each in new), str(sorted(move.items()))


def with_cells(group_by: tuple[str, ...]) -> tuple[str, ...]:
    """The dimensions by which a grouping falls into cells."""
    return tuple(dict.fromkeys((*group_by, *GROUP_BY)))


def parts_by_group(group_by: tuple[str, ...], groups: Mapping[Key, Counts]) -> dict[Key, Parts]:
    """What each group of a grouping has in each cell, from its groups `with_cells`."""
    at = [with_cells(group_by).index(name) for name in GROUP_BY]
    found: dict[Key, dict[Cell, Counts]] = {}
    for key, counts in groups.items():
        found.setdefault(key[: len(group_by)], {})[tuple(key[n] for n in at)] = counts
    return dict(found)


def sum_of_parts(found: Iterable[Parts]) -> Parts:
    """What groups that share no organization have together in each cell."""
    sums: dict[Cell, Counts] = {}
    for parts in found:
        for cell, counts in parts.items():
            sums[cell] = add(sums.get(cell, Counts()), counts)
    return sums


def tells_of_people(group_by: Sequence[str], filters: Filters) -> list[str]:
    """The dimensions and filters that say of organizations what follows from their people.

    Bodies and bases cut across the cells of which it is decided, so that single organizations could be told.
    """
    asked = [name for name in (*TELLING, "body", "basis") if name in group_by or getattr(filters, name) is not None]
    return [*asked, *(name for name in group_by if name.startswith(BODY_DIMENSION))]
