"""The grants in force: a fold over the events of access, in order of position.

Unlike facts of the world these acts take effect when they are recorded and not before, so they are neither corrected
nor retracted: what was wrong is revoked, and granted anew.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from domain.access.rights import Right
from domain.events.access import GRANTED, REVOKED, Role
from domain.events.facts import Event
from domain.values.instants import parse_date
from domain.values.scope import Scope, scope_of


class Grant(NamedTuple):
    """One grant as its last event left it; `position` is that of the event that granted it.

    `sources` and `types` None mean any, `regions` None all, `bodies` None any, `until` None no end, `key_sha256` None
    that no key goes with it.
    """

    access: str
    holder: str
    roles: frozenset[Role]
    sources: frozenset[str] | None
    regions: tuple[str, ...] | None
    since: date
    until: date | None
    key_sha256: str | None
    position: int
    revoked_on: date | None = None
    reason: str | None = None
    types: frozenset[str] | None = None
    bodies: tuple[str, ...] | None = None

    @property
    def scope(self) -> Scope:
        """Within what it lets its holder see and say something."""
        return scope_of(self.regions, self.bodies)

    @property
    def right(self) -> Right:
        """What it lets its holder say."""
        return Right(self.roles, self.sources, self.types, self.scope, self.access)

    def holds(self, day: date) -> bool:
        """Whether it is in force on a day in Asia/Shanghai."""
        return in_force(day, self.since, self.until, self.revoked_on)


def in_force(day: date, since: date, until: date | None, revoked_on: date | None) -> bool:
    """Whether what was given from one day to the end of another, and perhaps taken back, holds on a day."""
    return since <= day and (until is None or day <= until) and (revoked_on is None or day < revoked_on)


def fold(grants: Mapping[str, Grant], events: Iterable[Event]) -> dict[str, Grant]:
    """The grants by identifier after further events; a grant of the same identifier takes the earlier one's place."""
    after = dict(grants)
    for event in events:
        data = event.data
        access = str(data.get("access"))
        if event.type == GRANTED:
            after[access] = _granted(event.position, data)
        elif event.type == REVOKED and access in after and after[access].revoked_on is None:
            after[access] = after[access]._replace(revoked_on=event.effective_on, reason=data["reason"])
    return after


def _granted(position: int, data: Mapping[str, Any]) -> Grant:
    until, sources, types, bodies = (data.get(name) for name in ("until", "sources", "types", "bodies"))
    return Grant(
        data["access"], data["holder"], frozenset(data["roles"]), None if sources is None else frozenset(sources),
        scope_of(data.get("regions")), parse_date(data["effective_on"]), None if until is None else parse_date(until),
        data.get("key_sha256"), position, types=None if types is None else frozenset(types),
        bodies=None if bodies is None else tuple(sorted(set(bodies))),
    )  # fmt: skip
