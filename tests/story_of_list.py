"""The story of events that a decision asks, from scratch."""

from domain.events.facts import Event, EventKey, Fact, standing_facts
from tests.histories import fits


class ListStory:
    """The story of a list of events, from scratch."""

    def __init__(self, events: list[Event]) -> None:
        self._events = {event.key: event for event in events}

    def find(self, key: EventKey) -> Event | None:
        return self._events.get(key)

    def words(self, target: EventKey) -> list[Event]:
        return [each for each in self._events.values() if not each.is_fact and each.target == target]

    def facts(self, entity: str) -> list[Fact]:
        return [each for each in standing_facts(self._events.values(), fits)[0] if each.entity == entity]
