"""Candidates for a match: records of one county whose names and addresses are alike (rapidfuzz), not yet decided."""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date
from math import ceil, floor
from typing import Final, NamedTuple

import numpy as np
from opencc import OpenCC
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Postfix, Prefix

from domain.fieldwork.matching import Plain, decided_pairs, plain_name
from domain.ledger.rates import Filters
from services.fieldwork.match_decisions import all_decisions, sees_visit, visits_made
from services.fieldwork.regions import regions_known
from services.ledger.queries import Queries, chosen_rows
from services.ledger.sight import Sight
from services.system.errors import InvalidValueError

# Names that are alike by less are no candidates; of 100, by `name_score`.
NAME_MIN: Final = 80.0
ORGANIZATIONS_MAX: Final = 20_000
CANDIDATES_MAX: Final = 2_000
_BLOCK: Final = 500
# The tables of Hong Kong and Taiwan have characters that the first one leaves.
_CONVERTERS: Final = tuple(OpenCC(name) for name in ("hk2s", "tw2s", "t2s"))
# Variants in names that all of them leave.
_VARIANTS: Final = str.maketrans("仝栢濶冨囍敍甯晧葯澂", "同柏阔富喜叙宁皓药澄")
COUNTY_DIGITS: Final = 6


class Record(NamedTuple):
    """One of two records: an organization, or what a visit found."""

    record: str
    name: str
    region: str
    address: str | None
    plain: Plain


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


def candidates(queries: Queries, region: str, as_of: date, known_at: int, name_min: float) -> list[Candidate]:
    """Candidates in a county or below, the most alike first.

    Raises:
        InvalidValueError: the region is larger than a county, or has too many organizations.
    """
    if len(region) < COUNTY_DIGITS:
        raise InvalidValueError(
            f"region {region}: candidates are looked for in a county or below; give 6 digits or more"
        )
    known = regions_known(queries, known_at).at(as_of)
    around = (known.get(region[:digits]) for digits in (2, 4, COUNTY_DIGITS))
    places = [simplified(each.name) for each in around if each and each.name]
    orgs = _organizations(queries, region, as_of, known_at, places)
    found = _unknown(queries, region, as_of, known_at, places)
    decided = decided_pairs(all_decisions(queries, as_of, known_at)[0])
    pairs = [*alike(orgs, orgs, name_min, same=True), *alike(found, orgs, name_min, same=False)]
    open_ = [p for p in pairs if not decided or frozenset((p.left.record, p.right.record)) not in decided]
    return most_alike(open_)


def _organizations(queries: Queries, region: str, as_of: date, known_at: int, places: list[str]) -> list[Record]:
    view = queries.view.current
    policy, filters, _ = queries.meaning(Filters(region=region), as_of, known_at)
    rows = chosen_rows(view.snapshot, as_of, known_at, policy, filters)
    if len(rows) > ORGANIZATIONS_MAX:
        raise InvalidValueError(
            f"region {region} has {len(rows)} organizations, at most {ORGANIZATIONS_MAX} are compared; give a longer "
            "code"
        )
    with queries.cursor() as cursor:
        found = view.reading.attributes(cursor, rows.attributes_no.tolist())
    records = []
    for org_no, number in zip(rows.org_no.tolist(), rows.attributes_no.tolist(), strict=True):
        its = found[number]
        plain = plain_name(simplified(its.name), places)
        records.append(Record(view.snapshot.orgs[org_no], its.name, its.region, its.address, plain))
    return records


def _unknown(queries: Queries, region: str, as_of: date, known_at: int, places: list[str]) -> list[Record]:
    """What visits found that no registry knows."""
    sight = Sight(queries, as_of, known_at)
    found = [
        v for v in visits_made(queries, as_of, known_at).values() if v.unknown is not None and sees_visit(sight, v)
    ]
    return [
        Record(v.visit, u["name"], u["region"], u.get("address"), plain_name(simplified(u["name"]), places))
        for v in found
        if (u := v.unknown) is not None and u["region"].startswith(region)
    ]


