"""What an event changes, from the log before it: the places that a grant must hold for the event to be let in.

An event is judged by its effect: on which days the timelines of its entities differ with it and without it, which
organizations these are at on those days, and where these organizations stand then. What has no effect for the time
being, since another fact contradicts it, is judged as if it had one on its own day: nobody plants a fact at another
office's organization that comes to life once the other fact is taken back.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from domain.access.rights import Changed, Place
from domain.events.envelope import types_of
from domain.events.facts import Event, EventKey, Fact, corrected, entity_of, fact, family_of, standing_fact, subject_of
from domain.events.types import CORRECTED, EVENT_TYPES
from domain.ledger.branches import Branch
from domain.ledger.entities import Instructor, Member, Organization
from domain.values.reach import Reach
from domain.values.scope import in_scope
from projections.ledger.fold.records import EntityState, initial
from projections.ledger.fold.timeline import Timeline, differences, fold
from projections.ledger.standing import BodiesAbove, standing

Fits = Callable[[str, object], bool]
# An organization, or what else is named, the region where it stands, and the bodies that it answers to there.
_Where = tuple[str | None, str | None, frozenset[str]]
_NOBODY: Final = frozenset[str]()
_ORGANIZATIONS: Final = ("org", "other", "to_org")
_LISTS: Final = ("covers", "add", "drop", "listed", "otherwise")


class Story(Protocol):
    """What the log holds before the event at hand."""

    def find(self, key: EventKey) -> Event | None:
        """The event of this name."""

    def words(self, target: EventKey) -> Sequence[Event]:
        """What was said of the event of this name, whether it is there or not."""

    def facts(self, entity: str) -> Sequence[Fact]:
        """The facts that stand about an entity (domain.events.facts.entity_of), in canonical order."""


class _Span(NamedTuple):
    """An organization on the days [day_from, day_to)."""

    org: str
    day_from: int
    day_to: int


class _Told(NamedTuple):
    """What an event says: the target's fact as it stood and as it stands with the event, and as it is stated."""

    before: Fact | None
    after: Fact | None
    stated: tuple[Fact, ...]

    @property
    def facts(self) -> list[Fact]:
        """All of it, each once."""
        found = [each for each in (self.before, self.after, *self.stated) if each is not None]
        return [each for number, each in enumerate(found) if each not in found[:number]]


def changed(event: Event, story: Story, fits: Fits, *, by_body: bool = False) -> Changed:
    """What an event changes in a log that tells this story.

    Of an unknown target it is what the event names, and what a fact that takes the target's place would change now.
    `by_body`: the bodies that the organizations answer to are looked up too.
    """
    bodies = BodiesAbove(story.facts) if by_body else None
    named = frozenset(Place(region, region) for region in _regions(event.data))
    target = event if event.is_fact else story.find(event.target)
    if target is None:
        return Changed(
            named.union(*(_places(event, _Told(None, each, ()), each.type, story, bodies) for each in _ahead(event)))
        )
    if not target.is_fact:
        return Changed(named | {Place(None, None)})
    told = _told(event, target, story.words(target.key), fits)
    return Changed(named | _places(event, told, target.type, story, bodies))


def _ahead(event: Event) -> Iterator[Fact]:
    """The facts, one of each type that it fits, which a correction puts in the place of an event that is not there."""
    if event.type == CORRECTED:
        data = event.data["replacement"]
        yield from (fact(Event(0, *event.target, type_, event.time_ns, data)) for type_ in types_of(data))


def _places(event: Event, told: "_Told", type_: str, story: Story, bodies: BodiesAbove | None) -> set[Place]:
    """The places that facts of a type change, named as far as the event names them."""
    reach = EVENT_TYPES[type_].reach
    if reach not in (Reach.WHERE_IT_STANDS, Reach.WHAT_IT_NAMES, Reach.AS_ITS_ISSUER):
        return set()
    work = _Work(story, told, type_, bodies)
    work.follow() if reach is Reach.WHERE_IT_STANDS else work.name()
    if not work.places:
        work.places.add((None, None, _NOBODY))
    texts = set(_texts(event.data))
    subjects = [subject for each in told.facts if (subject := subject_of(each.type, each.data)) in texts]
    subject = subjects[0] if subjects else None
    return {Place(org if org in texts else subject, region, answered) for org, region, answered in work.places}


