"""What other sources have of the organizations of a list: who still has one, and who ended it in the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

from domain.events.facts import Fact
from domain.fieldwork.list_said import Fits, Said, held_at, says, standing
from domain.fieldwork.list_statements import Statement
from domain.fieldwork.lists import made_by_name

REGISTERED: Final = "taizhang.organization.registered.v1"
DEREGISTERED: Final = "taizhang.organization.deregistered.v1"


class Lacking(NamedTuple):
    """An organization of a list that the ledger does not have active, and the fact that ended it."""

    org: str
    ended: Fact

    @property
    def from_list(self) -> bool:
        """Whether the fact that ended it was made from a list."""
        return made_by_name(self.ended.id) is not None

    def as_json(self) -> dict[str, Any]:
        """As reports show it, with what would mend it."""
        ended = self.ended
        return {
            "org": self.org,
            "ended_by": {"source": ended.source, "id": ended.id, "position": ended.position},
            "ended_on": ended.effective_on,
            "remedy": self.remedy(),
        }

    def remedy(self) -> str:
        """What would mend it."""
        ended = self.ended
        if self.from_list:
            return (
                f"{ended.source} left it out of its list of {ended.effective_on}; publish this list, then send that "
                f"list of {ended.source} again: it takes the deregistration back, since this source has it"
            )
        return (
            f"{ended.source} deregistered it on {ended.effective_on} (position {ended.position}); if it goes on, "
            f"{ended.source} or a steward retracts that event"
        )


class Elsewhere(NamedTuple):
    """What other sources have said of some organizations, by organization, and those sources' lists."""

    said: Mapping[str, Sequence[Said]]
    stated: Mapping[str, Sequence[Statement]]
    fits: Fits

    def has(self, org: str, day: date) -> bool:
        """Whether another source has it active at the end of a date, by its facts and not against its own last list."""
        by_source = groupby(sorted(self.said.get(org, ()), key=_source), _source)
        return any(
            self._has(org, list(standing(said, org, self.fits)), said, self.stated.get(source, ()), day)
            for source, said in ((source, list(them)) for source, them in by_source)
        )

    def lacking(
        self, org: str, own: Sequence[Fact], said: Sequence[Said], stated: Iterable[Statement], day: date
    ) -> Lacking | None:
        """Why the ledger has not active what the source has, at the end of a list's date or later; None if it has it.

        Later, where another source left it out of a list that came before this one, although this source still has it.

        Args:
            org: the organization.
            own: the source's facts on it, after the list.
            said: the source's events about it, before the list.
            stated: the source's lists.
            day: this list's date.
        """
        others = list(standing(self.said.get(org, ()), org, self.fits))
        ended = [f for f in others if f.type == DEREGISTERED]
        later = {f.effective_on for f in ended if f.effective_on > day and made_by_name(f.id) is not None}
        lists = [each for each in stated if each.as_of > day]
        for each in (day, *sorted(later)):
            by_then = [f for f in ended if f.effective_on <= each]
            if by_then and held_at((*own, *others), each).attributes is None and self._has(org, own, said, lists, each):
                return Lacking(org, max(by_then))
        return None

    def _has(
        self, org: str, facts: Sequence[Fact], said: Sequence[Said], stated: Iterable[Statement], day: date
    ) -> bool:
        if held_at(facts, day).attributes is None:
            return False
        spoken = [each for each in stated if each.as_of <= day and (each.part.is_whole or org in each.otherwise)]
        if not spoken:
            return True
        last = max(spoken, key=attrgetter("as_of"))
        return says(last, org, said, self.fits) is not None or any(
            f.type == REGISTERED and f.effective_on <= day and _is_after(f, last) for f in facts
        )


def _source(said: Said) -> str:
    return said.event.source


def _is_after(told: Fact, last: Statement) -> bool:
    """Whether a fact is of a later date than a list, or its source has told it by itself since."""
    return told.effective_on > last.as_of or (told.position > last.until and made_by_name(told.id) is None)
