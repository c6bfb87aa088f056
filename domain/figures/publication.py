"""What may be published of counts of people: small ones are withheld, and enough beside them to hide them.

People are counted in one fixed system of tables: kind by county (region:6), with every margin and the whole. Every
published figure is a cell of that system, however it is asked for, so that no two publications of one pair of clocks
say more together than the system does. Other groupings and filters carry no counts of people. Organizations' counts
stay everywhere.

**Rule.** A count of people from 1 to PEOPLE_MIN - 1 is sensitive, and so is one that follows by a difference (employees
not covered). For each sensitive cell a rectangle of the table that has it at a corner is withheld, chosen so that its
corners can be raised and lowered in turn by PEOPLE_MIN without any becoming negative: all sums stay, so whoever solves
the published equations is left with a range of at least PEOPLE_MIN values, from the true one up (L. H. Cox 1980,
Suppression methodology and statistical disclosure control; D. Gusfield 1988, A graph theoretic approach to statistical
data security). Where no rectangle serves, all of that count is withheld but the whole, or even that.

What organizations' counts imply by themselves (an eligible one has the full members that the policy asks for) stays.
"""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Final, NamedTuple

from domain.ledger.rates import Counts, Filters, Key, add

PEOPLE_MIN: Final = 10
GROUP_BY: Final = ("kind", "region:6")

# A cell of the system: kind and county, None for the margin over all of them.
Cell = tuple[str | None, str | None]
TOTAL: Final[Cell] = (None, None)


class _Layer(NamedTuple):
    """People who are counted together, and the counts that are withheld with them.

    Organizations of none of which one can be among them make a cell that is known to be 0: it protects nothing.
    """

    published: tuple[str, ...]
    people: Mapping[Cell, int]
    known_zero: frozenset[Cell]


class Publication(NamedTuple):
    """The cells of the system that are withheld, by count; the table holds the margins too."""

    table: Mapping[Cell, Counts]
    withheld: Mapping[str, frozenset[Cell]]

    def people(self, name: str, cell: Cell | None) -> int | None:
        """A count of people as it may be published; None where it is withheld, or the cell is not of the system."""
        if cell is None or cell in self.withheld[name]:
            return None
        return int(getattr(self.table.get(cell, Counts()), name))


PEOPLE: Final = ("employees", "employees_covered", "full_members", "probationary_members", "activists")
_EMPLOYEES: Final = PEOPLE[:2]


def publication(groups: Mapping[Key, Counts]) -> Publication:
    """What may be published of the whole ledger grouped by GROUP_BY."""
    table = _with_margins({(key[0], key[1]): counts for key, counts in groups.items()})
    withheld: dict[str, set[Cell]] = {name: set() for name in PEOPLE}
    for layer in _layers(table):
        cells = _withheld(layer)
        for name in layer.published:
            withheld[name] |= cells
    return Publication(table, {name: frozenset(cells) for name, cells in withheld.items()})


def _with_margins(cells: Mapping[Cell, Counts]) -> dict[Cell, Counts]:
    table: dict[Cell, Counts] = {TOTAL: Counts()}
    for (kind, county), counts in cells.items():
        for cell in product((kind, None), (county, None)):
            table[cell] = add(table.get(cell, Counts()), counts)
    return table


def _layers(table: Mapping[Cell, Counts]) -> Iterable[_Layer]:
    """Each count of members; employees covered and not covered, whose sum is published beside the first."""

    def layer(published: tuple[str, ...], people: Mapping[Cell, int], orgs: Mapping[Cell, int]) -> _Layer:
        return _Layer(published, people, frozenset(cell for cell, count in orgs.items() if count == 0))

    organizations = {cell: each.organizations for cell, each in table.items()}
    covered = {cell: each.organization_covered for cell, each in table.items()}
    uncovered = {cell: organizations[cell] - covered[cell] for cell in table}
    yield layer(_EMPLOYEES, {cell: each.employees_covered for cell, each in table.items()}, covered)
    others = {cell: each.employees - each.employees_covered for cell, each in table.items()}
    yield layer(_EMPLOYEES, others, uncovered)
    for name in PEOPLE[2:]:
        yield layer((name,), {cell: getattr(each, name) for cell, each in table.items()}, organizations)


def _withheld(layer: _Layer) -> set[Cell]:
    """The sensitive cells of a layer, and the rectangles that protect them."""
    sensitive = [cell for cell, count in layer.people.items() if 0 < count < PEOPLE_MIN]
    withheld = set(sensitive)
    for cell in sensitive:
        rectangle = _rectangle(layer, cell, withheld)
        if rectangle is None:
            return _everything(layer)
        withheld |= rectangle
    return withheld


def _rectangle(layer: _Layer, cell: Cell, withheld: set[Cell]) -> set[Cell] | None:
    """The other corners of the best rectangle: the fewest people newly withheld, margins only where they must be."""
    kinds = {kind for kind, _ in layer.people}
    counties = {county for _, county in layer.people}
    best: tuple[tuple[int, int, str], set[Cell]] | None = None
    for kind, county in product(kinds - {cell[0]}, counties - {cell[1]}):
        corners: dict[Cell, int] = {(cell[0], county): -1, (kind, cell[1]): -1, (kind, county): 1}
        if not all(_can_move(layer, cell, corner, turn) for corner, turn in corners.items()):
            continue
        new = [corner for corner in corners if corner not in withheld]
        margins = sum(None in corner for corner in new)
        cost = (margins, sum(layer.people[corner] for corner in new), f"{kind} {county}")
        if best is None or cost < best[0]:
            best = (cost, set(corners))
    return best[1] if best else None


def _can_move(layer: _Layer, cell: Cell, corner: Cell, turn: int) -> bool:
    """Whether a corner can follow when the cell is raised by PEOPLE_MIN.

    A margin stands on the other side of its sum, so that it moves in the opposite turn; the whole is a margin twice.
    """
    if corner not in layer.people or corner in layer.known_zero:
        return False
    goes_down = turn * _side(cell) * _side(corner) < 0
    return not goes_down or layer.people[corner] >= PEOPLE_MIN


def _side(cell: Cell) -> int:
    return -1 if (cell[0] is None) != (cell[1] is None) else 1


def _everything(layer: _Layer) -> set[Cell]:
    """All but the whole; the whole too where it is small itself or only one cell can make it up."""
    cells = [cell for cell in layer.people if None not in cell and cell not in layer.known_zero]
    alone = len(cells) < 2 or layer.people[TOTAL] < PEOPLE_MIN
    return {cell for cell in layer.people if alone or cell != TOTAL}


def cell_of(group_by: tuple[str, ...], key: Key, filters: Filters, found: Publication) -> Cell | None:
    """The cell of the system that a group is, under the filters of its table; None where it is none."""
    if set(group_by) - set(GROUP_BY) or filters._replace(kind=None, region=None) != Filters():
        return None
    values = dict(zip(group_by, key, strict=True))
    kind, county = values.get("kind", filters.kind), values.get("region:6")
    if county is None and filters.region is not None:
        counties = {each for _, each in found.table if each is not None}
        if not all(each.startswith(filters.region) for each in counties):
            county = filters.region
            if county not in counties:
                return None
    return (kind, county)
