"""The incremental fold: one event more, and the rows that it adds to the ledger's tables.

The fold is separable (domain.events.facts.entity_of), so an event only ever changes the timeline of
the entity that its fact is about, and through it the organizations where that entity is.
A fact that comes last in canonical order extends its entity's state; any other arrival folds
the entity anew, before and after, and applies what differs.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, Protocol, cast

from domain.events.facts import (
    ACTIVITY_POLICY,
    LEDGER_FAMILIES,
    AnomalyFound,
    Event,
    EventKey,
    Fact,
    corrected,
    fact,
    family_of,
    standing_fact,
    word_anomaly,
)
from domain.events.types import RANKS
from domain.ledger.activity import ActivityPolicy
from domain.ledger.branches import Branch
from domain.ledger.entities import Organization
from domain.ledger.placements import Answers, Body, Existence, named, spans
from domain.ledger.policy import Policy
from domain.values.spans import Span
from domain.values.terms import Formation
from projections.ledger.fold.effects import Change, Effect, effects, exclusion_number, identifiers, named_by, presences
from projections.ledger.fold.living import Living, weight
from projections.ledger.fold.records import EntityRecord, FactOrder, OrganizationRecord, initial
from projections.ledger.fold.timeline import Difference, Timeline, day_of, differences, fold, order, step
from projections.ledger.rows import (
    AT_ANSWERS,
    FOREVER,
    AnomalyEntry,
    Changes,
    Mention,
    PolicyEntry,
    PresenceEntry,
    RawState,
)

Fits = Callable[[str, object], bool]


class Memory(Protocol):
    """What the fold remembers and looks up; everything is as known before the event at hand."""

    def event(self, position: int) -> Event:
        """The event at a position already passed."""

    def find(self, key: EventKey) -> Event | None:
        """The event of this name, if its position has been passed."""

    def words(self, target: EventKey) -> list[Event]:
        """The corrections and retractions of this event whose positions have been passed."""

    def entity(self, name: str, family: str) -> EntityRecord:
        """The record of an entity, to be changed in place; a new one where there is none."""

    def organization(self, org: str, changes: Changes) -> OrganizationRecord:
        """The record of an organization, to be changed in place; a new one gets its number."""

    def branches(self) -> list[str]:
        """Every branch that there is a record of, in order."""

    def expect(self, entities: Iterable[str], organizations: Iterable[str]) -> None:
        """These will be asked for: whoever keeps them elsewhere reads them at once."""

    def existence(self, body: str) -> Existence:
        """When a body was created and closed, as known so far."""

    def under(self, body: str, changes: Changes) -> list[str]:
        """The organizations that were ever put under a body, in order; `changes` are not yet in the tables."""

    def put_under(self, bodies: Iterable[str], org: str) -> None:
        """An organization is said to answer to these bodies."""

    def answers(self, answers: Answers, changes: Changes) -> int:
        """The number of these answers; new ones get theirs."""


class LedgerFold:
    """Applies events in order of position; `changes` collects the rows until they are taken."""

    def __init__(self, memory: Memory, fits: Fits, next_entry: int, next_attributes: int) -> None:
        self.memory = memory
        self.fits = fits
        self.next_entry = next_entry
        self.next_attributes = next_attributes
        self.changes = Changes()
        self._living = Living(memory, self._cover_in_effect)

    def take(self) -> Changes:
        """Give the rows collected so far and begin anew."""
        taken, self.changes = self.changes, Changes()
        return taken

    def apply(self, event: Event) -> None:
        """Apply one event; its position follows that of the event before."""
        mentions, position = self.changes.mentions, event.position
        words = self.memory.words((event.source, event.id))
        if event.type in RANKS:
            first = len(mentions)
            mentions += [Mention(identifier, position, position) for identifier in named_by(event)]
            if not words:
                self._move(None, fact(event), position)
                self._living.finish()
                return
            self._held_words(event, words)
            self._move(None, standing_fact(event, words, self.fits), position)
        else:
            first = len(mentions)
            self._held_words(event, words)
            self._apply_word(event)
        self._living.finish()
        mentions[first:] = dict.fromkeys(mentions[first:])

    def _held_words(self, event: Event, words: list[Event]) -> None:
        """What was said of the event before it arrived: its target is now known."""
        for word in words:
            self._anomaly(event.position, word_anomaly(word, None, self.fits), present=False)
            self._anomaly(event.position, word_anomaly(word, event, self.fits), present=True)
            if event.is_fact:
                self._mention(event.type, event.data, word.position, event.position)
                self._mention(event.type, word.data.get("replacement", {}), event.position, event.position)

    def _apply_word(self, word: Event) -> None:
        self.changes.words.append((*word.target, word.position))
        self._mention(None, word.data.get("replacement", {}), word.position, word.position)
        target = self.memory.find(word.target)
        self._anomaly(word.position, word_anomaly(word, target, self.fits), present=True)
        if target is None or not target.is_fact:
            return
        self._mention(target.type, target.data, word.position, word.position)
        self._mention(target.type, word.data.get("replacement", {}), target.position, word.position)
        words = self.memory.words(target.key)
        before = standing_fact(target, words, self.fits)
        after = standing_fact(target, [*words, word], self.fits)
        if before != after:
            self._move(before, after, word.position)

    def _move(self, before: Fact | None, after: Fact | None, position: int) -> None:
        """One event's standing fact was `before` and is now `after`; None where none stands."""
        stands = after or before
        if stands is None or (family := family_of(stands.type)) not in LEDGER_FAMILIES:
            return
        if before is None:
            self._change(family, stands.entity, None, after, position)
            return
        if after is not None and before.entity == after.entity:
            self._change(family, before.entity, before, after, position)
            return
        self._change(family, before.entity, before, None, position)
        if after is not None:
            self._change(family, after.entity, None, after, position)

    def _change(self, family: str, entity: str, removed: Fact | None, added: Fact | None, position: int) -> None:
        record = self.memory.entity(entity, family)
        self._living.changes, self._living.position = self.changes, position
        before = record.state
        self._fold_in(entity, record, removed, added, position)
        if isinstance(before, Body) and isinstance(record.state, Body) and before.existence != record.state.existence:
            self._body_moved(entity, position)
        self._living.settle()

    def _fold_in(
        self, entity: str, record: EntityRecord, removed: Fact | None, added: Fact | None, position: int
    ) -> None:
        if removed is None and added is not None:
            last = order(added)
            if record.last is None or last > record.last:
                self._extend(entity, record, added, last, position)
                return
        self._refold(entity, record, removed, added, position)

    def _extend(self, entity: str, record: EntityRecord, added: Fact, last: FactOrder, position: int) -> None:
        before = record.state
        after, anomaly = step(before, added)
        record.state, record.last = after, last
        record.facts.append(_reference(added))
        if anomaly is not None:
            self._anomaly(position, anomaly, present=True)
        difference = Difference(last[0], FOREVER, before, after) if after != before else None
        if difference is not None:
            self._affect(entity, difference, position)
        if record.family == "branch":
            self._living.extended(entity, added, difference)
        elif record.family == ACTIVITY_POLICY and difference is not None:
            self._living.policy_stated([difference])

    def _refold(
        self, entity: str, record: EntityRecord, removed: Fact | None, added: Fact | None, position: int
    ) -> None:
        old_facts = sorted(self._read(reference) for reference in record.facts)
        new_facts = [f for f in old_facts if removed is None or f[:5] != removed[:5]]
        new_facts = sorted([*new_facts, added] if added is not None else new_facts)
        old, new = fold(record.family, old_facts), fold(record.family, new_facts)
        record.facts = [_reference(f) for f in new_facts]
        record.last = order(new_facts[-1]) if new_facts else None
        record.state = new.states[-1] if new.states else initial(record.family)
        self._anomalies_moved(old, new, position)
        found = list(differences(record.family, old, new))
        for difference in found:
            self._affect(entity, difference, position)
        if record.family == "branch":
            self._living.refolded(entity, new_facts, new, found)
        elif record.family == ACTIVITY_POLICY and found:
            self._living.policy_stated(found)

    def _read(self, reference: tuple[int, int]) -> Fact:
        event = self.memory.event(reference[0])
        return corrected(event, self.memory.event(reference[1])) if reference[1] else fact(event)

    def _anomalies_moved(self, old: Timeline, new: Timeline, position: int) -> None:
        for gone in old.anomalies:
            if gone not in new.anomalies:
                self._anomaly(position, gone, present=False)
        for found in new.anomalies:
            if found not in old.anomalies:
                self._anomaly(position, found, present=True)

    def _affect(self, entity: str, difference: Difference, position: int) -> None:
        before, after = difference.before, difference.after
        if isinstance(after, Organization):
            self._set_attributes(entity, difference, after, position)
        elif isinstance(after, Policy):
            self.changes.policies.append(
                PolicyEntry(
                    position, difference.day_from, difference.day_to,
                    after.full_members_for_branch, after.employees_for_branch,
                    list(after.formations_counted), after.members_counted, after.small_unit,
                )
            )  # fmt: skip
        elif after is not None and not isinstance(after, Body | ActivityPolicy):
            for effect in effects(entity, before, after):
                self._override(effect, difference, position)
            self._add_presences(entity, difference, position)

    def _set_attributes(self, org: str, difference: Difference, after: Organization, position: int) -> None:
        record = self.memory.organization(org, self.changes)
        number = -1
        if after.attributes is not None:
            number = record.attributes.get(after.attributes, -1)
            if number < 0:
                number = self.next_attributes
                self.next_attributes += 1
                record.attributes[after.attributes] = number
                self.changes.attributes.append((number, record.org_no, after.attributes))
        own = (number, exclusion_number(after.excluded))
        if after.said:
            self.memory.put_under(named(after.said), org)
        for day_from, day_to, answers in spans(after.said, self.memory.existence, *difference[:2]):
            answer = self.memory.answers(answers, self.changes)
            stretch = difference._replace(day_from=day_from, day_to=day_to)
            self._override_record(org, record, stretch, partial(_of_organization, own, answer), position)

    def _body_moved(self, body: str, position: int) -> None:
        """A body exists on other days than before: who answers to what changes for all that were ever put under it."""
        for org in self.memory.under(body, self.changes):
            entity = self.memory.entity(org, "organization")
            timeline = fold("organization", sorted(self._read(reference) for reference in entity.facts))
            for (day_from, day_to), state in zip(pairwise([*timeline.days, FOREVER]), timeline.states, strict=True):
                if isinstance(state, Organization) and body in named(state.said):
                    # Not before: what was only ever named beside the body has no record, and gets none.
                    record = self.memory.organization(org, self.changes)
                    for begin, end, answers in spans(state.said, self.memory.existence, day_from, day_to):
                        number = self.memory.answers(answers, self.changes)
                        stretch = Difference(begin, end, state, state)
                        self._override_record(org, record, stretch, partial(_answering, number), position)

    def _override(self, effect: Effect, difference: Difference, position: int) -> None:
        record = self.memory.organization(effect.org, self.changes)
        self._override_record(effect.org, record, difference, effect.change, position)

    def _override_record(
        self,
        org: str,
        record: OrganizationRecord,
        difference: Difference,
        change: Callable[[Any], Any],
        position: int,
    ) -> None:
        days = difference.day_from, difference.day_to
        weighed = record.weights(*days, weight) if record.branches and self._living.weighs else []
        added = record.override(*days, change, position, self.next_entry)
        self.next_entry += len(added)
        self.changes.entries.extend(added)
        if weighed:
            self._living.weighed(record, org, weighed)

    def _cover_in_effect(self, org: str, span: Span, change: Change) -> None:
        record = self.memory.organization(org, self.changes)
        added = record.override(*span, change, self._living.position, self.next_entry)
        self.next_entry += len(added)
        self.changes.entries.extend(added)

    def _add_presences(self, entity: str, difference: Difference, position: int) -> None:
        day_from, day_to, before, after = difference
        name = entity.rpartition(" ")[2]
        for org, value in presences(entity, before, after):
            org_no = self.memory.organization(org, self.changes).org_no
            self.changes.presences.append(PresenceEntry(position, name, org_no, day_from, day_to, value))
            if isinstance(after, Branch):
                self._living.covering(entity, org, (day_from, day_to), cast("Formation | None", value))

    def _anomaly(self, position: int, found: AnomalyFound | None, *, present: bool) -> None:
        if found is not None:
            self.changes.anomalies.append(
                AnomalyEntry(
                    position, found.anomaly, found.subject, found.position,
                    day_of(found.effective_on), found.detail, present,
                )
            )  # fmt: skip

    def _mention(self, type_: str | None, data: Mapping[str, Any], position: int, since: int) -> None:
        self.changes.mentions.extend(Mention(i, position, since) for i in identifiers(type_, data))


def _of_organization(own: tuple[int, int], answers: int, state: RawState) -> RawState:
    """The raw state with what the organization's own facts decide."""
    return cast("RawState", (*own, *state[2:AT_ANSWERS], answers, *state[AT_ANSWERS + 1 :]))


def _answering(answers: int, state: RawState) -> RawState:
    return _of_organization(state[:2], answers, state)


def _reference(standing: Fact) -> tuple[int, int]:
    """The positions of the fact's event and of the correction that decides it, or 0."""
    return (standing.position, standing.decided_by[1] if len(standing.decided_by) > 1 else 0)
