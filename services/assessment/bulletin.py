"""The weekly bulletin (通报): each county's coverage with its rank, and how both have moved since the one before."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np

from domain.figures.comparison import percentage_points
from domain.figures.ranking import Rank, ranks
from domain.figures.statutory import ENTERPRISES
from domain.ledger.rates import ANY, Counts, Rate, rates
from domain.values.terms import CATEGORIES, FORMATIONS, Kind
from services.fieldwork.surveys import made, standing_of
from services.ledger.branches import BranchLedger, Wanted
from services.ledger.ledger_at import LedgerAt

# From so many employees on an enterprise strives for a party organization of its own (力争建立).
LARGE_FROM: Final = 50
RATE: Final = "organization_coverage"


class Asked(NamedTuple):
    """Which bulletin.

    Attributes:
        digits: of the regions of its lines: 6 counties, 9 townships.
        kind: of the organizations; None: all.
        previous: the date of the one before, as known at the same position.
        survey: the survey whose progress it tells; None leaves that open.
    """

    digits: int
    kind: Kind | None
    previous: date
    survey: str | None


class Visited(NamedTuple):
    """How many a survey has to visit at a place, and how many of them it has visited."""

    to_visit: int
    visited: int


class Line(NamedTuple):
    """A place's line, or the whole's.

    Attributes:
        region: None for the whole.
        survey: None where none was named or it lists nothing here.
        change: of the organization coverage since the bulletin before, in percentage points, as of `Rate`s shown.
        rank, rank_before: by organization coverage among the lines; None over nothing, and for the whole.
        instructed: units that an instructor is assigned to.
        large, large_established: enterprises of LARGE_FROM and more employees, and those of them under a branch of
            their own or a joint one.
        formed: branches formed after the date of the bulletin before; of the branches' own places.
        term_over: branches whose term is over.
    """

    region: str | None
    survey: Visited | None
    counts: Counts
    change: str | None
    rank: Rank | None
    rank_before: Rank | None
    instructed: int
    large: int
    large_established: int
    formed: int
    term_over: int

    @property
    def rates(self) -> dict[str, Rate]:
        """Its rates."""
        return rates(self.counts)

    @property
    def eligible_missing(self) -> int:
        """Eligible ones that no branch covers (应建未建)."""
        return self.counts.eligible - self.counts.eligible_covered

    @property
    def moved_up(self) -> int | None:
        """By how many ranks it has moved up; None where a side has no rank."""
        return None if self.rank is None or self.rank_before is None else self.rank_before.rank - self.rank.rank


class Bulletin(NamedTuple):
    """The lines by rank, those without one last; the whole; and how many branches' terms have no end anybody stated."""

    asked: Asked
    lines: Sequence[Line]
    total: Line
    without_end: int


Places = Sequence[str]


class _Units:
    """Numbers of units by place that the counts do not have."""

    def __init__(self, ledger: LedgerAt, asked: Asked) -> None:
        rows = ledger.rows(ANY._replace(kind=asked.kind))
        rows = rows.where(rows.excluded == 0)
        places = [region[: asked.digits] for region in ledger.view.snapshot.regions]
        enterprises = np.isin(rows.category, [CATEGORIES.index(each) for each in ENTERPRISES.categories])
        large = enterprises & rows.legal_person & (rows.employees >= LARGE_FROM)
        established = (rows.formation == FORMATIONS.index("standalone")) | (rows.formation == FORMATIONS.index("joint"))

        def of(chosen: np.ndarray) -> Counter[str]:
            return Counter(places[number] for number in rows.region[chosen].tolist())

        self.instructed = of(ledger.view.snapshot.entries["instructed"][rows.entry])
        self.large, self.large_established = of(large), of(large & established)


class _Branches:
    """Numbers of branches by their own place."""

    def __init__(self, ledger: LedgerAt, asked: Asked) -> None:
        branches, day = BranchLedger(ledger), ledger.clocks.day
        self.formed, self.term_over, self.without_end = Counter[str](), Counter[str](), 0
        for name in branches.found(Wanted()):
            term, place = branches.term(name), branches.named(name)[1][: asked.digits]
            self.formed[place] += term.formed_on > asked.previous.toordinal()
            self.term_over[place] += term.last is not None and term.last < day
            self.without_end += term.last is None


def bulletin(ledger: LedgerAt, asked: Asked) -> Bulletin:
    """The bulletin at the ledger's clocks; who is limited to places gets their lines, and ranks among these.

    Raises:
        NotFoundError: no such survey was opened by the date.
    """
    group_by, meant = (f"region:{asked.digits}",), ANY._replace(kind=asked.kind)
    now = ledger.rates(group_by, meant)
    before = LedgerAt(ledger.queries, asked.previous, ledger.clocks.known_at).rates(group_by, meant)
    groups = {key[0] or "": counts for key, counts in now.groups.items()}
    earlier = {key[0] or "": counts for key, counts in before.groups.items()}
    order, order_before = (
        ranks({place: rates(counts)[RATE] for place, counts in of.items()}) for of in (groups, earlier)
    )
    units, branches = _Units(ledger, asked), _Branches(ledger, asked)
    surveyed, whole = _surveyed(ledger, asked)

    def line(place: str | None, counts: Counts, then: Counts | None) -> Line:
        def number(of: Mapping[str, int]) -> int:
            return sum(of.values()) if place is None else of.get(place, 0)

        return Line(
            place, whole if place is None else surveyed.get(place), counts,
            None if then is None else percentage_points(rates(counts)[RATE], rates(then)[RATE]),
            None if place is None else order[place], None if place is None else order_before.get(place),
            number(units.instructed), number(units.large), number(units.large_established),
            number(branches.formed), number(branches.term_over),
        )  # fmt: skip

    lines = [line(place, counts, earlier.get(place)) for place, counts in sorted(groups.items())]
    lines.sort(key=lambda each: (each.rank is None, each.rank or Rank(0, 0)))
    return Bulletin(asked, lines, line(None, now.total, before.total), branches.without_end)


def _surveyed(ledger: LedgerAt, asked: Asked) -> tuple[dict[str, Visited], Visited | None]:
    """By place what the survey has to visit and has visited; and its whole."""
    if asked.survey is None:
        return {}, None
    known_at = ledger.clocks.known_at
    standing = standing_of(
        ledger.queries, made(ledger.queries, asked.survey, ledger.clocks.as_of, known_at), known_at, asked.digits
    )
    places = {each.key: Visited(each.listed or 0, each.visited) for each in standing.groups}
    return places, Visited(standing.total.listed or 0, standing.total.visited)
