"""Candidates for a match: records of one county whose names and addresses are alike (rapidfuzz), not yet decided."""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime
from math import ceil, floor
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import orjson
from opencc import OpenCC
from psycopg import Cursor
from psycopg.rows import TupleRow
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Postfix, Prefix

from domain.events.facts import Event
from domain.fieldwork.matching import (
    DECIDED,
    Contradicted,
    Decision,
    Plain,
    decided_pairs,
    decisions,
    match_of,
    pair_of,
    plain_name,
)
from domain.fieldwork.surveys import surveys, visits
from domain.ledger.rates import Filters
from services.fieldwork.regions import regions_known
from services.intake.in_turn import Grounds, Matters
from services.ledger.queries import Queries, chosen_rows
from services.log.turns import Turn
from services.system.errors import AlreadyEndedError, InvalidValueError, NotFoundError

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


def all_decisions(queries: Queries, as_of: date, known_at: int) -> tuple[list[Decision], list[Contradicted]]:
    """What persons have decided by the date."""
    return decisions(queries.office_facts(["match"], as_of, known_at))


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
    facts = queries.office_facts(["survey", "visit"], as_of, known_at)
    found = [v for name in surveys(facts) for v in visits(facts, name) if v.unknown is not None]
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


# Whose decisions they are where the caller may speak for any source.
SOURCE: Final = "/office/matching"
FAMILY: Final = "match"
UNDONE: Final = "taizhang.match.undone.v1"
Answer = Literal["same", "different", "undo"]


class Said(NamedTuple):
    """What a person says of an organization and another record (`other`: an organization, or a visit)."""

    org: str
    other: str
    answer: Answer
    on: date
    reason: str
    source: str


class Draft:
    """A decision made ready to be published: its event, and what decides in the turn whether it may be.

    Attributes:
        match: the name of what is decided.
        event: as it is published; its id is of the pair and of the state that it was decided on.
        grounds: the position of that state.
    """

    def __init__(self, queries: Queries, said: Said, known_at: int) -> None:
        """Make it, on the state known at a position.

        Raises:
            AlreadyEndedError: a decision of the pair stands.
            NotFoundError: none does, and it is to be undone.
            InvalidValueError: it would be dated before what it follows.
        """
        self._pair = frozenset((said.org, said.other))
        # Whatever its date: a decision dated later stands too, and one slipped in before it would undo it unseen.
        made = all_decisions(queries, date.max, known_at)[0]
        of_pair = [each for each in made if {each.org, each.other} == self._pair]
        stands = next((each for each in of_pair if each.undone_on is None), None)
        _check(said, stands, of_pair)
        last = max((position for each in of_pair for position in each.decided_by), default=0)
        self.match = match_of(said.org, said.other, last) if stands is None else stands.match
        self._names = frozenset((self.match, *(each.match for each in of_pair)))
        self.event = _event(said, self.match, known_at)
        self.grounds = Grounds(known_at, Matters(families=frozenset({FAMILY})))

    def check(self, cursor: Cursor[TupleRow], turn: Turn) -> None:
        """Refuse it if something that speaks of the pair came since.

        Raises:
            CameSinceError: something did.
        """
        self.grounds.check(cursor, turn, self._concerns)

    def _concerns(self, event: Event) -> bool:
        if event.type == DECIDED:
            return pair_of(event.data) == self._pair or event.data["match"] in self._names
        # A word may put anything in a decision's place, this pair too.
        return not event.is_fact or event.data["match"] in self._names


def _check(said: Said, stands: Decision | None, of_pair: Sequence[Decision]) -> None:
    """Whether it may be said on this state."""
    if stands is None and said.answer == "undo":
        raise NotFoundError(
            f"no decision of {said.org} and {said.other} stands; decide it first, with taizhang decide-match or "
            "POST /v1/matches"
        )
    if stands is not None and said.answer != "undo":
        what = "the same" if stands.same else "different"
        raise AlreadyEndedError(
            f"{stands.match} stands since {stands.decided_on}: {said.org} and {said.other} are {what} "
            f"({stands.reason}); undo it first"
        )
    last = max((each.undone_on or each.decided_on for each in of_pair), default=said.on)
    if said.on < last:
        raise InvalidValueError(
            f"{said.on} is before {last}, when the pair was last spoken of; date it on that day or later"
        )


def _event(said: Said, match: str, known_at: int) -> bytes:
    data: dict[str, Any] = {"effective_on": said.on.isoformat(), "match": match, "reason": said.reason}
    undone = said.answer == "undo"
    if not undone:
        other = "visit" if said.other.startswith("visit:") else "other"
        data |= {"org": said.org, other: said.other, "same": said.answer == "same"}
    return orjson.dumps(
        {
            "specversion": "1.0", "id": f"{match} undone" if undone else match, "source": said.source,
            "type": UNDONE if undone else DECIDED, "time": datetime.now(UTC).isoformat(),
            "subject": match, "data": {**data, "known_at": known_at},
        }
    )  # fmt: skip
