"""Full lists: a source's whole stock on a date, beside what its facts say, and the facts that make both agree.

A list says what stands at the end of its date. Whatever it does not have a column for, it says nothing about.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, cast

from pydantic_core import to_json

from domain.events.facts import Event, Fact
from domain.events.lists import PLACE_FIELDS, ListProfiled
from domain.ledger.entities import Attributes, Organization, apply
from domain.listing.list_cells import (
    Cell,
    CellError,
    address,
    category,
    employees,
    fault,
    industry,
    is_nothing,
    organization,
    region,
    seen,
    text,
)
from domain.listing.list_columns import ListField, plain_heading
from domain.listing.list_marks import marked, status
from domain.listing.list_places import Places
from domain.listing.list_words import Status
from domain.values.names import same_words
from domain.values.terms import CATEGORIES_OF_KIND, Kind

_MADE: Final = re.compile(r"list-([0-9]{4}-[0-9]{2}-[0-9]{2})-[0-9a-f]{32}")
SHANGHAI: Final = timezone(timedelta(hours=8))
KIND_OF: Final[dict[str, Kind]] = {c: kind for kind, of_kind in CATEGORIES_OF_KIND.items() for c in of_kind}
Difference = Literal["registered", "changed", "deregistered", "unchanged", "kind_differs"]


class Listed(NamedTuple):
    """One organization as a list has it: the fields that the list speaks of."""

    org: str
    fields: Mapping[str, Any]


class Refusal(NamedTuple):
    """Why a row, or the whole file, cannot be read.

    `row` is counted from 1 as in the file, 0 for the file; `sheet` and `cell` (as F5) are of workbooks.
    """

    row: int
    column: str
    value: str
    rule: str
    message: str
    sheet: str = ""
    cell: str = ""


class RowRefusedError(ValueError):
    """A row that cannot be read."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Held(NamedTuple):
    """What the source's own facts say of one organization at the end of the list's date.

    `last_ns` is the CloudEvents time of its last fact effective on the list's date itself, 0 for none.
    """

    attributes: Attributes | None
    last_ns: int


NOWHERE: Final = Places()


def listed(
    row: int, cells: Mapping[ListField, Cell | dict[str, Cell]], profile: ListProfiled, places: Places = NOWHERE
) -> Listed:
    """Read one row.

    Args:
        row: its number.
        cells: by field the cell; or the cells of several columns, by the value that a mark in each means.
        profile: how the list is read.
        places: the divisions by name.

    Raises:
        RowRefusedError: naming the column, the value and the remedy.
    """
    reader = _Row(profile, places)
    try:
        return reader.read(cells)
    except CellError as error:
        column = profile.columns.get(reader.field, reader.field)
        value = str(reader.cells.get(reader.field) or "")[:80]
        raise RowRefusedError(Refusal(row, column, value, error.rule, str(error))) from None


class _Row:
    """One row, read field by field; `field` is the one that is being read."""

    def __init__(self, profile: ListProfiled, places: Places) -> None:
        self.profile, self.places = profile, places
        self.field: ListField = "status"
        self.cells: dict[ListField, Cell] = {}

    def read(self, cells: Mapping[ListField, Cell | dict[str, Cell]]) -> Listed:
        """The organization.

        Raises:
            CellError: `field` cannot be read.
        """
        profile = self.profile
        says_more = bool(profile.values or profile.defaults)
        for name, given in cells.items():
            self.field = name
            cell = marked(given) if isinstance(given, dict) else given
            self.cells[name] = _given(profile, name, cell) if says_more else cell
        for name, constant in cast("Mapping[ListField, str]", profile.constants).items():
            self.cells.setdefault(name, constant)
        self.field = "category"
        fields: dict[str, Any] = {"category": category(self.cells.get("category"), profile.categories)}
        self.field = "org"
        org = organization(self.cells.get("org"), group=KIND_OF[fields["category"]] == "new_employment_group")
        state = self._state()
        if state != "active":
            return Listed(org, {GONE: state})
        digits: Mapping[Any, int] = profile.digits
        for name, cell in self.cells.items():
            self.field = name
            if name in _READERS:
                fields[name] = _READERS[name](cell, digits.get(name))
        fields["region"] = self._region(digits.get("region"))
        return Listed(org, fields)

    def _state(self) -> Status:
        self.field = "status"
        if "status" not in self.cells:
            return "active"
        heading = plain_heading(self.profile.columns.get("status", ""))
        return status(self.cells["status"], heading, self.profile.statuses)

    def _region(self, digits: int | None) -> str:
        """The division by its code or its name, then those below it that the row names."""
        found = ""
        for name in PLACE_FIELDS:
            self.field = name
            cell = self.cells.get(name)
            if cell is None and name != "region":
                continue
            if isinstance(cell, str) and not cell.isascii() and not seen(cell).isascii() and not is_nothing(cell):
                found = self.places.find(text(cell) or "", found)
            elif name in self.cells and (name == "region" or not is_nothing(cell)):
                found = region(cell, digits)
        if not found:
            raise CellError("region_missing", "the row has no division; enter its code or its name")
        return found


