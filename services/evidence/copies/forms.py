"""Which form each leaf must have, and which blinding values may be gone (spec/evidence.md).

A log is blinded from its first leaf on, or from the event on that states it, its own leaf included; never again open
after that. A value is gone only where an event of the log says so.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple, Self

from domain.events.evidence import BLINDED, ERASED
from services.evidence.copies.stored import StoredEvent, event_of
from services.log.blinding import SOURCE

#: What a leaf may be, in both languages.
_OPEN_AGAIN: Final = (
    "叶未隐藏", "its leaf is open, and leaves before it are blinded: it was put in the place of another",
)  # fmt: skip
_SAID_IN_VAIN: Final = (
    "隐藏声明与叶不符",
    "it says that blinding begins with it, and its leaf or one before says otherwise",
)
_UNSAID: Final = (
    "叶已隐藏而无声明", "its leaf is blinded, the one before it is open, and no event says that blinding begins here",
)  # fmt: skip


class Form(NamedTuple):
    """The form of an event's leaf; `states`: the event says that blinding begins with it."""

    position: int
    blinded: bool
    states: bool

    @classmethod
    def of(cls, event: StoredEvent) -> Self:
        """That of an event."""
        return cls(event.position, event.blinding is not None, _says(event, BLINDED))

    def fault(self, before: Self | None) -> tuple[str, str] | None:
        """Why its leaf may not be so, in both languages; `before`, if known, is that of an event before it."""
        if before is not None and before.blinded and not self.blinded:
            return _OPEN_AGAIN
        if self.states and (not self.blinded or (before is not None and before.blinded)):
            return _SAID_IN_VAIN
        unsaid = self.blinded and not self.states
        follows = before is not None and not before.blinded and before.position == self.position - 1
        return _UNSAID if unsaid and follows else None


def erased_by(event: StoredEvent) -> Iterable[int]:
    """The positions of which an event says that their values were erased."""
    said = event_of(event).data.get("positions", ()) if _says(event, ERASED) else ()
    return [each for each in said if type(each) is int]


def _says(event: StoredEvent, type_: str) -> bool:
    """Whether it is the service's own word of that type."""
    if not event.source == event.publisher == SOURCE:
        return False
    try:
        return event_of(event).type == type_
    except (ValueError, KeyError, TypeError):
        return False  # told where its content is looked at
