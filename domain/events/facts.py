"""Events as known, and the facts that stand among them (spec/domain.md, steps 1 to 3)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from domain.events.types import CORRECTED, RANKS, RETRACTED
from domain.values.instants import parse_date
from domain.values.terms import Anomaly

POLICY = "policy"
ACTIVITY_POLICY = "activity_policy"
# The families of types that decide rows, rates and anomalies. All others are acts of the offices (thresholds of
# signals, campaigns, …): on both clocks and correctable like these, but no row depends on them.
LEDGER_FAMILIES = frozenset({"organization", "member", "branch", "instructor", "body", POLICY, ACTIVITY_POLICY})

EventKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Event:
    """One well-formed event; `position` is 0 until it is accepted, `time_ns` is since 1970 in UTC."""

    position: int
    source: str
    id: str
    type: str
    time_ns: int
    data: Mapping[str, Any]

    @property
    def key(self) -> EventKey:
        """Its name for ever: source and id."""
        return (self.source, self.id)

    @property
    def effective_on(self) -> date:
        """When the fact is true in the world, by the event's own data."""
        return parse_date(self.data["effective_on"])

    @property
    def is_fact(self) -> bool:
        """Whether it speaks of the world, not of another event."""
        return self.type in RANKS

    @property
    def target(self) -> EventKey:
        """The event that a correction or retraction speaks of."""
        named = self.data["corrects" if self.type == CORRECTED else "retracts"]
        return (named["source"], named["id"])


class Fact(NamedTuple):
    """A fact that stands, in canonical order when compared: the first five fields decide."""

    effective_on: date
    time_ns: int
    rank: int
    source: str
    id: str
    type: str
    data: Mapping[str, Any]
    position: int
    decided_by: tuple[int, ...]

    @property
    def entity(self) -> str:
        """The one thing whose state this fact is about; see `entity_of`."""
        return entity_of(self.type, self.data)


class AnomalyFound(NamedTuple):
    """A contradiction between facts, reported on its subject.

    `position` is the event that shows it; `effective_on` is None where it speaks of an event.
    """

    anomaly: Anomaly
    subject: str | None
    position: int
    effective_on: date | None
    detail: str


def family_of(type_: str) -> str:
    """What the type speaks of: the second part of its name."""
    return type_.split(".")[1]


def entity_of(type_: str, data: Mapping[str, Any]) -> str:
    """Name the entity that a fact is about.

    The fold never crosses entities: an organization, a member, a branch, one instructor at one organization
    (`<org> <instructor>`), the policy; of an office's acts what the field named as their family names, or the family.
    """
    family = family_of(type_)
    if family == "instructor":
        return f"{data['org']} {data['instructor']}"
    return str(data.get("org" if family == "organization" else family, family))


def fact(event: Event) -> Fact:
    """The fact as its event states it."""
    return Fact(
        event.effective_on, event.time_ns, RANKS[event.type], event.source, event.id,
        event.type, event.data, event.position, (event.position,),
    )  # fmt: skip


def corrected(event: Event, word: Event) -> Fact:
    """The fact with its data replaced: source, id, type and time stay its own."""
    data = word.data["replacement"]
    return Fact(
        parse_date(data["effective_on"]), event.time_ns, RANKS[event.type], event.source, event.id,
        event.type, data, event.position, (event.position, word.position),
    )  # fmt: skip


def word_order(word: Event) -> tuple[int, str, str]:
    """The order among corrections and retractions of one event; the last of them stands."""
    return (word.time_ns, word.source, word.id)


def standing_fact(event: Event, words: Iterable[Event], fits: Callable[[str, object], bool]) -> Fact | None:
    """The fact that stands for `event` after what was said of it; None if it was retracted.

    Args:
        event: the target.
        words: the corrections and retractions of it that are known, in any order.
        fits: whether a replacement fits the target's type; one that does not has no effect.
    """
    effective = [w for w in words if w.type == RETRACTED or fits(event.type, w.data["replacement"])]
    if not effective:
        return fact(event)
    last = max(effective, key=word_order)
    return None if last.type == RETRACTED else corrected(event, last)


def word_anomaly(word: Event, target: Event | None, fits: Callable[[str, object], bool]) -> AnomalyFound | None:
    """The contradiction that a correction or retraction shows, if any."""
    name = " ".join(word.target)
    if target is None:
        return AnomalyFound("target_unknown", None, word.position, None, name)
    if not target.is_fact:
        return AnomalyFound("target_not_a_fact", None, word.position, None, name)
    subject = subject_of(target.type, target.data)
    if word.type == CORRECTED and not fits(target.type, word.data["replacement"]):
        return AnomalyFound("replacement_unfit", subject, word.position, None, name)
    return None


def subject_of(type_: str, data: Mapping[str, Any]) -> str | None:
    """The data's first identifier, on which anomalies are reported; None where it has none, as a policy."""
    entity = entity_of(type_, data)
    return None if entity == family_of(type_) else entity.partition(" ")[0]


def standing_facts(
    events: Iterable[Event], fits: Callable[[str, object], bool]
) -> tuple[list[Fact], list[AnomalyFound]]:
    """All facts that stand among the known events, in canonical order, and what contradicts."""
    known = {event.key: event for event in events}
    words: dict[EventKey, list[Event]] = {}
    anomalies: list[AnomalyFound] = []
    for event in known.values():
        if not event.is_fact:
            words.setdefault(event.target, []).append(event)
            found = word_anomaly(event, known.get(event.target), fits)
            if found is not None:
                anomalies.append(found)
    facts = (standing_fact(event, words.get(key, ()), fits) for key, event in known.items() if event.is_fact)
    return sorted(f for f in facts if f is not None), anomalies
