"""The free text of a registry (主管单位) beside the bodies that there are: candidates, of which a person decides.

A text is matched by no rule: what a person decides is published as `organization.placed` of each organization that is
open then. Who comes later with the same text is open until a person says so again, with what was decided before as the
first candidate.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from psycopg import Cursor, sql
from psycopg.rows import TupleRow
from rapidfuzz import fuzz, process

from domain.events.facts import Event, family_of
from domain.fieldwork.matching import closed_up
from domain.ledger.placements import NONE
from domain.ledger.rates import Filters
from domain.values.terms import BodyKind
from projections.ledger.columns.columns import UNKNOWN
from services.fieldwork.matching import COUNTY_DIGITS, simplified
from services.fieldwork.regions import regions_known
from services.intake.in_turn import Grounds, Matters
from services.ledger.meaning import BODY, bodies_at
from services.ledger.queries import Queries, chosen_rows
from services.log.turns import Turn
from services.system.errors import InvalidValueError, NotFoundError

# Whose placements they are where the caller may speak for any source.
SOURCE: Final = "/office/bodies"
KIND: Final[BodyKind] = "supervising_unit"
# Names that are alike by less are no candidates; of 100.
SCORE_MIN: Final = 60.0
CANDIDATES_MAX: Final = 5
# So many organizations are placed by one decision: it is one turn of the writer's.
PLACED_MAX: Final = 1_000
# Alike but for the place, which the text leaves out: as many counties have such a body.
_UNPLACED_SCORE: Final = 90.0
# As above, but the county that is asked for is the body's.
_HERE_SCORE: Final = 95.0
_UNPLACED_LENGTH_MIN: Final = 3
_TEXTS: Final = "SELECT attributes_no, supervisor FROM {schema}.attributes WHERE supervisor IS NOT NULL"
_CONCERNED: Final = frozenset(("organization", BODY))


class BodyCandidate(NamedTuple):
    """A body that a text may mean.

    Attributes:
        name: as it is called on the date.
        score: of 100, how alike the text is to this name or to one that the body had before.
        placed: how many organizations with the text answer to it already.
    """

    body: str
    name: str
    score: float
    placed: int


class Supervisor(NamedTuple):
    """A text, however it is written, and the organizations that have it.

    Attributes:
        text: as most of them write it.
        written: every way of writing it, the most frequent first.
        organizations: who have it, on the date.
        open: of them of whom nobody has said which body of the kind they answer to.
        none: of them of whom it was said that they answer to none (直接登记).
        candidates: the bodies that it may mean, those of others with the same text first.
    """

    text: str
    written: list[str]
    organizations: int
    open: int
    none: int
    candidates: list[BodyCandidate]


class _Texts(NamedTuple):
    """Organizations with a text: row by row the number, the text's normal form, the way of writing, the body."""

    orgs: list[str]
    entry_positions: list[int]
    keys: list[str]
    written: list[str]
    bodies: list[str | None]


def key_of(text: str) -> str:
    """A text in one width, in simplified characters, without white space, punctuation and brackets."""
    return closed_up(simplified(text))


def _texts(queries: Queries, kind: BodyKind, region: str | None, as_of: date, known_at: int) -> _Texts:
    view = queries.view.current
    snapshot = view.snapshot
    policy, filters, _ = queries.meaning(Filters(region=region), as_of, known_at)
    rows = chosen_rows(snapshot, as_of, known_at, policy, filters)
    with queries.cursor() as cursor:
        query = sql.SQL(_TEXTS).format(schema=sql.Identifier(view.reading.schema))
        told: dict[int, str] = dict(cursor.execute(query, binary=True).fetchall())
    has = np.isin(rows.attributes_no, np.fromiter(told, np.int32, len(told)))
    rows = rows.where(has)
    keys = {text: key_of(text) for text in set(told.values())}
    written = [told[number] for number in rows.attributes_no.tolist()]
    names = list(snapshot.answers.texts)
    answering = snapshot.answers.kinds[kind][rows.answers].tolist()
    return _Texts(
        [snapshot.orgs[number] for number in rows.org_no.tolist()],
        snapshot.entries["position"][rows.entry].tolist(),
        [keys[text] for text in written],
        written,
        [None if number == UNKNOWN else names[number] for number in answering],
    )


