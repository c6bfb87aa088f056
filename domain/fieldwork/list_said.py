"""What a source has said of one organization: the facts that stand, then or now, and what its lists said."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from domain.events.facts import Event, Fact, standing_fact
from domain.events.types import CORRECTED
from domain.fieldwork.list_statements import Part, Statement
from domain.fieldwork.lists import Held, Listed, held
from domain.ledger.entities import Attributes
from domain.values.instants import parse_date

Fits = Callable[[str, object], bool]


class Said(NamedTuple):
    """An event of the source about an organization, and what was said of it; `made`: the date of the list it is of."""

    event: Event
    words: tuple[Event, ...]
    made: date | None

    def speaks_by(self, day: date) -> bool:
        """Whether it, or what a correction puts in its place, is effective by a date."""
        return self.event.effective_on <= day or any(
            word.type == CORRECTED and parse_date(word.data["replacement"]["effective_on"]) <= day
            for word in self.words
            if "effective_on" in word.data.get("replacement", {})
        )


def standing(said: Iterable[Said], org: str, fits: Fits, known_at: int | None = None) -> Iterator[Fact]:
    """The facts on an organization that stand, as known at a position, or now; in no order."""
    for each in said:
        if known_at is not None and each.event.position > known_at:
            continue
        words = [w for w in each.words if known_at is None or w.position <= known_at]
        found = standing_fact(each.event, words, fits)
        if found is not None and found.data["org"] == org:
            yield found


def held_at(facts: Iterable[Fact], day: date) -> Held:
    """What facts, given in any order, say of their organization at the end of a date."""
    found = [each for each in facts if each.effective_on <= day]
    found.sort()
    return held(found, day)


def says(statement: Statement, org: str, said: Iterable[Said], fits: Fits) -> Listed | None:
    """What a list said of an organization: what its statement keeps, or the source's facts as they were known to it."""
    kept = statement.otherwise.get(org)
    if kept is not None:
        return None if kept.fields is None else Listed(org, kept.fields)
    known = standing(said, org, fits, statement.until)
    return read_off(statement, org, held_at(known, statement.as_of).attributes)


def read_off(statement: Statement, org: str, attributes: Attributes | None) -> Listed | None:
    """What a list of this part and these fields says, where the source's facts agree with it."""
    part: Part = statement.part
    if attributes is None or (part.pages and org not in statement.listed):
        return None
    if part.regions and not part.covers(attributes.region):
        return None
    return Listed(org, {name: getattr(attributes, name) for name in statement.fields})
