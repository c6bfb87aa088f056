"""What other sources have of the organizations of a list: who still has one, and who ended it in the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

from domain.events.facts import Fact
from domain.fieldwork.list_statements import Statement
from domain.fieldwork.lists import held, made_for_fact

DEREGISTERED: Final = "taizhang.organization.deregistered.v1"


class Lacking(NamedTuple):
    """An organization of a list that the ledger does not have active, and the fact that ended it."""

    org: str
    ended: Fact

    @property
    def from_list(self) -> bool:
        """Whether the fact that ended it was made from a list."""
        return made_for_fact(self.ended) is not None

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
    """The facts of other sources on some organizations, that stand, in canonical order, and those sources' lists."""

    facts: Mapping[str, Sequence[Fact]]
    stated: Mapping[str, Sequence[Statement]]

    def has(self, org: str, day: date) -> bool:
        """Whether another source has it active at the end of a date, by its facts and not against its own last list."""
        by_source = groupby(sorted(self.facts.get(org, ()), key=attrgetter("source")), attrgetter("source"))
        return any(
            held(sorted(f for f in facts if f.effective_on <= day), day).attributes is not None
            and not self._left_out(source, org, day)
            for source, facts in by_source
        )

    def _left_out(self, source: str, org: str, day: date) -> bool:
        """Whether the source's last list that speaks of it leaves it out, though its facts go on having it."""
        spoken = [
            each
            for each in self.stated.get(source, ())
            if each.as_of <= day and (each.part.is_whole or org in each.otherwise)
        ]
        if not spoken:
            return False
        kept = max(spoken, key=attrgetter("as_of")).otherwise.get(org)
        return kept is not None and kept.fields is None

    def lacking(self, org: str, own: Iterable[Fact], day: date) -> Lacking | None:
        """Why the ledger does not have active at the end of a date what the source's own facts have; None if it has."""
        others = self.facts.get(org, ())
        every = sorted(f for f in (*own, *others) if f.effective_on <= day)
        if held(every, day).attributes is not None:
            return None
        ended = [f for f in others if f.type == DEREGISTERED and f.effective_on <= day]
        return Lacking(org, max(ended)) if ended else None
