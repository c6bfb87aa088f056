"""Whether intake would have let events in, decided anew from what a bundle shows, one after the other.

Identity, validity, fit of a correction, the source's signature, the publisher's right (spec/events.md): each at the
event's own position, from the events shown before it. What a bundle does not show can accuse nobody: a publisher of
whom it has no grant is not judged, and counted as such.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from domain.access import grants, signing_keys
from domain.events.access import FAMILY
from domain.events.envelope import check_data, read_event
from domain.events.facts import Event, EventKey
from domain.events.types import CORRECTED, RANKS
from domain.values.scope import in_scope
from services.evidence.copies.stored import StoredEvent
from services.log.messages import Message, Publisher
from services.log.signatures import fault
from services.system.settings import SHANGHAI

#: Sources in which the service itself speaks, for whoever acts at its pages.
OWN_SOURCES: Final = "/taizhang/"
#: What says where an organization is, and so whom the event changes.
_PLACING: Final = frozenset(("taizhang.organization.registered.v1", "taizhang.organization.changed.v1"))

Words = tuple[str, str]


class Decided:
    """The events shown so far: by name, and what those of access said; `unjudged` are publishers without a grant."""

    def __init__(self) -> None:
        self.known: dict[EventKey, Event] = {}
        self.unjudged: set[str] = set()
        self.signed = 0
        self._keys: dict[str, signing_keys.SigningKey] = {}
        self._grants: dict[str, grants.Grant] = {}

    def faults(self, stored: StoredEvent) -> Iterator[Words]:
        """Why intake would not have accepted this event after those before it; nothing where it would."""
        attributes = stored.intake.get("attributes")
        if attributes is not None and not _is_text(attributes):
            yield "事件不合规则", "intake would refuse the event: its attributes are not text"
            return
        reading = read_event(stored.raw, attributes)
        if reading.event is None:
            reason = reading.reasons[0]
            words = f"intake would refuse the event: {reason.rule} at {reason.at or '/'}: {reason.message}"
            yield "事件不合规则", words
            return
        event = replace(reading.event, position=stored.position)
        first = self.known.get(event.key)
        if first is not None:
            words = f"a second event of one name: position {first.position} has the source and id {' '.join(event.key)}"
            yield "同名事件出现两次", words
            return
        yield from self._unfit(event)
        yield from self._unsigned(event, stored, attributes)
        yield from self._forbidden(event, stored)
        self.known[event.key] = event
        if event.type.startswith(FAMILY):
            self._keys = signing_keys.fold(self._keys, [event])
            self._grants = grants.fold(self._grants, [event])

    def _unfit(self, event: Event) -> Iterator[Words]:
        target = None if event.is_fact else self.known.get(event.target)
        if target is None:
            return
        if target.type.startswith(FAMILY):
            yield "更正或撤销不得针对授权", "intake would refuse the event: access is neither corrected nor retracted"
        elif event.type == CORRECTED and target.type in RANKS and check_data(target.type, event.data["replacement"]):
            yield "更正内容不合目标类型", f"intake would refuse the event: its replacement does not fit {target.type}"

    def _unsigned(self, event: Event, stored: StoredEvent, attributes: Mapping[str, str] | None) -> Iterator[Words]:
        """The signature, verified over the bytes as received, with the keys registered before."""
        signature = stored.intake.get("jws")
        registered = [each for each in self._keys.values() if each.source == event.source]
        if signature is None and not registered:
            return
        if signature is not None and not isinstance(signature, str):
            yield "来源签名不成立", "the signature of the source is no text"
            return
        message = Message(stored.raw, stored.intake, Publisher(stored.publisher), attributes, signature=signature)
        reason = fault(registered, message, _day(stored))
        if reason is None:
            self.signed += 1
        else:
            yield "来源签名不成立", f"the signature of the source does not hold: {reason.rule}: {reason.message}"

    def _forbidden(self, event: Event, stored: StoredEvent) -> Iterator[Words]:
        """Whether no grant of the publisher alone allows this; what was redriven was let in by a steward."""
        held = [grant for grant in self._grants.values() if grant.holder == stored.publisher]
        if stored.intake.get("channel") == "redrive":
            return
        if not held:
            self.unjudged.add(stored.publisher)
        elif not any(grant.holds(_day(stored)) and _allows(grant, event) for grant in held):
            words = (
                f"publisher {stored.publisher} had no right to say this: none of its grants at or before position "
                f"{stored.position} allows an event of {event.source} with this content on {_day(stored)}"
            )
            yield "发布者无权", words


def _allows(grant: grants.Grant, event: Event) -> bool:
    if event.type.startswith(FAMILY) and "administrator" not in grant.roles:
        return False
    own = event.source.startswith(OWN_SOURCES)
    if not own and grant.sources is not None and event.source not in grant.sources:
        return False
    region = event.data.get("region") if event.type in _PLACING else None
    if region is not None and not in_scope(region, grant.regions):
        return False
    return event.is_fact or event.target[0] == event.source or "steward" in grant.roles


def _is_text(attributes: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(attributes, dict) and all(isinstance(value, str) for value in attributes.values())


def _day(stored: StoredEvent) -> date:
    return stored.recorded_at.astimezone(SHANGHAI).date()
