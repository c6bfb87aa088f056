"""Whether one grant alone allows a whole act: source, type and what it changes (spec/events.md, Who may say it).

Grants add up and are never multiplied: of several, one must allow all of it.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from domain.events.access import Role
from domain.events.envelope import check_data, types_of
from domain.events.facts import Event, family_of
from domain.events.types import CORRECTED, EVENT_TYPES
from domain.values.reach import Reach
from domain.values.reasons import Reason
from domain.values.scope import Scope, in_scope

REGISTERED: Final = "taizhang.organization.registered.v1"
# What says something of an organization as such, of which each registry has its own.
OF_ORGANIZATIONS: Final = frozenset(type_ for type_ in EVENT_TYPES if family_of(type_) == "organization")
# What concerns the whole city, and has no place of its own.
_EVERYWHERE: Final = frozenset((Reach.WHOLE_CITY, Reach.ACCESS, Reach.THE_SERVICE))


class Right(NamedTuple):
    """What one grant lets its holder say; None means any source, any type, all places and bodies.

    `access` names the grant in the log, whose state at the event's position counts; None for what is held apart from
    the log: a key of the file, the service's own word. `of_service`: it is the service's own, which no grant gives.
    """

    roles: frozenset[Role] = frozenset(("publisher",))
    sources: frozenset[str] | None = None
    types: frozenset[str] | None = None
    scope: Scope = None
    access: str | None = None
    of_service: bool = False

    @property
    def is_steward(self) -> bool:
        """Whether it lets its holder correct and retract what others have said."""
        return "steward" in self.roles

    @property
    def is_registry(self) -> bool:
        """Whether it is a registry's: it names sources and no types, and so speaks of what these registered alone."""
        return self.sources is not None and self.types is None and not self.is_steward

    def says(self, type_: str) -> bool:
        """Whether events of a type may be said by it.

        A grant without types is for any, but for access, which takes an administrator; one that names its sources and
        no types is a registry's, and a registry adopts no rule for the whole city.
        """
        reach = EVENT_TYPES[type_].reach
        if reach is Reach.THE_SERVICE and not self.of_service:
            return False
        if reach is Reach.ACCESS and "administrator" not in self.roles:
            return False
        if self.types is not None:
            return type_ in self.types
        return not (self.is_registry and reach is Reach.WHOLE_CITY)

    def could_say(self, type_: str) -> bool:
        """Whether there is anything that events of a type may change by it: what has no place takes one without limits.

        Whether it is this very thing depends on what an event changes, which `judge` asks.
        """
        return self.says(type_) and (self.scope is None or EVENT_TYPES[type_].reach not in _EVERYWHERE)


class Place(NamedTuple):
    """One region where an event changes something; `region` None where what it changes stands nowhere.

    `named` is what the event itself names of it, None where it names nothing: more is not told to whoever sent it.
    `bodies` are those that what stands there answers to, with all above them; looked up for rights by bodies alone.
    """

    named: str | None
    region: str | None
    bodies: frozenset[str] = frozenset()


class Changed(NamedTuple):
    """What an event changes, or would if nothing contradicted it; what has no place of its own changes none."""

    places: frozenset[Place] = frozenset()


class Judged(NamedTuple):
    """An event as it is judged.

    `target_type` is that of the event which a correction or retraction speaks of, None where that is not there. The
    log is asked by `changed` what the event changes, for rights with limits of place alone, and by `registered_by`
    which sources have registered an organization, for a registry's.
    """

    event: Event
    target_type: str | None
    changed: Callable[[], Changed]
    registered_by: Callable[[str], frozenset[str]]


def concerns(right: Right, event: Event) -> bool:
    """Whether a right may allow an event, as far as the event says by itself."""
    return (right.sources is None or event.source in right.sources) and right.says(event.type)


def organization_of(event: Event, target_type: str | None) -> tuple[str, str] | None:
    """The type by which an event speaks of an organization as such, and the organization; None where it does not.

    A correction speaks by its replacement; where its target is not there yet, by any type that this fits.
    """
    if event.type in OF_ORGANIZATIONS:
        return event.type, str(event.data["org"])
    if event.type != CORRECTED:
        return None
    told = event.data["replacement"]
    types = types_of(told) if target_type is None else [target_type] * (not check_data(target_type, told))
    return next(((type_, str(told["org"])) for type_ in types if type_ in OF_ORGANIZATIONS), None)


def _types(judged: Judged) -> list[str]:
    """The types by which an event speaks: its own, and its target's.

    Of a target that is not there yet those that it would have: whatever takes its place is said by this event.
    """
    event, target_type = judged.event, judged.target_type
    if target_type is not None:
        return [event.type, target_type]
    return [event.type, *(types_of(event.data["replacement"]) if event.type == CORRECTED else ())]


def judge(name: str, rights: Sequence[Right], judged: Judged) -> Reason | None:
    """Why none of a publisher's rights allows an event by itself; None where one does.

    Of several reasons it gives that of the right which lacks least.
    """
    best: tuple[int, Reason] | None = None
    for right in sorted(rights, key=lambda each: each.scope is not None):
        found = _lacks(name, right, judged)
        if found is None:
            return None
        if best is None or found[0] > best[0]:
            best = found
    if best is not None:
        return best[1]
    rule = f"{name} holds no grant in force that lets it publish; have an administrator grant it, and redrive"
    return Reason("no_grant_in_force", "", name, rule)


