"""What persons decide of two records: which decisions stand, who sees them, and one made ready to be published."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, NamedTuple

import orjson
from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.events.facts import Event
from domain.fieldwork.matching import (
    DECIDED,
    Contradicted,
    Decision,
    decisions,
    match_of,
    pair_of,
)
from domain.fieldwork.surveys import Visit, surveys, visits
from services.intake.in_turn import Grounds, Matters
from services.ledger.queries import Queries
from services.ledger.sight import Sight
from services.log.turns import Turn
from services.system.errors import AlreadyEndedError, InvalidValueError, NotFoundError

# Whose decisions they are where the caller may speak for any source.
SOURCE: Final = "/office/matching"
FAMILY: Final = "match"
UNDONE: Final = "taizhang.match.undone.v1"
Answer = Literal["same", "different", "undo"]


def all_decisions(queries: Queries, as_of: date, known_at: int) -> tuple[list[Decision], list[Contradicted]]:
    """What persons have decided by the date of records that are both in sight, and the acts on them without effect."""
    # Whatever was said of a pair decides what stands, wherever its organizations were when it was said.
    found, wrong = decisions(queries.everywhere().office_facts(["match"], as_of, known_at))
    sight = Sight(queries, as_of, known_at)
    if sight.is_whole:
        return found, wrong
    visited = visits_made(queries, as_of, known_at)

    def sees(record: str) -> bool:
        return sight.sees(record) if record not in visited else sees_visit(sight, visited[record])

    seen = [each for each in found if sees(each.org) and sees(each.other)]
    names = {each.match for each in seen}
    return seen, [each for each in wrong if each.match in names]


def require_in_sight(queries: Queries, org: str, other: str, as_of: date, known_at: int) -> None:
    """Refuse records that whoever asks may not see.

    Raises:
        NotFoundError: one of them lies outside of what these questions are limited to, or is not there at all.
    """
    sight = Sight(queries, as_of, known_at)
    if sight.is_whole:
        return
    visited = visits_made(queries, as_of, known_at)
    for record in (org, other):
        if not (sees_visit(sight, visited[record]) if record in visited else sight.sees(record)):
            raise NotFoundError(f"no event known at position {known_at} speaks of {record}; check the identifier")


def visits_made(queries: Queries, as_of: date, known_at: int) -> dict[str, Visit]:
    """The visits of all surveys by the date, by name."""
    facts = queries.office_facts(["survey", "visit"], as_of, known_at)
    return {each.visit: each for survey in surveys(facts) for each in visits(facts, survey)}


def sees_visit(sight: Sight, visit: Visit) -> bool:
    """Whether what a visit was made of is in sight; what no registry knows, by its division."""
    if visit.org is not None:
        return sight.sees(visit.org)
    return visit.unknown is not None and sight.sees_region(visit.unknown["region"])


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
