"""An office's own ledger file beside the ledger: what the file adds, and where the two say otherwise.

The file is an office's word on its branches, coverage and instructors. It adds what the ledger lacks and says anew how
a branch covers whom; it ends nothing, since a cell left empty is no act. Numbers of members are never taken over: the
ledger counts them from facts of its own, and the two numbers are shown side by side.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple, cast

from domain.fieldwork import office_cells
from domain.fieldwork.lists import Refusal
from domain.fieldwork.office_cells import OfficeField
from domain.ledger.branches import Branch, formations
from domain.listing.list_cells import Cell, CellError
from domain.values.names import one_width
from domain.values.terms import FORMATIONS, Formation, Tier

REGION_DIGITS: Final = (12, 9, 6, 4, 2)
COUNTED: Final = ("full", "probationary", "members")


class Entry(NamedTuple):
    """One organization as the file has it; None and nothing where it says nothing.

    `tells_branch`: the file has a column of branches, so that an empty cell says that there is none. `members` is the
    total of full and probationary ones, where the file has a column for it.
    """

    org: str
    branch: str | None = None
    tier: Tier | None = None
    formation: Formation | None = None
    formed_on: date | None = None
    instructors: frozenset[str] = frozenset()
    full: int | None = None
    probationary: int | None = None
    members: int | None = None
    tells_branch: bool = False


class Known(NamedTuple):
    """What the ledger has at the end of the file's date.

    Attributes:
        regions: by active organization its region.
        branches: by identifier those of the office's place, since a name is one only there; dissolved ones not formed.
        instructors: by organization who is assigned there.
        members: by organization its full and its probationary members; none where it has none.
    """

    regions: Mapping[str, str]
    branches: Mapping[str, Branch]
    instructors: Mapping[str, frozenset[str]]
    members: Mapping[str, tuple[int, int]]


class Statement(NamedTuple):
    """The type and the data of an event that the file asks for."""

    type: str
    data: Mapping[str, Any]


class Discrepancy(NamedTuple):
    """Where the file and the ledger say otherwise, and nothing is published.

    `field` is one of `full`, `probationary`, `members` (numbers), `tier`, or `branch` (the ledger has the
    organization under these, and not under the one that the file names, if it names any).
    """

    org: str
    field: str
    reported: int | str | None
    ledger: int | str


class Compared(NamedTuple):
    """What the file adds, in an order of its own; where it differs; the rows that say nothing, and why."""

    statements: tuple[Statement, ...]
    discrepancies: tuple[Discrepancy, ...]
    refusals: tuple[Refusal, ...]


_READERS: Final[Mapping[OfficeField, Callable[[Cell], Any]]] = {
    "branch": office_cells.branch_name, "tier": office_cells.tier, "formation": office_cells.formation,
    "formed_on": office_cells.formed_on, "instructor": office_cells.instructors, "full": office_cells.count,
    "probationary": office_cells.count, "members": office_cells.count,
}  # fmt: skip


def entry(
    row: int, org: str, cells: Mapping[OfficeField, Cell], headings: Mapping[OfficeField, str]
) -> Entry | Refusal:
    """One row, whose organization is known; or why it cannot be read.

    Args:
        row: its number.
        org: the organization, as `domain.listing.list_cells.organization` reads its code.
        cells: by field the cell.
        headings: by field the heading of its column, which a refusal names.
    """
    found: dict[str, Any] = {}
    for name, cell in cells.items():
        try:
            found["instructors" if name == "instructor" else name] = _READERS[name](cell)
        except CellError as error:
            # A name may stand where a pseudonym belongs: it is not repeated.
            value = "" if name == "instructor" else str(cell)[:80]
            return Refusal(row, headings.get(name, name), value, error.rule, str(error))
    said = Entry(org, **found, tells_branch="branch" in cells)
    if said.branch is not None and said.formation is None:
        message = "a branch is named, and not how it covers; write 单独组建, 联合组建 or 挂靠组建"
        return Refusal(row, headings.get("formation", "formation"), "", "formation_missing", message)
    if said.branch is None and said.formation is not None:
        message = f"it is covered ({said.formation}), and by which branch is not said; name the branch"
        return Refusal(row, headings.get("branch", "branch"), "", "branch_missing", message)
    return said


def compare(source: str, as_of: date, entries: Iterable[tuple[int, Entry]], known: Known) -> Compared:
    """What the file adds and where it differs: of the set of its rows, their order has no part in it.

    Args:
        source: the office whose file it is; new branches are named by it and their own name.
        as_of: the date whose end the file describes.
        entries: each with its row's number.
        known: what the ledger has.
    """
    rows, refusals = _each_once(entries, known)
    named = _Names(source, known.branches)
    by_branch: dict[str, list[tuple[int, Entry]]] = defaultdict(list)
    for row, said in rows:
        if said.branch is not None:
            by_branch[one_width(said.branch)].append((row, said))
    statements: list[Statement] = []
    discrepancies: list[Discrepancy] = []
    refused: set[int] = set()
    for name, of_branch in by_branch.items():
        branch = named.of(name)
        why = _contradiction(branch, of_branch, known, as_of)
        if why is not None:
            refused.update(row for row, _ in of_branch)
            refusals += [Refusal(row, "", name, *why) for row, _ in of_branch]
            continue
        made, differing = _of_branch(branch, [said for _, said in of_branch], known, as_of)
        statements += made
        discrepancies += differing
    kept = [said for row, said in rows if row not in refused]
    for said in kept:
        statements += [
            Statement(
                "taizhang.instructor.assigned.v1",
                {"effective_on": as_of.isoformat(), "org": said.org, "instructor": instructor},
            )
            for instructor in sorted(said.instructors - known.instructors.get(said.org, frozenset()))
        ]
    discrepancies += _members(kept, known)
    discrepancies += _elsewhere(kept, named, known)
    return Compared(tuple(statements), tuple(sorted(discrepancies, key=lambda each: each[:2])), tuple(sorted(refusals)))


class _Names:
    """The branch of a name: the one that the ledger has, or a new one; more than one is not told apart."""

    def __init__(self, source: str, branches: Mapping[str, Branch]) -> None:
        self.source = source
        self.found: dict[str, list[str]] = defaultdict(list)
        for branch, state in branches.items():
            if state.formation is not None and state.name is not None:
                self.found[one_width(state.name)].append(branch)

    def of(self, name: str) -> str | None:
        """Its identifier; None where the ledger has several of the name."""
        known = self.found.get(name)
        if known is None:
            named_so = hashlib.sha256(f"{self.source}\n{name}".encode()).hexdigest()
            return f"branch:{named_so[:32]}"
        return known[0] if len(known) == 1 else None


def _each_once(entries: Iterable[tuple[int, Entry]], known: Known) -> tuple[list[tuple[int, Entry]], list[Refusal]]:
    """The rows of active organizations, equal ones once, by organization; and why the others say nothing."""
    by_org: dict[str, list[tuple[int, Entry]]] = defaultdict(list)
    for row, said in entries:
        by_org[said.org].append((row, said))
    rows: list[tuple[int, Entry]] = []
    refusals: list[Refusal] = []
    for org, of_org in sorted(by_org.items()):
        if org not in known.regions:
            why = (
                "not_registered",
                "the ledger has no active organization of this code; bring in its registry's list first",
            )
        elif len({said for _, said in of_org}) > 1:
            numbers = ", ".join(str(row) for row, _ in sorted(of_org, key=lambda each: each[0]))
            why = "listed_twice", f"rows {numbers} say otherwise of it; leave only the right one"
        else:
            rows.append(min(of_org, key=lambda each: each[0]))
            continue
        refusals += [Refusal(row, "", org, *why) for row, _ in of_org]
    return rows, refusals


def _contradiction(
    branch: str | None, rows: list[tuple[int, Entry]], known: Known, as_of: date
) -> tuple[str, str] | None:
    """The rule and the remedy where the rows of one branch cannot all be right; None where they can."""
    if branch is None:
        return "branch_ambiguous", "the ledger has several branches of this name; write the full name of the one meant"
    for what, found in (
        ("党组织类别", {said.tier for _, said in rows} - {None}),
        ("党组织成立时间", {said.formed_on for _, said in rows} - {None}),
    ):
        if len(found) > 1:
            shown = " / ".join(sorted(map(str, found)))
            return "branch_otherwise", f"its rows do not agree on {what} ({shown}); write the same in each"
    state = known.branches.get(branch)
    if state is None:
        return _not_formed([said for _, said in rows], as_of)
    if state.formation is None:
        return "branch_dissolved", "the ledger has this branch dissolved; whoever dissolved it puts that right first"
    return None


def _not_formed(entries: list[Entry], as_of: date) -> tuple[str, str] | None:
    """Why these rows form no new branch."""
    if not any(each.tier for each in entries):
        return "tier_missing", "the branch is new, and what it is is not said; write 党委, 党总支 or 党支部"
    if any(each.formed_on and each.formed_on > as_of for each in entries):
        return "formed_later", f"it would be formed after the file's date {as_of}; correct one of the two"
    return None


def _of_branch(
    branch: str | None, entries: list[Entry], known: Known, as_of: date
) -> tuple[list[Statement], list[Discrepancy]]:
    """What the rows of one branch add. How each is covered is said of the pair; since when, only by the file's date."""
    assert branch is not None  # noqa: S101 - a branch without an identifier is refused before
    statements: list[Statement] = []
    state = known.branches.get(branch, Branch())
    tier = next((each.tier for each in entries if each.tier), None)
    if state.formation is None:
        formed_on = next((each.formed_on for each in entries if each.formed_on), as_of)
        data: dict[str, Any] = {
            "effective_on": formed_on.isoformat(), "branch": branch, "name": entries[0].branch,
            "tier": tier, "formation": min((_how(each) for each in entries), key=FORMATIONS.index),
            "region": _region([known.regions[each.org] for each in entries]), "covers": [],
        }  # fmt: skip
        statements.append(Statement("taizhang.branch.formed.v1", data))
    has = formations(state, state.covers)
    add = [{"org": each.org, "formation": each.formation} for each in entries if has.get(each.org) != each.formation]
    if add:
        data = {"effective_on": as_of.isoformat(), "branch": branch, "add": add}
        statements.append(Statement("taizhang.branch.coverage_changed.v1", data))
    differs = state.tier is not None and tier is not None and tier != state.tier
    return statements, [
        Discrepancy(each.org, "tier", tier, str(state.tier)) for each in entries if differs and each.tier is not None
    ]


