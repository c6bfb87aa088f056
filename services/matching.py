"""Candidates for a match: records of one county whose names and addresses are alike (rapidfuzz), not yet decided."""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

from domain.ledger import Row
from domain.matching import Contradicted, Decision, decided_pairs, decisions, plain_name
from domain.rates import Filters
from domain.surveys import surveys, visits
from services.errors import InvalidValueError
from services.office_facts import office_facts
from services.queries import Queries, chosen_rows, rows_at
from services.regions import regions_known

# Names that are alike by less are no candidates; of 100, by Levenshtein's distance (rapidfuzz, fuzz.ratio).
NAME_MIN: Final = 80.0
ORGANIZATIONS_MAX: Final = 20_000
CANDIDATES_MAX: Final = 2_000
_BLOCK: Final = 500
COUNTY_DIGITS: Final = 6


class Record(NamedTuple):
    """One of two records: an organization, or what a visit found."""

    record: str
    name: str
    region: str
    address: str | None
    plain: str


class Candidate(NamedTuple):
    """Two records that may be the same organization.

    Attributes:
        score: three parts the name's, one part the address's where both have one; of 100.
    """

    left: Record
    right: Record
    name_score: float
    address_score: float | None
    score: float


def all_decisions(queries: Queries, as_of: date, known_at: int) -> tuple[list[Decision], list[Contradicted]]:
    """What persons have decided by the date."""
    with queries.connection() as connection:
        return decisions(office_facts(connection, queries.view.current, ["match"], as_of, known_at))


def candidates(queries: Queries, region: str, as_of: date, known_at: int, name_min: float) -> list[Candidate]:
    """Candidates in a county or below, the most alike first.

    Raises:
        InvalidValueError: the region is larger than a county, or has too many organizations.
    """
    if len(region) < COUNTY_DIGITS:
        raise InvalidValueError(
            f"region {region}: candidates are looked for in a county or below; give 6 digits or more"
        )
    county = regions_known(queries, known_at).at(as_of).get(region[:COUNTY_DIGITS])
    place = county.name if county else None
    orgs = _organizations(queries, region, as_of, known_at, place)
    found = _unknown(queries, region, as_of, known_at, place)
    decided = decided_pairs(all_decisions(queries, as_of, known_at)[0])
    pairs = [*_alike(orgs, orgs, name_min, same=True), *_alike(found, orgs, name_min, same=False)]
    open_ = [c for c in pairs if frozenset((c.left.record, c.right.record)) not in decided]
    open_.sort(key=lambda c: (-c.score, c.left.record, c.right.record))
    return open_[:CANDIDATES_MAX]


def _organizations(queries: Queries, region: str, as_of: date, known_at: int, place: str | None) -> list[Record]:
    view = queries.view.current
    policy = view.snapshot.policy(as_of.toordinal(), known_at)
    rows = chosen_rows(view.snapshot, as_of, known_at, policy, queries.narrowed(Filters(region=region)))
    if len(rows) > ORGANIZATIONS_MAX:
        raise InvalidValueError(
            f"region {region} has {len(rows)} organizations, at most {ORGANIZATIONS_MAX} are compared; give a longer "
            "code"
        )
    with queries.cursor() as cursor:
        return [_record(row, place) for row in rows_at(view, cursor, rows, policy)]


def _record(row: Row, place: str | None) -> Record:
    a = row.attributes
    return Record(row.org, a.name, a.region, a.address, plain_name(a.name, place))


def _unknown(queries: Queries, region: str, as_of: date, known_at: int, place: str | None) -> list[Record]:
    """What visits found that no registry knows."""
    with queries.connection() as connection:
        facts = office_facts(connection, queries.view.current, ["survey", "visit"], as_of, known_at)
    found = [v for name in surveys(facts) for v in visits(facts, name) if v.unknown is not None]
    return [
        Record(v.visit, u["name"], u["region"], u.get("address"), plain_name(u["name"], place))
        for v in found
        if (u := v.unknown) is not None and u["region"].startswith(region)
    ]


def _alike(left: Sequence[Record], right: Sequence[Record], name_min: float, *, same: bool) -> list[Candidate]:
    """The pairs whose names are alike enough; of two lists, or of one with itself (each pair once)."""
    names = [each.plain for each in right]
    found = []
    for first in range(0, len(left), _BLOCK):
        block = left[first : first + _BLOCK]
        scores = process.cdist(
            [each.plain for each in block], names, scorer=fuzz.ratio, score_cutoff=name_min, dtype=np.float32
        )
        for i, j in np.argwhere(scores > 0).tolist():
            if not same or first + i < j:
                found.append(_candidate(block[i], right[j], float(scores[i, j])))
    return found


def _candidate(left: Record, right: Record, name_score: float) -> Candidate:
    if left.address is None or right.address is None:
        return Candidate(left, right, round(name_score, 1), None, round(name_score, 1))
    address = fuzz.ratio(left.address, right.address)
    return Candidate(left, right, round(name_score, 1), round(address, 1), round((3 * name_score + address) / 4, 1))
