"""Whether a message may be taken in, and by what right: decided at its own position, from the log before it.

Grants, keys and places are in force from the position that states them on, within one batch and one commit too: what a
batch has accepted is told to `Permission.accept` before the next message is judged.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.access.in_force import Access
from domain.access.rights import OF_ORGANIZATIONS, REGISTERED, Judged, Right, concerns, judge, organization_of
from domain.events.access import FAMILY
from domain.events.facts import Event
from domain.values.reasons import Reason
from domain.values.scope import by_body
from projections.ledger.touched import changed
from services.intake.registrations import registered_by
from services.intake.writing_story import RecentEvents, WritingStory
from services.ledger.projector import fits
from services.log.messages import Arrival, Message, Publisher
from services.log.reader import read_events
from services.log.signatures import fault
from services.log.turns import OF_ACCESS, Turn
from services.system.errors import AccessEndedError
from services.system.settings import SHANGHAI

_EVENTS: Final = f"""
SELECT notification_id, source, id, topic, state, intake -> 'attributes' FROM taizhang.log
 WHERE {OF_ACCESS} AND notification_id > %s ORDER BY notification_id
"""  # noqa: S608 - of constants


class InForce:
    """What one writer has read of the log so far to judge messages by; only what is committed."""

    def __init__(self) -> None:
        self.access = Access()
        self.recent = RecentEvents()
        self._position = 0

    def follow(self, cursor: Cursor[TupleRow], turn: Turn) -> None:
        """Read what was said of access since the last time; whoever holds the log's gate thereby knows all there is."""
        if turn.access_position <= self._position:
            return
        events = read_events(cursor.execute(_EVENTS, (self._position,), prepare=True, binary=True))
        # Whoever only looks, without the gate, may meet one that came after the turn was read.
        self.access, self._position = self.access.after(events), max(turn.access_position, events[-1].position)


def require_steward(in_force: InForce, cursor: Cursor[TupleRow], turn: Turn, by: Publisher) -> None:
    """Let an act of a steward's be done, by the grants as they stand in the turn that does it.

    Raises:
        AccessEndedError: none that the steward was let in by is in force any more.
    """
    in_force.follow(cursor, turn)
    rights = in_force.access.rights(by.rights, turn.now.astimezone(SHANGHAI).date())
    if not any(right.is_steward and right.scope is None for right in rights):
        raise AccessEndedError(
            f"{by.name} holds no grant as a steward any more: it ended before this was done; nothing was changed"
        )


class Permission:
    """Judges the messages of one turn, in order."""

    def __init__(self, in_force: InForce, cursor: Cursor[TupleRow], turn: Turn) -> None:
        in_force.follow(cursor, turn)
        self._in_force, self._cursor, self._head = in_force, cursor, turn.position
        self._day = turn.now.astimezone(SHANGHAI).date()
        self._rights: dict[Publisher, list[Right]] = {}
        self._accepted: list[Event] = []
        self._story: WritingStory | None = None
        self._registered: dict[str, set[str]] = {}
        self._free: dict[tuple[int, str, str], bool] = {}
        self._use(in_force.access)

    def _use(self, access: Access) -> None:
        self._access, self._rights, self._free = access, {}, {}
        self._signing = {key.source for key in access.keys.values()}

    def prepare(self, arrivals: Iterable[Arrival]) -> bool:
        """Read ahead what judging these asks for; whether the database may be asked while they are judged."""
        told = [(arrival.message.publisher, event) for arrival in arrivals if (event := arrival.reading.event)]
        asking = [(publisher, event) for publisher, event in told if not self._is_free(publisher, event)]
        fit = [(event, self._concerned(publisher, event)) for publisher, event in asking]
        # What is granted within this batch may be a right with limits: whoever comes after it is judged by that one.
        is_changed = any(event.type.startswith(FAMILY) for _, event in told)
        if is_changed or any(rights and all(right.scope is not None for right in rights) for _, rights in fit):
            self._told().prefetch([event for _, event in told])
        of_registries = [event for event, rights in fit if any(right.is_registry for right in rights)]
        self._look_up([said[1] for event in of_registries if (said := organization_of(event, None))])
        return is_changed or any(right.scope is not None or right.is_registry for _, rights in fit for right in rights)

    def _is_free(self, publisher: Publisher, event: Event) -> bool:
        """Whether a right allows all events of this source and type, whatever the log tells; of facts alone."""
        key = (id(publisher), event.source, event.type)
        if key not in self._free:
            rights = self._concerned(publisher, event)
            of_organizations = event.type in OF_ORGANIZATIONS
            whole = (right for right in rights if right.scope is None and not (of_organizations and right.is_registry))
            self._free[key] = event.is_fact and not event.type.startswith(FAMILY) and any(whole)
        return self._free[key]

    def _concerned(self, publisher: Publisher, event: Event) -> list[Right]:
        return [right for right in self._rights_of(publisher) if concerns(right, event)]

    def _rights_of(self, publisher: Publisher) -> list[Right]:
        """The rights that a publisher has at this position."""
        if publisher not in self._rights:
            rights = self._access.rights(publisher.rights, self._day)
            if publisher.by_name:
                rights += [each for each in self._access.publishing(publisher.name, self._day) if each not in rights]
            self._rights[publisher] = rights
        return self._rights[publisher]

    def fault(self, message: Message, event: Event, target_type: str | None) -> Reason | None:
        """Why a message may not be taken in, None where it may; `target_type` as domain.access.rights.Judged has it."""
        publisher = message.publisher
        if not self._is_free(publisher, event):
            rights = self._rights_of(publisher)
            asks_bodies = any(by_body(right.scope) for right in rights)
            told = lambda: changed(event, self._told(), fits, by_body=asks_bodies)  # noqa: E731 - asked for at need
            reason = judge(publisher.name, rights, Judged(event, target_type, told, self._registered_by))
            if reason is not None:
                return reason
        return self._signature(message, event.source)

    def _registered_by(self, org: str) -> frozenset[str]:
        self._look_up([org])
        return frozenset(self._registered[org])

    def _look_up(self, orgs: Iterable[str]) -> None:
        absent = [org for org in orgs if org not in self._registered]
        if absent:
            self._registered |= registered_by(self._cursor, absent)
            for event in self._accepted:
                self._note(event)

    def _note(self, event: Event) -> None:
        if event.type == REGISTERED and event.data["org"] in self._registered:
            self._registered[event.data["org"]].add(event.source)

    def _signature(self, message: Message, source: str) -> Reason | None:
        if message.signature is None and source not in self._signing:
            return None
        return fault(self._access.keys_of(source), message, self._day)

    def _told(self) -> WritingStory:
        if self._story is None:
            self._story = WritingStory(self._cursor, self._in_force.recent, self._head, fits)
            for event in self._accepted:
                self._story.accept(event)
        return self._story

    def accept(self, event: Event, position: int) -> None:
        """Let an event count, which was accepted at its position, for those after it."""
        if event.type.startswith(FAMILY):
            self._use(self._access.after((replace(event, position=position),)))
        self._accepted.append(event)
        if self._registered:
            self._note(event)
        if self._story is not None:
            self._story.accept(event)