def _given(profile: ListProfiled, field: ListField, cell: Cell) -> Cell:
    """The cell, or what the profile says that it means."""
    words: Mapping[str, str | None] | None = cast("Mapping[str, Any]", profile.values).get(field)
    if words and fault(cell) is None and isinstance(cell, str | int | float | None):
        said = "" if cell is None else str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)
        cell = words.get(seen(said), cell)
    default: str | None = cast("Mapping[str, str]", profile.defaults).get(field)
    return default if default is not None and is_nothing(cell) else cell


def _name(cell: Cell, _: int | None) -> str:
    found = text(cell)
    if found is None:
        raise CellError("name_missing", "the row has no name; enter it")
    return found


# The only field of an organization that the list itself calls over.
GONE: Final = "gone"
# How the other fields are read; the number is of the digits that the profile states for their codes.
_READERS: Final[Mapping[str, Callable[[Cell, int | None], str | int | None]]] = {
    "name": _name,
    "industry": industry,
    "employees": lambda cell, _: employees(cell),
    "supervisor": lambda cell, _: text(cell),
    "address": lambda cell, _: address(cell),
}


def held(facts: Iterable[Fact], as_of: date) -> Held:
    """Fold one organization's facts of one source, given in canonical order, effective by the list's date."""
    state = Organization()
    last_ns = 0
    for each in facts:
        state = apply(state, each)[0]  # type: ignore[assignment]  # an organization's fact gives an organization
        if each.effective_on == as_of:
            last_ns = max(last_ns, each.time_ns)
    return Held(state.attributes, last_ns)


def compare(before: Held, now: Listed | None) -> tuple[Difference, dict[str, Any]]:
    """How the list differs, and the data of the fact that makes the source agree, without its date and `org`."""
    attributes = before.attributes
    if now is None or GONE in now.fields:
        said = {} if now is None else {"reason": now.fields[GONE]}
        return ("unchanged", {}) if attributes is None else ("deregistered", said)
    if attributes is None:
        fields = {name: value for name, value in now.fields.items() if value is not None}
        return "registered", {"kind": KIND_OF[now.fields["category"]], **fields}
    if KIND_OF[now.fields["category"]] != attributes.kind:
        return "kind_differs", {}
    changes = {name: value for name, value in now.fields.items() if not same_words(getattr(attributes, name), value)}
    return ("changed", changes) if changes else ("unchanged", {})


def event(source: str, org: str, name: Difference, data: Mapping[str, Any], as_of: date, last_ns: int) -> Event:  # noqa: PLR0917 - what names the event
    """The event that publishes one difference; the same difference gives the same event for ever.

    Its `time` is the end of the list's date, or just after the source's own last fact of that date, since the list
    is the last word on the day. Its position is 0.
    """
    whole = {"effective_on": as_of.isoformat(), "org": org, **data}
    return named(source, f"taizhang.organization.{name}.v1", whole, as_of, last_ns)


def named(source: str, type_: str, data: Mapping[str, Any], as_of: date, after_ns: int) -> Event:
    """An event made from a list of a date, named by what it says; later than the end of that date and `after_ns`."""
    # Keys in order, so that equal differences are equal bytes.
    time_ns, ordered = max(_end_ns(as_of), after_ns + 1), dict(sorted(data.items()))
    name = _id_of(Event(0, source, "", type_, time_ns, ordered), as_of.isoformat())
    return Event(0, source, name, type_, time_ns, ordered)


def as_bytes(made: Event) -> bytes:
    """The CloudEvent as it is published."""
    return b'{"id":"%b",%b' % (made.id.encode(), _content(made)[1:])


def made_for(event_: Event) -> date | None:
    """The date of the list that an event was made from; None for an event that its source has said by itself."""
    day = _day_named(event_.id)
    return None if day is None or event_.id != _id_of(event_, day.isoformat()) else day


def made_by_name(id_: str) -> date | None:
    """As `made_for`, by the form of the name alone: of a fact that a correction may have changed, or told in part."""
    return _day_named(id_)


def _day_named(id_: str) -> date | None:
    named_so = _MADE.fullmatch(id_)
    try:
        return date.fromisoformat(named_so[1]) if named_so else None
    except ValueError:  # somebody else's name of this form
        return None


def _id_of(made: Event, day: str) -> str:
    return f"list-{day}-{hashlib.sha256(_content(made)).hexdigest()[:32]}"


def _content(made: Event) -> bytes:
    subject = made.data.get("org") or made.data.get("list")
    return to_json(
        {
            "data": made.data, "source": made.source, "specversion": "1.0",
            **({"subject": subject} if subject else {}), "time": _instant(made.time_ns), "type": made.type,
        }
    )  # fmt: skip


@lru_cache(8)
def _end_ns(as_of: date) -> int:
    """The last second of a day in Asia/Shanghai, in nanoseconds since 1970."""
    return int(datetime(as_of.year, as_of.month, as_of.day, 23, 59, 59, tzinfo=SHANGHAI).timestamp()) * 10**9


@lru_cache(1024)
def _instant(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 10**9)
    instant = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{instant}.{nanoseconds:09d}Z"
