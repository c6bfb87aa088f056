"""What a set of lists means for one organization, whatever the order in which they came.

At the end of each list's date the source's facts agree with the list: its own facts, and in the order of dates the
differences that the lists before have made. A list that comes late, or puts another right, changes what those of its
date and of later dates differ in; the differences that are no longer wanted are taken back, the new ones published.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from domain.events.facts import Event, Fact, fact, standing_fact, word_order
from domain.events.types import CORRECTED, RETRACTED
from domain.fieldwork.list_said import Fits, Said, held_at, read_off, says, standing
from domain.fieldwork.list_statements import Kept, Statement
from domain.fieldwork.lists import GONE, KIND_OF, Held, Listed, compare, event, made_for, named
from domain.ledger.entities import Attributes

_SILENT: Final = "silent"
# What a list says of an organization: its row, None where it leaves it out, or nothing at all.
Word = Listed | Literal["silent"] | None
Change = Literal["registered", "changed", "deregistered", "unchanged", "kind_differs", "elsewhere"]


class Settled(NamedTuple):
    """One organization after a list.

    Attributes:
        change: of the source's facts at the end of the list's date; None where the list does not speak of it.
        before, after: its attributes then.
        events: to be published: differences, retractions, and corrections that bring a retracted difference back.
        row: what its statement must keep of it.
        differs: whether the list says otherwise than the one of the same part and date that it replaces.
        drops: whether a list leaves it out that its source's facts have active.
        gone: whether at the list's date or a later list's it was active and is no longer.
        facts: the source's facts after it.
    """

    change: Change | None
    before: Attributes | None
    after: Attributes | None
    events: list[Event]
    row: Kept | None
    differs: bool
    drops: bool
    gone: bool
    facts: list[Fact]


class Lists(NamedTuple):
    """The lists of one source that are compared: the new one, those it replaces, and by date all that then stand."""

    source: str
    new: Statement
    same: Statement | None
    by_date: Mapping[date, Sequence[Statement]]
    fits: Fits


def lists_of(source: str, stated: Iterable[Statement], new: Statement, fits: Fits) -> tuple[Lists, list[Statement]]:
    """The set of lists once a new one has come, and those that it replaces."""
    by_date: dict[date, list[Statement]] = {new.as_of: [new]}
    replaced: list[Statement] = []
    for each in stated:
        if each.as_of == new.as_of and new.part.supersedes(each.part):
            replaced.append(each)
        else:
            by_date.setdefault(each.as_of, []).append(each)
    same = next((each for each in replaced if each.part == new.part), None)
    return Lists(source, new, same, dict(sorted(by_date.items())), fits), replaced


def nobody(_: date) -> bool:
    """No other source has the organization."""
    return False


def settle(
    lists: Lists, org: str, said: Sequence[Said], row: Listed | None, elsewhere: Callable[[date], bool] = nobody
) -> Settled:
    """What the new list changes for one organization.

    Args:
        lists: the set of lists.
        org: the organization.
        said: the source's events about it, in any order.
        row: what the new list says of it, None if it does not have it.
        elsewhere: whether another source has it active at the end of a date.
    """
    return _Walk(lists, org, said, row, elsewhere).settled()


class _Walk:
    """One organization through the dates of the lists."""

    def __init__(
        self, lists: Lists, org: str, said: Sequence[Said], row: Listed | None, elsewhere: Callable[[date], bool]
    ) -> None:
        self._lists, self._org, self._said, self._row, self._elsewhere = lists, org, said, row, elsewhere
        own = [each for each in said if each.made not in lists.by_date]
        first = self._first(own)
        self._days = [day for day in lists.by_date if day >= first]
        self._made = {each.event.id: each for each in said if each.made in self._days}
        self._own = sorted(self._standing(each for each in said if each.event.id not in self._made))
        self._derived: list[Fact] = []
        self._wanted: dict[str, Event] = {}
        self._left: set[date] = set()
        self._change: Change | None = None
        self._drops = False
        self._given_reason = False
        self._state: Attributes | None = None

    def _first(self, own: Sequence[Said]) -> date:
        """The date from which differences are reckoned anew: that of an earlier list, where a fact came after it."""
        new = self._lists.new.as_of
        last = max((each.event.position for each in own), default=0)
        for day, stated in self._lists.by_date.items():
            if day >= new:
                break
            until = min(each.until for each in stated)
            if last > until and any(each.event.position > until and each.speaks_by(day) for each in own):
                return day
        return new

    def _standing(self, said: Iterable[Said]) -> Iterator[Fact]:
        return standing(said, self._org, self._lists.fits)

    def _says(self, statement: Statement) -> Listed | None:
        """What a statement says of the organization."""
        if statement is self._lists.new:
            return self._row
        return says(statement, self._org, self._said, self._lists.fits)

    def _settled_by_a_person(self, statement: Statement) -> bool:
        """Whether a person's word after the list stands against what it said; a list sent again does not undo it."""
        if statement is self._lists.new:
            same = self._lists.same
            return same is not None and _alike(self._says(same), self._row) and self._settled_by_a_person(same)
        kept = statement.otherwise.get(self._org)
        if kept is not None and kept.settled:
            return True
        return any(
            word.position > statement.until and made_for(word) is None
            for each in self._said
            if each.speaks_by(statement.as_of)
            for word in each.words
        )

    def _at(self, day: date) -> None:
        """Reckon the differences of one date's lists."""
        before = held_at((*self._own, *self._derived), day)
        word, speaker = _resolve([(each, self._says(each)) for each in self._lists.by_date[day]], before.attributes)
        change: Change | None = None
        after = before
        if word == _SILENT or speaker is None:
            pass
        elif self._settled_by_a_person(speaker):
            self._left.add(day)
            self._derived += self._standing(each for each in self._made.values() if each.made == day)
            after = held_at((*self._own, *self._derived), day)
            change = "unchanged"
        else:
            change, after = self._differences(day, before, word, speaker)
        if day == self._lists.new.as_of:
            self._change, self._state = change, after.attributes

    def _differences(self, day: date, before: Held, word: Listed | None, speaker: Statement) -> tuple[Change, Held]:
        change: Change = "unchanged"
        # A second difference follows where a person has corrected the first, and the list says it all the same.
        for _ in range(2):
            difference, data = compare(before, word)
            if difference == "unchanged":
                break
            if difference == "kind_differs":
                return "kind_differs", before
            if difference == "deregistered":
                self._drops = True
                if self._elsewhere(day):
                    return "elsewhere", before
                data = data or {"reason": speaker.reason}
                self._given_reason = day == self._lists.new.as_of and data["reason"] != speaker.reason
            made = event(self._lists.source, self._org, difference, data, day, before.last_ns)
            self._wanted[made.id] = made
            known = self._made.get(made.id)
            self._derived.append(next(self._standing([known]), fact(made)) if known else fact(made))
            before = held_at((*self._own, *self._derived), day)
            change = difference
            if known is None:
                break
        return change, before

    def settled(self) -> Settled:
        """Walk through the dates, and see what came of it."""
        for day in self._days:
            self._at(day)
        events = self._events()
        after = [*self._own, *self._derived]
        new, is_ = self._lists.new.as_of, self._state
        was, gone = is_, False
        if events:
            now = list(self._standing(self._said))
            was = held_at(now, new).attributes
            gone = any(each.type in _MAY_END for each in events) and any(
                held_at(now, day).attributes and not held_at(after, day).attributes for day in self._days
            )
        same = self._lists.same
        return Settled(
            self._told(was, is_), was, is_, events, self._row_kept(is_),
            same is not None and not _alike(self._says(same), self._row), self._drops, gone, after,
        )  # fmt: skip

    def _told(self, was: Attributes | None, is_: Attributes | None) -> Change | None:
        if self._change in ("kind_differs", "elsewhere"):
            return self._change
        if (was is None) != (is_ is None):
            return "registered" if was is None else "deregistered"
        if was != is_:
            return "changed"
        return None if is_ is None or self._change is None else "unchanged"

    def _row_kept(self, after: Attributes | None) -> Kept | None:
        """The list's row, where its source's facts would not give it back."""
        new = self._lists.new
        if _alike(read_off(new, self._org, after), self._row) and not self._given_reason:
            return None
        return Kept(None if self._row is None else self._row.fields, new.as_of in self._left)

    def _events(self) -> list[Event]:
        events: list[Event] = []
        for id_, made in self._wanted.items():
            known = self._made.get(id_)
            if known is None:
                events.append(made)
            elif standing_fact(known.event, known.words, self._lists.fits) is None:
                data = {"replacement": dict(known.event.data), "reason": _AGAIN.format(self._lists.new.as_of)}
                events.append(self._word(known, CORRECTED, {"corrects": _name(known.event), **data}))
        for id_, known in self._made.items():
            stands = standing_fact(known.event, known.words, self._lists.fits) is not None
            if stands and id_ not in self._wanted and known.made not in self._left:
                data = {"retracts": _name(known.event), "reason": _BACK.format(self._lists.new.as_of)}
                events.append(self._word(known, RETRACTED, data))
        return events

    def _word(self, known: Said, type_: str, data: Mapping[str, Any]) -> Event:
        """A word about one of the differences, later than all that was said of it."""
        last = max(known.words, key=word_order, default=None)
        last_ns = max(known.event.time_ns, 0 if last is None else last.time_ns)
        return named(self._lists.source, type_, data, known.made or self._lists.new.as_of, last_ns)


