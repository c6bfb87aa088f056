"""The keys that sources sign with: a fold over the events of access, in order of position.

A source for which a key was ever registered signs from then on: revoking the last key closes it until another is
registered, so that whoever takes a key away does not open the door.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from domain.access.grants import in_force
from domain.events.access import KEY_REGISTERED, REVOKED
from domain.events.facts import Event
from domain.values.instants import parse_date


class SigningKey(NamedTuple):
    """One registered key; `key` is the public JWK (RFC 7517), `until` None for no end."""

    access: str
    source: str
    key: Mapping[str, str]
    since: date
    until: date | None
    position: int
    revoked_on: date | None = None
    reason: str | None = None

    def holds(self, day: date) -> bool:
        """Whether it is in force on a day in Asia/Shanghai."""
        return in_force(day, self.since, self.until, self.revoked_on)


def fold(keys: Mapping[str, SigningKey], events: Iterable[Event]) -> dict[str, SigningKey]:
    """The keys by identifier after further events of access."""
    after = dict(keys)
    for event in events:
        access = str(event.data.get("access"))
        if event.type == KEY_REGISTERED:
            after[access] = _registered(event.position, event.data)
        elif event.type == REVOKED and access in after and after[access].revoked_on is None:
            after[access] = after[access]._replace(revoked_on=event.effective_on, reason=event.data["reason"])
    return after


def _registered(position: int, data: Mapping[str, Any]) -> SigningKey:
    until = data.get("until")
    key = {name: value for name, value in data["key"].items() if value is not None}
    return SigningKey(
        data["access"], data["source"], key, parse_date(data["effective_on"]),
        None if until is None else parse_date(until), position,
    )  # fmt: skip