class Supervisors:
    """The texts of the organizations in a region or in all, at both clocks, those with most open first."""

    def __init__(self, queries: Queries, kind: BodyKind, region: str | None, as_of: date, known_at: int) -> None:
        self._names = _names_of_bodies(queries, kind, as_of, known_at)
        self._places = _places(queries, region, as_of, known_at)
        self._written: dict[str, Counter[str]] = {}
        self._bodies: dict[str, Counter[str | None]] = {}
        found = _texts(queries, kind, region, as_of, known_at)
        for key, written, body in zip(found.keys, found.written, found.bodies, strict=True):
            self._written.setdefault(key, Counter())[written] += 1
            self._bodies.setdefault(key, Counter())[body] += 1
        self._order = sorted(self._bodies, key=lambda key: (-self._bodies[key][None], key))

    @property
    def open(self) -> int:
        """How many organizations are open, over all texts."""
        return sum(bodies[None] for bodies in self._bodies.values())

    def __len__(self) -> int:
        return len(self._order)

    def part(self, begin: int, count: int) -> list[Supervisor]:
        """So many texts from one of them on, each with its candidates."""
        keys = self._order[begin : begin + count]
        scores = _scores(keys, [name for names in self._names.values() for name in names], self._places)
        return [self._told(key, row) for key, row in zip(keys, scores, strict=True)]

    def _told(self, key: str, scores: Sequence[float]) -> Supervisor:
        written, bodies = self._written[key], self._bodies[key]
        ways = sorted(written, key=lambda way: (-written[way], way))
        return Supervisor(
            ways[0], ways, written.total(), bodies[None], bodies[NONE], self._candidates(bodies, iter(scores))
        )

    def _candidates(self, bodies: Mapping[str | None, int], scores: Any) -> list[BodyCandidate]:  # noqa: ANN401 - an iterator of numbers
        found = []
        for body, names in self._names.items():
            score = max(next(scores) for _ in names)
            if score >= SCORE_MIN or bodies.get(body):
                found.append(BodyCandidate(body, next(iter(names.values())), round(score, 1), bodies.get(body, 0)))
        return sorted(found, key=lambda each: (-each.placed, -each.score, each.body))[:CANDIDATES_MAX]


def _names_of_bodies(queries: Queries, kind: BodyKind, as_of: date, known_at: int) -> dict[str, dict[str, str]]:
    """By body of the kind that exists its names by their normal form, that of the date first."""
    everywhere = queries.everywhere()
    there = {
        body: {key_of(now.name): now.name}
        for body, now in sorted(bodies_at(everywhere, as_of, known_at).existing.items())
        if now.kind == kind
    }
    for fact in everywhere.office_facts((BODY,), as_of, known_at):
        if fact.entity in there and fact.data.get("name"):
            there[fact.entity].setdefault(key_of(fact.data["name"]), fact.data["name"])
    return there


def _places(queries: Queries, region: str | None, as_of: date, known_at: int) -> list[str]:
    """The names of the county and the city that are asked for, in their normal form."""
    if region is None:
        return []
    known = regions_known(queries, known_at).at(as_of)
    around = (known.get(region[:digits]) for digits in (COUNTY_DIGITS, 4) if len(region) >= digits)
    return [key_of(each.name) for each in around if each and each.name]