# Events of a plan after which an organization may be active no longer.
_MAY_END: Final = ("taizhang.organization.deregistered.v1", CORRECTED, RETRACTED)
_BACK: Final = "由 {0} 的清单核对撤回 the list of {0} leaves this difference no room"
_AGAIN: Final = "由 {0} 的清单核对恢复 by the list of {0} this difference stands again"


def _name(event_: Event) -> dict[str, str]:
    return {"source": event_.source, "id": event_.id}


def _alike(one: Listed | None, other: Listed | None) -> bool:
    """Whether two rows say the same; one that calls the organization over says what leaving it out says."""
    one, other = (None if row is None or GONE in row.fields else row for row in (one, other))
    if one is None or other is None:
        return one is other
    if one.fields.keys() != other.fields.keys():
        return False
    kind = KIND_OF[one.fields["category"]]
    said = Attributes(kind, *(one.fields.get(name) for name in Attributes._fields[1:]))  # type: ignore[arg-type]  # as listed
    return compare(Held(said, 0), other)[0] == "unchanged"


def _resolve(
    spoken: Sequence[tuple[Statement, Listed | None]], before: Attributes | None
) -> tuple[Word, Statement | None]:
    """What the lists of one date say together, and which of them decides it.

    A list of regions goes before one of the whole, and pages, once all are there, before the whole.
    """
    if len(spoken) == 1 and spoken[0][0].part.is_whole:
        return spoken[0][1], spoken[0][0]
    regional = [each for each in spoken if each[0].part.regions]
    for statement, row in regional:
        if row is not None:
            return row, statement
    pages = [each for each in spoken if each[0].part.pages]
    whole = [each for each in spoken if each[0].part.is_whole]
    complete = bool(pages) and len({each[0].part.page for each in pages}) == pages[0][0].part.pages
    general = [*pages, *(() if complete else whole)]
    listed = next((each for each in general if each[1] is not None), None)
    region = before.region if before is not None else None
    if listed is not None and listed[1] is not None:
        region = listed[1].fields.get("region")
    for statement, _ in regional:
        if statement.part.covers(region):
            return None, statement
    if listed is not None:
        return listed[1], listed[0]
    if complete:
        return None, pages[0][0]
    return (None, whole[0][0]) if whole else (_SILENT, None)
