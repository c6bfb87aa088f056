"""One form under way: its type, its fields, what is entered, and in whose name it speaks."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from api.acts.entries import EMPTY, Entries, Placed, entries_of
from api.acts.fields import DATA, Field, every, fields_of
from api.acts.offered import sources
from api.acts.words import Words
from api.asking.clocks import today
from api.site.base import Page
from api.site.texts import Lang
from api.web.parts import Parts
from api.web.problems import invalid
from domain.events.facts import Event, family_of
from domain.events.types import CORRECTED, EVENT_TYPES, RANKS, RETRACTED, START
from services.access.callers import Holder
from services.fieldwork.places import find_places, the_place
from services.ledger.sight import Sight
from services.ledger.traces import told_last
from services.log.reader import LogReader

# What a form holds beside its event's data.
ABOUT: Final = frozenset({"step", "source", "id", "time", "position"})
_WORDS: Final = {CORRECTED: "corrects", RETRACTED: "retracts"}
_ID_BYTES: Final = 4
# What each of them is told once, under a name of its own, though it begins nothing.
_TOLD_ONCE: Final = frozenset({"taizhang.visit.made.v1"})


class Form(NamedTuple):
    """A form of a type.

    Attributes:
        type_: what it publishes.
        fields: of its data.
        entries: what is entered, by control.
        source: in whose name.
        target: of a correction or retraction the event that it speaks of, as far as the caller may see it.
        may_read: whether the caller may read the ledger, and so the names of what the form names.
    """

    type_: str
    fields: tuple[Field, ...]
    entries: Entries
    source: str
    target: Event | None
    may_read: bool

    def words(self, lang: Lang) -> Words:
        """Its words."""
        return Words(lang, self.type_ if self.target is None else self.target.type)


def form_of(parts: Parts, page: Page, holder: Holder, type_: str, entries: Mapping[str, Sequence[str]]) -> Form:
    """The form that was sent.

    Raises:
        Problem: 400, it has a field that no form of its type has.
    """
    target = _target(parts, page, type_, entries)
    fields = fields_of(type_, None if target is None else target.type)
    for name in entries:
        if name not in ABOUT and not is_field(name, fields):
            raise invalid("form", name[:100], "field", "this form has no such field; open it again, and fill it there")
    given = next(iter(entries.get("source", ())), "").strip()
    source = given or default_source(holder, type_, target)
    return Form(type_, fields, entries, source, target, page.may_open("/ledger"))


def begun(  # noqa: PLR0917 - what a new form is made of
    parts: Parts, page: Page, holder: Holder, type_: str, given: Mapping[str, Sequence[str]], on: date
) -> Form:
    """A new form: with a date, an identifier where it makes one, the words of what it corrects, and what was given."""
    target = _target(parts, page, type_, given)
    filled: dict[str, Sequence[str]] = {f"{DATA}.effective_on": [on.isoformat()]}
    own = EVENT_TYPES[type_].identifier
    if own == family_of(type_) and own != "member" and (RANKS.get(type_) == START or type_ in _TOLD_ONCE):
        filled[f"{DATA}.{own}"] = [f"{own}:{today():%Y%m%d}-{secrets.token_hex(_ID_BYTES)}"]
    if type_ in _WORDS:
        filled = {}
        if type_ == CORRECTED and target is not None:
            fields = fields_of(type_, target.type)
            filled |= entries_of(fields, {"replacement": _last_said(parts, target)})
    form = form_of(parts, page, holder, type_, given)
    kept = {name: each for name, each in filled.items() if is_field(name, form.fields)}
    return form._replace(entries=kept | dict(given))


def is_field(name: str, fields: Sequence[Field]) -> bool:
    """Whether a control is of one of these fields or their parts; a row's number stands for any."""
    known = {each.path for each in every(fields)}
    return ".".join("*" if step.isdecimal() else step for step in name.removesuffix(EMPTY).split(".")) in known


def placed(parts: Parts) -> Placed:
    """From a division's name to its code, where one division alone is called so."""

    def led(text: str) -> str:
        if text.isdecimal():
            return text
        regions = parts.regions.at(parts.queries, parts.queries.position)
        place = the_place(find_places(regions, today(), text), text)
        return text if place is None else place.region

    return led


def default_source(holder: Holder, type_: str, target: Event | None) -> str:
    """In whose name a form speaks where nothing else is chosen: a word in its target's, unless a steward says it."""
    choices = sources(holder, type_)
    steward = any(right.is_steward for right in holder.rights)
    if target is not None and not steward and (choices is None or target.source in choices):
        return target.source
    if choices:
        return choices[0]
    return f"/office/{holder.name}"


def _target(parts: Parts, page: Page, type_: str, entries: Mapping[str, Sequence[str]]) -> Event | None:
    """The event that a word's form names, where the caller may see all of it."""
    said = _WORDS.get(type_)
    if said is None or not page.may_open("/events/{position}"):
        return None
    source, id_ = (next(iter(entries.get(f"{DATA}.{said}.{name}", ())), "").strip() for name in ("source", "id"))
    if not source or not id_:
        return None
    with parts.queries.connection() as connection:
        found = next(iter(LogReader(connection).find([(source, id_)])), None)
    if found is None or not found.is_fact:
        return None
    return found if Sight(parts.queries, today(), parts.queries.position).sees_all(found) else None


def _last_said(parts: Parts, target: Event) -> Mapping[str, Any]:
    """What a correction begins with: the last said, so that one correction never undoes another unseen."""
    with parts.queries.connection() as connection:
        return told_last(connection, parts.queries.view.current.reading, target)