def _lacks(name: str, right: Right, judged: Judged) -> tuple[int, Reason] | None:
    """What a right lacks, after how many steps that were well."""
    for step, check in enumerate(_CHECKS):
        reason = check(name, right, judged)
        if reason is not None:
            return step, reason
    return None


def _source(name: str, right: Right, judged: Judged) -> Reason | None:
    source = judged.event.source
    if right.sources is None or source in right.sources:
        return None
    rule = f"publisher {name} may not speak for this source; have it added to the publisher's sources"
    return Reason("source_of_another_publisher", "/source", source, rule)


def _type(name: str, right: Right, judged: Judged) -> Reason | None:
    told = _types(judged)
    # Of access no word counts, whoever says it; services.intake.decisions refuses it as such.
    of_access = judged.target_type is not None and EVENT_TYPES[judged.target_type].reach is Reach.ACCESS
    refused = next((each for each in told[: 1 if of_access else None] if not right.says(each)), None)
    if refused is None:
        return None
    if EVENT_TYPES[refused].reach is Reach.ACCESS:
        rule = "access is granted and revoked by administrators (/v1/access)"
        return Reason("administrator_only", "/type", refused, rule)
    if EVENT_TYPES[refused].reach is Reach.THE_SERVICE:
        rule = "what the service states of its own log comes from the service alone; have it stated (taizhang prove)"
        return Reason("service_only", "/type", refused, rule)
    rule = (
        f"no grant of publisher {name} for this source lets it say this; a grant that names its sources and no types "
        "is a registry's, have one granted that names the type"
    )
    return Reason("type_not_granted", "/type", judged.event.type, rule)


def _target(_: str, right: Right, judged: Judged) -> Reason | None:
    """A word comes from its target's own source, or from a steward."""
    event = judged.event
    if event.is_fact or right.is_steward or event.target[0] == event.source:
        return None
    return Reason(
        "not_the_targets_source",
        "/data/corrects/source" if event.type == CORRECTED else "/data/retracts/source",
        event.target[0],
        "a correction or retraction comes from its target's own source, or from a steward",
    )


def _whole_city(name: str, right: Right, judged: Judged) -> Reason | None:
    """What has no place of its own needs a right without limits of place."""
    if right.scope is None or all(map(right.could_say, _types(judged))):
        return None
    rule = f"{_only(name, right)}, and this holds for the whole city; it takes a grant without limits of place"
    return Reason("whole_city_only", "/type", judged.event.type, rule)


def _target_there(name: str, right: Right, judged: Judged) -> Reason | None:
    """Of an event that is not there yet no place is known: its own source alone speaks of it, or a right for all."""
    event = judged.event
    if right.scope is None or event.is_fact or judged.target_type is not None:
        return None
    if right.sources is not None and event.target[0] == event.source:
        return None
    rule = (
        f"{_only(name, right)}, and of an event that is not there yet no place is known; publish it once the event is "
        "there, or by a grant that names the event's own source"
    )
    return Reason("target_unknown", "/data", event.target[1], rule)


def _place(name: str, right: Right, judged: Judged) -> Reason | None:
    """Every place that it changes lies within the right's."""
    if right.scope is None:
        return None
    places = judged.changed().places
    outside = [each for each in places if each.region is None or not in_scope(each.region, right.scope, each.bodies)]
    if not outside:
        return None
    named, region, _ = min(outside, key=lambda each: (each.named != each.region, each.named or ""))
    if named is not None and named == region:
        return Reason("region_of_another_office", "/data", named, f"{_only(name, right)}; leave it to its office")
    rule = (
        f"{_only(name, right)}, and on the dates of this event the ledger does not have all that it changes there; "
        "leave it to its office, or to a grant without limits of place"
    )
    return Reason("organization_of_another_office", "/data", named, rule)


def _only(name: str, right: Right) -> str:
    return f"publisher {name} may speak of {', '.join(right.scope or ())} only"


def _registry(name: str, right: Right, judged: Judged) -> Reason | None:
    """A registry speaks of the organizations that its own sources alone have registered, and registers no other's.

    So it says nothing ahead of another registry's registration either. Whether another registered it or nobody yet,
    the words are the same.
    """
    told = organization_of(judged.event, judged.target_type) if right.is_registry else None
    if told is None or right.sources is None:
        return None
    type_, org = told
    by = judged.registered_by(org)
    if by <= right.sources and (by or type_ == REGISTERED):
        return None
    rule = (
        f"publisher {name} speaks as a registry, of organizations that its own sources alone have registered; publish "
        "it after their registration, leave it to the registry that has it, or have a grant made that names the type"
    )
    return Reason("organization_of_another_registry", "/data", org, rule)


_CHECKS: Final = (_source, _type, _target, _target_there, _whole_city, _place, _registry)