def simplified(text: str) -> str:
    """Traditional and variant characters as simplified ones, in one width."""
    text = unicodedata.normalize("NFKC", text)
    for converter in _CONVERTERS:
        text = converter.convert(text)
    return text.translate(_VARIANTS)


def name_score(ratio: float, left: Plain, right: Plain) -> float:
    """How alike two names are, of 100, where all of both is alike by a ratio.

    Nothing where their marks differ; else no more than half way to what their own parts are alike by: a trade that two
    names share does not make them one. Below NAME_MIN where each has two characters or more in the place of the
    other's: 瑞和青石 and 瑞和柳河 are shops of one firm.
    """
    if left.marks != right.marks:
        return 0.0
    score = min(ratio, (100 + fuzz.ratio(left.own, right.own)) / 2)
    begin = Prefix.similarity(left.own, right.own)
    rests = left.own[begin:], right.own[begin:]
    return min(score, NAME_MIN - 1) if min(map(len, rests)) - Postfix.similarity(*rests) > 1 else score


class Pair(NamedTuple):
    """Two records whose names are alike enough, and how much."""

    left: Record
    right: Record
    name_score: float


def alike(left: Sequence[Record], right: Sequence[Record], name_min: float, *, same: bool) -> list[Pair]:
    """The pairs whose names are alike enough; of two lists, or of one with itself (each pair once)."""
    # In order of length: a name is compared with those alone whose length allows for so high a score.
    rows, columns = _by_length(left), _by_length(right)
    names = [right[j].plain.text for j in columns]
    lengths = [len(name) for name in names]
    pairs = []
    for first in range(0, len(rows), _BLOCK):
        block = rows[first : first + _BLOCK]
        shortest, longest = (len(left[i].plain.text) for i in (block[0], block[-1]))
        # Two names have at most the shorter one's characters in common: 2 * shorter / (shorter + longer) of 100.
        share = name_min / (200 - name_min)
        begin = max(first if same else 0, bisect_left(lengths, floor(shortest * share)))
        end = bisect_right(lengths, ceil(longest / share))
        scores = process.cdist(
            [left[i].plain.text for i in block], names[begin:end], scorer=fuzz.ratio, score_cutoff=name_min,
            dtype=np.float32,
        )  # fmt: skip
        i, j = np.nonzero(scores)
        kept = np.flatnonzero(first + i < begin + j) if same else np.arange(len(i))
        for one, other, ratio in zip(*(a[kept].tolist() for a in (i, j, scores[i, j])), strict=True):
            here, there = block[one], columns[begin + other]
            if same and here > there:
                # Of one list the earlier record stands on the left.
                here, there = there, here
            score = name_score(ratio, left[here].plain, right[there].plain)
            if score >= name_min:
                pairs.append(Pair(left[here], right[there], score))
    return pairs


def _by_length(records: Sequence[Record]) -> list[int]:
    return sorted(range(len(records)), key=lambda i: len(records[i].plain.text))


def most_alike(pairs: Sequence[Pair]) -> list[Candidate]:
    """The first CANDIDATES_MAX candidates of these pairs, the most alike first."""
    names = np.array([pair.name_score for pair in pairs])
    both = np.array([pair.left.address is not None and pair.right.address is not None for pair in pairs], np.bool_)
    scores = process.cpdist(
        [pair.left.address or "" for pair in pairs], [pair.right.address or "" for pair in pairs], scorer=fuzz.ratio,
        dtype=np.float64,
    )  # fmt: skip
    total = np.where(both, (3 * names + scores) / 4, names)
    # Scores are told to one place; what is that little behind the last one may stand beside it.
    last = np.partition(total, -CANDIDATES_MAX)[-CANDIDATES_MAX] if len(pairs) > CANDIDATES_MAX else 0.0
    found = [
        Candidate(
            pairs[i].left, pairs[i].right, round(float(names[i]), 1), round(float(scores[i]), 1) if both[i] else None,
            round(float(total[i]), 1),
        )
        for i in np.flatnonzero(total >= last - 0.1).tolist()
    ]  # fmt: skip
    found.sort(key=lambda c: (-c.score, c.left.record, c.right.record))
    return found[:CANDIDATES_MAX]