def _scores(keys: Sequence[str], names: Sequence[str], places: Sequence[str]) -> list[list[float]]:
    """How alike each text is to each name, of 100."""
    if not keys or not names:
        return [[] for _ in keys]
    scores = process.cdist(keys, names, scorer=fuzz.ratio, dtype=np.float32)
    for place in places:
        here = process.cdist([place + key for key in keys], names, scorer=fuzz.ratio, dtype=np.float32)
        scores = np.maximum(scores, np.minimum(here, _HERE_SCORE))
    for row, key in enumerate(keys):
        if len(key) >= _UNPLACED_LENGTH_MIN:
            ends = np.fromiter((name.endswith(key) for name in names), np.bool_, len(names))
            scores[row, ends] = np.maximum(scores[row, ends], _UNPLACED_SCORE)
    return [[float(score) for score in row] for row in scores]


class Answer(NamedTuple):
    """What a person says a text means: a body, or with None that who has it answers to none of the kind.

    Attributes:
        region: of whom it is said; None for everybody who has the text.
        on: from which date they answer to it; who has the text and is open on that date.
    """

    text: str
    body: str | None
    kind: BodyKind
    region: str | None
    on: date
    source: str


class Draft:
    """A decision made ready to be published.

    Attributes:
        events: one `organization.placed` of each organization that is open; the id of each is of the organization, the
            text, the date and the state that it was decided on.
        grounds: the position of that state.
    """

    def __init__(self, queries: Queries, answer: Answer, known_at: int) -> None:
        """Make it, on the state known at a position.

        Raises:
            NotFoundError: no organization with this text is open.
            InvalidValueError: the body is none of the kind on that date, or too many are open.
        """
        _check_body(queries, answer, known_at)
        found = _texts(queries, answer.kind, answer.region, answer.on, known_at)
        key = key_of(answer.text)
        told = zip(found.orgs, found.entry_positions, found.keys, found.bodies, strict=True)
        chosen = [(org, position) for org, position, its, body in told if its == key and body is None]
        where = "" if answer.region is None else f" in {answer.region}"
        if not chosen:
            raise NotFoundError(
                f"no organization{where} with supervisor {answer.text!r} is open on {answer.on}: GET /v1/supervisors "
                "lists the texts; who answers to a body already is moved by organization.placed"
            )
        if len(chosen) > PLACED_MAX:
            raise InvalidValueError(
                f"{len(chosen):,} organizations{where} are open, at most {PLACED_MAX:,} are placed at once; give a "
                "longer region"
            )
        self.events = [_event(answer, key, org, position) for org, position in sorted(chosen)]
        subjects = {org for org, _ in chosen} | ({answer.body} if answer.body else set())
        self.grounds = Grounds(known_at, Matters(subjects=frozenset(subjects)))

    def check(self, cursor: Cursor[TupleRow], turn: Turn) -> None:
        """Refuse it if something that speaks of the organizations or of the body came since.

        Raises:
            CameSinceError: something did.
        """
        self.grounds.check(cursor, turn, _concerns)


def _concerns(event: Event) -> bool:
    return not event.is_fact or family_of(event.type) in _CONCERNED


def _check_body(queries: Queries, answer: Answer, known_at: int) -> None:
    if answer.body is None:
        return
    now = bodies_at(queries.everywhere(), answer.on, known_at).existing.get(answer.body)
    if now is None or now.kind != answer.kind:
        what = "does not exist" if now is None else f"is of kind {now.kind}, not {answer.kind},"
        raise InvalidValueError(f"{answer.body} {what} on {answer.on}; GET /v1/bodies lists those that do")


def _event(answer: Answer, key: str, org: str, position: int) -> bytes:
    decided = orjson.dumps([key, answer.kind, answer.on, org])
    data: dict[str, Any] = {"effective_on": answer.on.isoformat(), "org": org, "body": answer.body}
    if answer.body is None:
        data["kind"] = answer.kind
    return orjson.dumps(
        {
            "specversion": "1.0", "id": f"supervisor:{sha256(decided).hexdigest()[:32]}-{position}",
            "source": answer.source, "type": "taizhang.organization.placed.v1",
            "time": datetime.now(UTC).isoformat(), "subject": org, "data": data,
        }
    )  # fmt: skip