def _told(event: Event, target: Event, words: Sequence[Event], fits: Fits) -> _Told:
    if event is target:
        after = standing_fact(event, words, fits)
        return _Told(None, after, () if after is not None else (fact(event),))
    before = standing_fact(target, words, fits)
    after = standing_fact(target, [*words, event], fits)
    stated: tuple[Fact, ...] = ()
    if event.type == CORRECTED and fits(target.type, event.data["replacement"]):
        stated = (corrected(target, event),)
    return _Told(before, after, stated or (() if before or after else (fact(target),)))


class _Work:
    """The places of one event, collected as (organization or None, its region or None, the bodies it answers to)."""

    def __init__(self, story: Story, told: _Told, type_: str, bodies: BodiesAbove | None) -> None:
        self._story = story
        self._bodies = bodies
        self._told = told
        self._type = type_
        self._timelines: dict[str, Timeline] = {}
        self._visits: list[Fact] = []
        self.places: set[_Where] = set()

    def follow(self) -> None:
        """Where the entities of the ledger stand, before and after."""
        for entity in dict.fromkeys(each.entity for each in self._told.facts):
            self._entity(entity)
        for each in self._told.facts:
            if self._bodies is not None and isinstance(body := each.data.get("body"), str):
                self._under(each, body, self._bodies)

    def _under(self, placed: Fact, body: str, bodies: BodiesAbove) -> None:
        """Whoever answers to a body, or no longer, changes the figures of that one and of all above it."""
        day = placed.effective_on.toordinal()
        above = bodies.above(body, day)
        for stretch in standing((self._timeline(placed.entity),), day, day + 1):
            self.places.add((placed.entity, stretch.region, above))

    def _entity(self, entity: str) -> None:
        before, after, family = self._told.before, self._told.after, family_of(self._type)
        old = list(self._story.facts(entity))
        new = [each for each in old if before is None or each[:5] != before[:5]]
        new = sorted([*new, after] if after is not None and after.entity == entity else new)
        timelines = fold(family, old), fold(family, new)
        spans = {
            _Span(org, each.day_from, each.day_to)
            for each in differences(family, *timelines)
            for state in (each.before, each.after)
            for org in organizations_at(entity, state)
        }
        if not spans:
            spans = self._as_stated(entity, timelines)
        for span in spans:
            self.places |= self._at(span, timelines if family == "organization" else (self._timeline(span.org),))
        if family == "branch" and not spans:
            self._unused_branch(entity, timelines)

    def _as_stated(self, entity: str, timelines: tuple[Timeline, Timeline]) -> set[_Span]:
        """Of facts without effect: where the entity is on their day, and what they name."""
        found = set()
        for each in self._told.facts:
            if each.entity == entity:
                day = each.effective_on.toordinal()
                states = [_state_on(entity, timeline, day) for timeline in timelines]
                orgs = {org for state in states for org in organizations_at(entity, state)}
                found |= {_Span(org, day, day + 1) for org in orgs | set(_named(each.data))}
        return found

    def _unused_branch(self, entity: str, timelines: tuple[Timeline, Timeline]) -> None:
        """A branch that covers nothing is where it was formed."""
        for timeline in timelines:
            regions = (each.region for each in timeline.states if isinstance(each, Branch) and each.region)
            self.places.update((entity, region, _NOBODY) for region in regions)

    def name(self) -> None:
        """What an office's act and those of the same name before it name."""
        acts = self._told.facts
        if EVENT_TYPES[self._type].identifier is not None:
            acts = [*acts, *(each for act in acts for each in self._story.facts(act.entity))]
        for act in acts:
            self._name(act)
        if EVENT_TYPES[self._type].reach is Reach.AS_ITS_ISSUER:
            # Nobody plants a word on what another office may yet issue.
            issued = [act.data["by_region"] for act in acts if "by" in act.data] or [None]
            self.places.update((None, region, _NOBODY) for region in issued)

    def _name(self, act: Fact) -> None:
        day = act.effective_on.toordinal()
        places: set[_Where] = {(None, region, _NOBODY) for region in _regions(act.data)}
        if isinstance(body := act.data.get("body"), str):
            # Of the body as a whole, wherever its organizations stand.
            places.add((None, "", _NOBODY if self._bodies is None else self._bodies.above(body, day)))
        orgs = set(_named(act.data))
        branch = act.data.get("branch")
        if isinstance(branch, str):
            timeline = fold("branch", self._story.facts(branch))
            covered = organizations_at(branch, _state_on(branch, timeline, day))
            orgs.update(covered)
            if not covered:
                self._unused_branch(branch, (timeline, timeline))
        for org in orgs:
            places |= self._at(_Span(org, day, day + 1), (self._timeline(org),))
        self.places |= places
        of_visit = family_of(act.type) == "visit"
        if isinstance(visit := act.data.get("revisits" if of_visit else "visit"), str):
            self._named_visit(visit, by_visit=of_visit)
        if of_visit:
            self._survey(act.data["survey"], {region for _, region, _ in places})

    def _named_visit(self, visit: str, *, by_visit: bool) -> None:
        """What a visit named that another act speaks of; one that looks at it again needs it to be there."""
        facts = self._story.facts(visit)
        if by_visit and not facts:
            self.places.add((None, None, _NOBODY))
        for each in facts:
            if each not in self._visits:
                self._visits.append(each)
                self._name(each)

    def _survey(self, survey: str, regions: set[str | None]) -> None:
        """A visit changes a survey of where it is; of elsewhere it changes what that survey tells of its own place."""
        opened = self._story.facts(survey)
        if not opened:
            self.places.add((None, None, _NOBODY))
        for each in opened:
            if not all(region is not None and in_scope(region, (each.data["region"],)) for region in regions):
                self.places.add((None, each.data["region"], _NOBODY))

    def _at(self, span: _Span, timelines: Sequence[Timeline]) -> set[_Where]:
        """Where an organization stands on the days, and to whom it answers there."""
        found: set[_Where] = set()
        for stretch in standing(timelines, span.day_from, span.day_to):
            answered = {_NOBODY} if self._bodies is None else self._bodies.on(stretch)
            found |= {(span.org, stretch.region, each) for each in answered}
        return found or {(span.org, None, _NOBODY)}

    def _timeline(self, org: str) -> Timeline:
        if org not in self._timelines:
            self._timelines[org] = fold("organization", self._story.facts(org))
        return self._timelines[org]


