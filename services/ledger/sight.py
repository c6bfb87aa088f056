"""What whoever asks may see of events, rows and texts that name organizations, at one pair of clocks.

An event may name organizations of several offices. Each office is shown it with the others' withheld; as received,
byte by byte, it is shown only to those who may see all of it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final, TypeVar

from domain.events.facts import Event, family_of
from domain.ledger.rows import Row
from domain.values.instants import parse_date
from domain.values.scope import by_body, in_scope
from services.ledger.queries import Queries

WITHHELD: Final = "withheld"
# Events of these families that name no organization and no region concern every office alike.
_OF_SOMEBODY: Final = frozenset(("member", "branch", "instructor", "organization", "event", "access"))
_ORGANIZATION: Final = re.compile(r"(?:uscc:[0-9A-Z]{18}|group:[A-Za-z0-9-]{1,40})", re.ASCII)
_REGIONS: Final = ("region", "regions")

T = TypeVar("T", bound=Any)


def _covered(each: Any) -> Any:  # noqa: ANN401 - any JSON
    """Of an item of a branch's coverage the organization."""
    return each["org"] if isinstance(each, dict) and each.keys() == {"org", "formation"} else each


class Sight:
    """What lies in sight of `queries.scope`; without a scope everything does, and nothing is changed."""

    def __init__(self, queries: Queries, as_of: date, known_at: int) -> None:
        self._queries, self._as_of, self._known_at = queries, as_of, known_at
        self.is_whole = queries.scope is None
        self._scope = queries.scope_at(as_of, known_at)
        # By its bodies an organization is in sight wherever it stands, with the regions that are told of it.
        self._is_by_body = bool(by_body(self._scope))

    def sees(self, org: str) -> bool:
        """Whether an organization is in sight."""
        return self._queries.in_sight(org, self._as_of, self._known_at)

    def sees_region(self, region: str) -> bool:
        """Whether a division code is in sight."""
        return in_scope(region, self._scope)

    def sees_any(self, event: Event) -> bool:
        """Whether the event concerns something in sight."""
        if self.is_whole:
            return True
        verdicts = list(self._verdicts(event))
        return any(verdicts) if verdicts else family_of(event.type) not in _OF_SOMEBODY

    def sees_all(self, event: Event) -> bool:
        """Whether all that the event concerns is in sight."""
        if self.is_whole:
            return True
        verdicts = list(self._verdicts(event))
        return all(verdicts) if verdicts else family_of(event.type) not in _OF_SOMEBODY

    def _verdicts(self, event: Event) -> Iterator[bool]:
        """For each organization and region that the event names or changes, whether it is in sight."""
        for name, text in _texts(event.data):
            if name in _REGIONS:
                if not self._is_of_one_seen(event.data):
                    yield self.sees_region(text)
            elif _ORGANIZATION.fullmatch(text):
                yield self.sees(text)
        yield from (self.sees(org) for org in self._changed(event.position))

    def _changed(self, position: int) -> list[str]:
        """The organizations whose rows the event changes: a member's standing names none, and changes one."""
        snapshot = self._queries.view.current.snapshot
        begin, end = snapshot.known(position - 1), snapshot.known(position)
        return [snapshot.orgs[number] for number in set(snapshot.entries["org_no"][begin:end].tolist())]

    def redacted(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """JSON with what is out of sight withheld: in lists left out, elsewhere replaced.

        An object that tells of an organization out of sight, or of one while it was, says nothing else either.
        """
        if self.is_whole:
            return value
        match value:
            case dict():
                if self._is_out_of_sight(value.get("org")) or ("org" in value and self._is_elsewhere(value)):
                    return {"org": WITHHELD}
                told = self._is_of_one_seen(value)
                return {name: self._named(name, each, told=told) for name, each in value.items()}
            case list() | tuple() | frozenset() | set():
                return [self.redacted(each) for each in value if not self._is_out_of_sight(_covered(each))]
            case str():
                return self.text(value)
        return value

    def _named(self, name: str, value: Any, *, told: bool) -> Any:  # noqa: ANN401 - any JSON
        if name in _REGIONS and isinstance(value, str):
            return value if told or self.sees_region(value) else WITHHELD
        return self.redacted(value)

    def _is_elsewhere(self, value: Mapping[str, Any]) -> bool:
        region = value.get("region")
        return isinstance(region, str) and not self.sees_region(region) and not self._is_of_one_seen(value)

    def _is_of_one_seen(self, value: Mapping[str, Any]) -> bool:
        """Whether JSON tells of one organization that is in sight by its bodies; of a fact, that was so on its day."""
        org = value.get("org")
        if not (self._is_by_body and isinstance(org, str) and _ORGANIZATION.fullmatch(org) and self.sees(org)):
            return False
        on = value.get("effective_on")
        return not isinstance(on, str) or self._queries.in_sight(org, parse_date(on), self._known_at)

    def _is_out_of_sight(self, value: object) -> bool:
        return isinstance(value, str) and bool(_ORGANIZATION.fullmatch(value)) and not self.sees(value)

    def text(self, text: str) -> str:
        """Text with the organizations that are out of sight withheld."""
        if self.is_whole:
            return text
        return _ORGANIZATION.sub(lambda match: match[0] if self.sees(match[0]) else WITHHELD, text)

    def subject(self, subject: str | None) -> str | None:
        """An event's subject; None where it is an organization out of sight."""
        return None if subject is not None and self._is_out_of_sight(subject) else subject

    def row(self, row: Row | None) -> Row | None:
        """A row; None where it is in a region out of sight, and answers to no body in sight."""
        return row if row is None or in_scope(row.attributes.region, self._scope, row.bodies) else None

    def described(self, events: Mapping[int, T]) -> dict[int, T]:
        """Descriptions of events by position, with subjects that are out of sight taken away."""
        if self.is_whole:
            return dict(events)
        return {position: each._replace(subject=self.subject(each.subject)) for position, each in events.items()}


def _texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Every string in a JSON value, with the name of the field that holds it."""
    match value:
        case str():
            yield name, value
        case Mapping():
            for key, each in value.items():
                yield from _texts(each, str(key))
        case Iterable():
            for each in value:
                yield from _texts(each, name)
