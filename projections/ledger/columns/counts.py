"""All organizations' rows at one (as_of, known_at), as arrays: from raw states and a policy.

The vector form of domain.ledger.rows.row and domain.ledger.rates.count_row; a property test holds both equal.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.ledger.bases import Basis
from domain.ledger.policy import Policy
from domain.ledger.rates import Filters
from domain.values.scope import Scope, by_body, by_region
from domain.values.terms import BODY_KINDS, CATEGORIES, FORMATIONS, KINDS, MEASURES
from projections.ledger.columns.columns import UNKNOWN, Int32, Snapshot

# The strongest formation of each set of covering formations (bits 1 standalone, 2 joint,
# 4 affiliated), as an index in FORMATIONS; NO_FORMATION for none.
NO_FORMATION: Final = len(FORMATIONS)
_STRONGEST: Final = np.array([NO_FORMATION, 0, 1, 0, 2, 0, 1, 0], np.int8)
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Standing:
    """The active organizations' rows; all arrays have one element for each.

    `entry` is the entry that decides the row; codes are indexes in KINDS, CATEGORIES, MEASURES,
    FORMATIONS (NO_FORMATION for null), and numbers in the snapshot's regions and industries.
    `effectively_covered` is false throughout where no activity policy is in force.
    """

    entry: Int32
    org_no: Int32
    attributes_no: Int32
    kind: NDArray[np.int8]
    category: NDArray[np.int8]
    region: Int32
    industry: Int32
    answers: Int32
    legal_person: Mask
    employees: Int32
    full_members: Int32
    probationary_members: Int32
    activists: Int32
    members_elsewhere: Int32
    excluded: NDArray[np.int8]
    formation: NDArray[np.int8]
    organization_covered: Mask
    work_covered: Mask
    eligible: Mask
    measure: NDArray[np.int8]
    effectively_covered: Mask

    def __len__(self) -> int:
        return len(self.entry)

    def where(self, mask: NDArray[Any]) -> "Standing":
        """The rows that a mask or an array of indexes picks."""
        return Standing(*(getattr(self, name)[mask] for name in self.__slots__))


def deciding_entries(snapshot: Snapshot, day: int, known_at: int) -> Int32:
    """For each organization the last entry, as known at a position, that spans the day."""
    entries = snapshot.entries
    known = snapshot.known(known_at)
    spans = entries["day_from"][:known] <= day
    spans &= entries["day_to"][:known] > day
    chosen = np.flatnonzero(spans).astype(np.int32)
    last = np.full(snapshot.organizations, -1, np.int32)
    # Of an index that stands twice, the last assignment holds; entries stand in order of position.
    last[entries["org_no"][chosen]] = chosen
    return last[last >= 0]


def standing(snapshot: Snapshot, day: int, known_at: int, policy: Policy) -> Standing:
    """The rows of all active organizations on a day, as known at a position, under a policy."""
    return rows_of(snapshot, deciding_entries(snapshot, day, known_at), policy)


def rows_of(snapshot: Snapshot, decided: Int32, policy: Policy) -> Standing:
    """The rows that these entries give; entries that make an organization inactive give none."""
    entries, attributes = snapshot.entries, snapshot.attributes
    decided = decided[entries["attributes_no"][decided] >= 0]
    number = entries["attributes_no"][decided]
    formations = entries["formations"][decided]
    full_members = entries["full_members"][decided]
    employees = attributes["employees"][number]
    counted = sum(1 << FORMATIONS.index(f) for f in policy.formations_counted)
    members = members_counted(entries, decided, policy)
    eligible = members >= policy.full_members_for_branch
    measure = np.select([employees >= policy.employees_for_branch, eligible, members >= 1], [0, 1, 2], 3)
    return Standing(
        entry=decided,
        org_no=entries["org_no"][decided],
        attributes_no=number,
        kind=attributes["kind"][number],
        category=attributes["category"][number],
        region=attributes["region"][number],
        industry=attributes["industry"][number],
        answers=entries["answers"][decided],
        legal_person=attributes["legal_person"][number],
        employees=employees,
        full_members=full_members,
        probationary_members=entries["probationary_members"][decided],
        activists=entries["activists"][decided],
        members_elsewhere=entries["full_elsewhere"][decided] + entries["probationary_elsewhere"][decided],
        excluded=entries["excluded"][decided],
        formation=_STRONGEST[formations],
        organization_covered=(formations & counted) != 0,
        work_covered=(formations != 0) | entries["instructed"][decided],
        eligible=eligible,
        measure=measure.astype(np.int8),
        effectively_covered=(entries["effective"][decided] & counted) != 0,
    )


def members_counted(entries: Mapping[str, NDArray[Any]], chosen: NDArray[Any], policy: Policy) -> Int32:
    """Of these entries the full members that the policy looks at (domain.ledger.rows.members_counted)."""
    members: Int32 = entries["full_members"][chosen]
    return members + entries["full_elsewhere"][chosen] if policy.members_counted == "here_and_elsewhere" else members


def matching(snapshot: Snapshot, rows: Standing, filters: Filters) -> Mask:
    """Which rows the filters mean (domain.ledger.rates.matches)."""
    mask = np.ones(len(rows), np.bool_)
    for codes, names, wanted in (
        (rows.kind, KINDS, filters.kind),
        (rows.category, CATEGORIES, filters.category),
        (rows.formation, (*FORMATIONS, "null"), filters.formation),
        (rows.measure, MEASURES, filters.measure),
    ):
        if wanted is not None:
            mask &= codes == names.index(wanted) if wanted in names else False
    for flags, flag in (
        (rows.work_covered, filters.work_covered),
        (rows.eligible, filters.eligible),
        (rows.effectively_covered, filters.effectively_covered),
    ):
        if flag is not None:
            mask &= flags == flag
    if filters.region is not None:
        mask &= _prefixed(snapshot.regions, filters.region)[rows.region]
    if filters.scope is not None:
        mask &= seen(snapshot, rows.region, rows.answers, filters.scope)
    if filters.industry == "null":
        mask &= rows.industry == UNKNOWN
    elif filters.industry is not None:
        # The extra last element answers for UNKNOWN, which is index -1.
        mask &= np.append(_prefixed(snapshot.industries, filters.industry), np.False_)[rows.industry]
    for kind, may in filters.answers or ():
        mask &= _answering(snapshot, kind, may)[rows.answers]
    return mask if filters.counted is None else mask & _counted(rows, filters.counted)


def seen(snapshot: Snapshot, region: Int32, answers: Int32, scope: Scope) -> Mask:
    """What stands in these regions and answers so, and lies within a scope (domain.values.scope.in_scope)."""
    mask: Mask = np.zeros(len(region), np.bool_) if scope is not None else np.ones(len(region), np.bool_)
    if regions := by_region(scope):
        mask |= _prefixed(snapshot.regions, regions)[region]
    bodies: dict[str, set[str | None]] = {}
    for prefix, body in by_body(scope):
        bodies.setdefault(prefix, set()).add(body)
    for prefix, may in bodies.items():
        answering = np.zeros(len(answers), np.bool_)
        for kind in BODY_KINDS:
            answering |= _answering(snapshot, kind, may)[answers]
        mask |= answering & _prefixed(snapshot.regions, prefix)[region]
    return mask


def _answering(snapshot: Snapshot, kind: str, may: Collection[str | None]) -> Mask:
    """Which of the answers name one of these bodies of a kind; None is of those of which nobody said."""
    numbers, texts = snapshot.answers.kinds[kind], list(snapshot.answers.texts)
    chosen = np.fromiter((text in may for text in texts), np.bool_, len(texts))
    # The extra last element answers for UNKNOWN, which is index -1.
    return np.append(chosen, None in may)[numbers]


def _counted(rows: Standing, basis: Basis) -> Mask:
    """Which rows a basis counts (domain.ledger.rates)."""
    mask = np.isin(rows.category, [CATEGORIES.index(each) for each in basis.categories])
    if basis.legal_persons_only:
        mask &= rows.legal_person
    return mask if basis.employees_min is None else mask & (rows.employees >= max(basis.employees_min, 0))


def _prefixed(texts: Any, prefix: str | tuple[str, ...]) -> Mask:  # noqa: ANN401  a sequence that another thread may extend
    return np.fromiter((t.startswith(prefix) for t in list(texts)), np.bool_)
