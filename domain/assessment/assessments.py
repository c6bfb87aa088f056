"""Sealed assessments: which stand, and how what is rendered again differs from what was sealed.

A sealed report is never changed: the first event of its name stands as it came, and corrections and retractions of it
have no effect. Only a later one takes its place, with a reason.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from domain.events.assessment import SEALED
from domain.events.facts import Event

SUPERSEDED: Final = "taizhang.assessment.superseded.v1"
Contradiction = Literal["already_sealed", "not_sealed", "already_superseded", "never_changed"]


class Superseded(NamedTuple):
    """By which later one, why, and the event that says so."""

    by: str
    reason: str
    position: int


class Assessment(NamedTuple):
    """A sealed report: its event's position and data, and what took its place."""

    assessment: str
    position: int
    sealed_on: date
    data: Mapping[str, Any]
    superseded: Superseded | None


class Contradicted(NamedTuple):
    """An event without effect."""

    assessment: str
    contradiction: Contradiction
    position: int


class Assessments(NamedTuple):
    """The reports in order of sealing, and the events that had no effect."""

    assessments: dict[str, Assessment]
    contradictions: list[Contradicted]


def assessments(events: Iterable[Event]) -> Assessments:
    """The reports that stand, from the events known that speak of them.

    A report superseded before it was sealed, or by one that is not sealed, stays as it is. One that is to take the
    place of another, which it cannot, is not sealed either: what one event says holds whole or not at all.
    """
    in_order = sorted(events, key=lambda event: event.position)
    found: dict[str, Assessment] = {}
    told: list[Contradicted] = []
    names = {event.key: event.data["assessment"] for event in in_order if event.type == SEALED}
    fault: Contradiction | None
    for event in in_order:
        name = event.data.get("assessment", "")
        if event.type == SEALED:
            fault = not_sealed(found, name, event.data.get("supersedes"))
            if fault is None:
                found[name] = Assessment(name, event.position, event.effective_on, event.data, None)
                _supersede(found, event.data.get("supersedes"), name, event)
        elif event.type == SUPERSEDED:
            fault = _not_superseded(found, name, event.data["by"])
            if fault is None:
                _supersede(found, name, event.data["by"], event)
        elif not event.is_fact and event.target in names:
            name, fault = names[event.target], "never_changed"
        else:
            continue
        if fault is not None:
            told.append(Contradicted(name, fault, event.position))
    return Assessments(found, told)


def not_sealed(found: Mapping[str, Assessment], name: str, supersedes: str | None) -> Contradiction | None:
    """Why a report cannot be sealed beside these, perhaps in the place of another; None if it can."""
    if name in found:
        return "already_sealed"
    if supersedes is None:
        return None
    if supersedes not in found:
        return "not_sealed"
    return "already_superseded" if found[supersedes].superseded is not None else None


def _supersede(found: dict[str, Assessment], name: str | None, by: str, event: Event) -> None:
    if name is not None:
        superseded = Superseded(by, event.data["reason"], event.position)
        found[name] = found[name]._replace(superseded=superseded)


def _not_superseded(found: Mapping[str, Assessment], name: str, by: str) -> Contradiction | None:
    """Why a report cannot be superseded by another; None if it can."""
    if name not in found or by not in found or name == by:
        return "not_sealed"
    return "already_superseded" if found[name].superseded is not None else None


# What figures and policies have since; a report sealed before them is not held against them.
ADDED: Final = frozenset(
    {"members_counted", "small_unit", "members_elsewhere", "eligible_standalone", "effectively_covered"}
)


class Difference(NamedTuple):
    """A value that differs: where, as a JSON pointer, what was sealed and what is rendered now."""

    at: str
    sealed: Any
    rendered: Any


def differences(sealed: object, rendered: object, at: str = "") -> Iterator[Difference]:
    """Every value that differs between two JSON documents, in order of the sealed one; but for what was `ADDED`."""
    if isinstance(sealed, Mapping) and isinstance(rendered, Mapping):
        for name in [*sealed, *(name for name in rendered if name not in sealed and name not in ADDED)]:
            yield from differences(sealed.get(name), rendered.get(name), f"{at}/{name}")
    elif isinstance(sealed, list) and isinstance(rendered, list) and len(sealed) == len(rendered):
        for number, (left, right) in enumerate(zip(sealed, rendered, strict=True)):
            yield from differences(left, right, f"{at}/{number}")
    elif sealed != rendered:
        yield Difference(at, sealed, rendered)
