"""Publication, attacked over documents: an attacker who solves all that is published learns no withheld count.

A random small city goes through intake and projector; its tables and its sealed report are written for publication in
all four forms. The attacker has the list of organizations, which names each with its place, kind and branch, and takes
every cell of all documents together for an equation over each organization's own people, in whole numbers: who is
eligible, too, follows from its members by the policy that is published.
"""

import os
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from api.exports.document import Document
from domain.figures.publication import OF_MEMBERS, PEOPLE, PEOPLE_MIN
from domain.ledger.rates import RATES
from tests.fix_store import Databases
from tests.publishing import CITY, City, Org, Tables, as_csv, as_html, as_json, as_xlsx, published

pytestmark = pytest.mark.long

# `make test-publication` attacks many more.
CITIES = int(os.environ.get("TAIZHANG_TEST_CITIES", "2"))
# More people of one sort than any organization has.
MANY = 1_000
FULL_MEMBERS = 3
WITHHELD = "*"
VERDICT = re.compile(r"([0-9,]+) / ([0-9,]+)$")
TELLING = ("reached", "now", "numerator", "denominator", "required", "missing", "as_known_then", "as_known_now")
# The counts that are attacked together, and the unknowns of each organization that they are made of.
UNKNOWNS = ("employees", "full_members", "members_elsewhere", "eligible", "probationary_members", "activists")
OF: dict[str, str] = {
    "employees_covered": "employees", "eligible_covered": "eligible", "eligible_standalone": "eligible",
}  # fmt: skip


class Figure(NamedTuple):
    """One cell that is shown or withheld: a count of organizations that the attacker can name."""

    name: str
    members: frozenset[int]
    shown: str


def figures(city: City, written: list[Tables]) -> set[Figure]:
    """All counts of people, and what follows from them, that all documents show or withhold."""
    found: set[Figure] = set()
    for by, segment, tables in zip(
        [*(by for by, _ in city.tables), city.sealed_by], [*(of for _, of in city.tables), {}], written, strict=True
    ):
        rates = tables["groups" if "groups" in tables else "summary"]
        for rows in (tables["detail"], rates):
            *groups, total = rows
            for row in groups:
                found |= set(_of_counts(row, _orgs(city, {**segment}, {each: row[each] for each in by})))
            found |= set(_of_counts(total, _orgs(city, segment, {})))
    for number, (rate, segment) in enumerate(city.targets):
        (row,) = [each for each in written[-1]["summary"] if each["target"] == f"t{number}"]
        if "basis" in segment:
            # Whom it counts is not told by the list: a number of them would tell how many people some have.
            assert {row[name] for name in TELLING} == {WITHHELD}
        else:
            found |= set(_of_target(row, rate, _orgs(city, segment, {})))
    return found


def _orgs(city: City, segment: dict[str, str], key: dict[str, str]) -> frozenset[int]:
    return frozenset(
        n
        for n, org in enumerate(city.orgs)
        if not org.excluded and org.within(segment) and all((org.falls(by) or "") == value for by, value in key.items())
    )


def _of_counts(row: dict[str, str], its: frozenset[int]) -> Iterator[Figure]:
    for name in (*PEOPLE, *OF_MEMBERS):
        if name in row:
            yield Figure(name, its, row[name])
    for rate, sides in RATES.items():
        shown = [row[f"{rate}_{side}"] for side in ("numerator", "denominator") if rate in row]
        assert not shown or (WITHHELD in shown) == (row[rate] == WITHHELD)
        yield from (Figure(name, its, cell) for name, cell in zip(sides, shown, strict=False) if name in ATTACKED)


def _of_target(row: dict[str, str], rate: str, its: frozenset[int]) -> Iterator[Figure]:
    """Of a target both sides, and those of what was known when it was due, where the same people stood."""
    sides = RATES[rate]
    shown = [row["numerator"], row["denominator"]]
    if WITHHELD in shown:
        told = [name for name in TELLING if row[name] != WITHHELD]
        assert told in ([], ["numerator"], ["denominator"]), row
    pairs = [shown, *(list(found.groups()) for name in TELLING[-2:] if (found := VERDICT.search(row[name])))]
    for pair in pairs:
        yield from (
            Figure(name, its, cell.replace(",", "")) for name, cell in zip(sides, pair, strict=True) if name in ATTACKED
        )


ATTACKED = (*PEOPLE, *OF_MEMBERS)