def organizations_at(entity: str, state: EntityState) -> frozenset[str]:
    """The organizations where an entity of this state is."""
    match state:
        case Organization(attributes=None):
            return frozenset()
        case Organization():
            return frozenset((entity,))
        case Member(standing=str(), org=str(org)):
            return frozenset((org,))
        case Branch(formation=str()):
            return state.covers
        case Instructor(assigned=True):
            return frozenset((entity.partition(" ")[0],))
    return frozenset()


def _state_on(entity: str, timeline: Timeline, day: int) -> EntityState:
    states = [state for since, state in zip(timeline.days, timeline.states, strict=True) if since <= day]
    return states[-1] if states else initial(_family(entity))


def _family(entity: str) -> str:
    if " " in entity:
        return "instructor"
    family = entity.partition(":")[0]
    return family if family in ("member", "branch") else "organization"


def _named(data: Any) -> Iterator[str]:  # noqa: ANN401 - an event's data
    """The organizations that data says something of; where a member came from is not among them."""
    yield from (value for name in _ORGANIZATIONS if isinstance(value := data.get(name), str))
    for name in _LISTS:
        for value in data.get(name) or ():
            yield value["org"] if isinstance(value, dict) else value


def _regions(data: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    """The regions that data names, a replacement's too."""
    for name, value in data.items():
        if name == "region" and isinstance(value, str):
            yield value
        elif name == "regions":
            yield from value
        elif isinstance(value, dict):
            yield from _regions(value)


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)


def entities_of(event: Event, target: Event | None, words: Iterable[Event], fits: Fits) -> set[str]:
    """The entities whose facts decide what an event changes, as far as it and its target name them."""
    if target is None or not target.is_fact:
        return set()
    replaced = [each.data["replacement"] for each in (*words, event) if each.type == CORRECTED]
    told = [target.data, *(data for data in replaced if fits(target.type, data))]
    return {entity_of(target.type, data) for data in told}


def organizations_of(facts: Iterable[Fact]) -> set[str]:
    """The organizations at which facts put their entities, or themselves are about."""
    found = {each.entity.partition(" ")[0] for each in facts if family_of(each.type) == "instructor"}
    return found | {org for each in facts for org in _named(each.data)}