def _how(said: Entry) -> Formation:
    return cast("Formation", said.formation)  # a row with a branch has a formation, or is refused


def _region(regions: list[str]) -> str:
    """The smallest division that has them all; of several provinces, the first one's."""
    first = min(regions)
    for digits in REGION_DIGITS:
        if len(first) >= digits and all(each.startswith(first[:digits]) for each in regions):
            return first[:digits]
    return first[:2]


def _members(entries: Iterable[Entry], known: Known) -> list[Discrepancy]:
    found = []
    for each in entries:
        full, probationary = known.members.get(each.org, (0, 0))
        has = dict(zip(COUNTED, (full, probationary, full + probationary), strict=True))
        for field in COUNTED:
            reported = getattr(each, field)
            if reported is not None and reported != has[field]:
                found.append(Discrepancy(each.org, field, reported, has[field]))
    return found


def _elsewhere(entries: Iterable[Entry], named: _Names, known: Known) -> list[Discrepancy]:
    """Organizations that the ledger has under other branches, and not under that of the file."""
    covering: dict[str, list[str]] = defaultdict(list)
    for branch, state in known.branches.items():
        for org in state.covers if state.formation is not None else ():
            covering[org].append(branch)
    return [
        Discrepancy(each.org, "branch", each.branch, ", ".join(sorted(covering[each.org])))
        for each in entries
        if each.tells_branch
        and each.org in covering
        and (each.branch is None or named.of(one_width(each.branch)) not in covering[each.org])
    ]