class Attacker:
    """Solves all equations together, over what each organization may have of each sort of people."""

    def __init__(self, city: City, found: set[Figure]) -> None:
        self._orgs = city.orgs
        self._width = len(city.orgs) * len(UNKNOWNS)
        shown = [each for each in found if each.shown not in {WITHHELD, ""}]
        self._matrix = [self.row(each) for each in shown]
        self._least = self._most = [float(each.shown) for each in shown]
        counted = ("full_members", "members_elsewhere") if city.members_counted != "here" else ("full_members",)
        for n in range(len(city.orgs)):
            members = sum(self._unit(n, name) for name in counted)
            self._bounded(members - FULL_MEMBERS * self._unit(n, "eligible"), 0, np.inf)
            self._bounded(members - 2 * MANY * self._unit(n, "eligible"), -np.inf, FULL_MEMBERS - 1)
        most = np.full(self._width, float(MANY))
        most[[self._at(n, "eligible") for n in range(len(city.orgs))]] = 1
        self._bounds = Bounds(np.zeros(self._width), most)

    def _bounded(self, row: NDArray[np.float64], least: float, most: float) -> None:
        self._matrix, self._least, self._most = (
            [*self._matrix, row], [*self._least, least], [*self._most, most],
        )  # fmt: skip

    def _at(self, n: int, name: str) -> int:
        return n * len(UNKNOWNS) + UNKNOWNS.index(name)

    def _unit(self, n: int, name: str) -> NDArray[np.float64]:
        row = np.zeros(self._width)
        row[self._at(n, name)] = 1
        return row

    def row(self, figure: Figure) -> NDArray[np.float64]:
        """The unknowns that a figure is the sum of."""
        row = np.zeros(self._width)
        for n in figure.members:
            if is_in(self._orgs[n], figure.name):
                row[self._at(n, OF.get(figure.name, figure.name))] = 1
        return row

    def ends(self, figure: Figure) -> tuple[int, int]:
        """The least and the most that a figure can be, whatever was shown."""
        aim, found = self.row(figure), []
        for sign in (1, -1):
            solved = milp(
                sign * aim, integrality=np.ones(self._width), bounds=self._bounds,
                constraints=LinearConstraint(np.array(self._matrix), self._least, self._most),
            )  # fmt: skip
            assert solved.status == 0, solved.message
            found.append(round(sign * solved.fun))
        return found[0], found[1]

    def holds(self, truth: NDArray[np.float64]) -> bool:
        """Whether the equations hold of what is true: else the attacker errs, and finds nothing."""
        values = np.array(self._matrix) @ truth
        return bool((values >= self._least).all() and (values <= self._most).all())


def is_in(org: Org, name: str) -> bool:
    """Whether a count counts an organization's people."""
    return org.covered if name.endswith("_covered") else name != "eligible_standalone" or org.formation == "standalone"


def truth(city: City) -> NDArray[np.float64]:
    rows = []
    for org in city.orgs:
        elsewhere = org.members_elsewhere if city.members_counted != "here" else 0
        eligible = org.full_members + elsewhere >= FULL_MEMBERS
        rows += [org.employees or 0, org.full_members, org.members_elsewhere, eligible, org.probationary_members,
                 org.activists]  # fmt: skip
    return np.array(rows, float)


def written(make: Callable[[], Document]) -> Tables:
    """What a document shows: the same in all four forms."""
    named, cells = as_json(make())
    for form in (as_csv, as_xlsx, as_html):
        document = make()
        for table, mine, theirs in zip(document.tables, cells, form(document), strict=True):
            counts = [column.kind == "count" for column in table.columns]
            for own, other in zip(mine, theirs, strict=True):
                assert [_seen(*each) for each in zip(own, counts, strict=True)] == [
                    _seen(*each) for each in zip(other, counts, strict=True)
                ], form
    return named


def _seen(cell: str, is_count: bool) -> str | None:  # noqa: FBT001 - of a column
    if cell == WITHHELD:
        return WITHHELD
    return cell.replace(",", "").replace("–", "") if is_count else None


# A city that breaks the law is small enough as it is drawn.
@settings(max_examples=CITIES, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(city=CITY)
def test_no_withheld_count_follows_from_all_documents_of_the_same_clocks_together(
    databases: Databases, city: City
) -> None:
    with published(databases, city) as documents:
        *tables, report = documents
        found = figures(city, [*(as_json(make())[0] for make in tables), written(report)])
    attacker = Attacker(city, found)
    assert attacker.holds(truth(city))
    of_people = Attacker(city, {each for each in found if each.name in PEOPLE})
    for figure in found:
        if figure.shown == WITHHELD:
            least, most = attacker.ends(figure)
            if figure.name in PEOPLE:
                assert most - least >= PEOPLE_MIN, (figure, least, most)
            elif least == most:
                # With a range of members that lies above the policy's number; who is eligible has not told it.
                assert of_people.ends(figure) == (least, most), figure
