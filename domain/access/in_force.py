"""Access at one position of the log: grants and sources' keys, as the events of access before it left them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from domain.access import grants, signing_keys
from domain.access.grants import Grant
from domain.access.rights import Right
from domain.access.signing_keys import SigningKey
from domain.events.access import FAMILY
from domain.events.facts import Event

# A grant of one of these lets its holder publish on its own account; others publish what a route of theirs makes.
_PUBLISHING = frozenset(("publisher", "steward"))


class Access(NamedTuple):
    """Grants and keys by their identifiers, ended ones too."""

    grants: Mapping[str, Grant] = {}
    keys: Mapping[str, SigningKey] = {}

    def after(self, events: Iterable[Event]) -> "Access":
        """Access after further events, given in order of position; those of other families change nothing."""
        told = [event for event in events if event.type.startswith(FAMILY)]
        return Access(grants.fold(self.grants, told), signing_keys.fold(self.keys, told)) if told else self

    def rights(self, held: Iterable[Right], day: date) -> list[Right]:
        """What a holder's rights have become on a day: those of grants as these stand now, if they are in force."""
        found = []
        for right in held:
            grant = None if right.access is None else self.grants.get(right.access)
            if right.access is None:
                found.append(right)
            elif grant is not None and grant.holds(day):
                found.append(grant.right)
        return found

    def publishing(self, holder: str, day: date) -> list[Right]:
        """The rights in force on a day of whoever has this name, to publish."""
        ours = (each for each in self.grants.values() if each.holder == holder and each.holds(day))
        return [each.right for each in ours if not each.roles.isdisjoint(_PUBLISHING)]

    def keys_of(self, source: str) -> list[SigningKey]:
        """Every key that was ever registered for a source."""
        return [each for each in self.keys.values() if each.source == source]
