"""Full lists: a source's whole stock on a date, beside what its facts say, and the facts that make both agree.

A list says what stands at the end of its date. Whatever it does not have a column for, it says nothing about.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, cast

from pydantic_core import to_json

from domain.events.facts import Fact
from domain.events.lists import ListField, ListProfiled
from domain.fieldwork.list_cells import (
    Cell,
    CellError,
    address,
    category,
    employees,
    industry,
    organization,
    region,
    text,
)
from domain.ledger.entities import Attributes, Organization, apply
from domain.values.terms import CATEGORIES_OF_KIND, Kind

SHANGHAI: Final = timezone(timedelta(hours=8))
KIND_OF: Final[dict[str, Kind]] = {c: kind for kind, of_kind in CATEGORIES_OF_KIND.items() for c in of_kind}
Difference = Literal["registered", "changed", "deregistered", "unchanged", "kind_differs"]


class Listed(NamedTuple):
    """One organization as a list has it: the fields that the list speaks of."""

    org: str
    fields: Mapping[str, Any]


class Refusal(NamedTuple):
    """Why a row, or the whole file, cannot be read; `row` is counted from 1 as in the file, 0 for the file."""

    row: int
    column: str
    value: str
    rule: str
    message: str


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


def listed(row: int, cells: Mapping[ListField, Cell], profile: ListProfiled) -> Listed:
    """Read one row.

    Raises:
        RowRefusedError: naming the column, the value and the remedy.
    """
    fields: dict[str, Any] = {}
    digits: Mapping[Any, int] = profile.digits
    field: ListField = "category"
    every = {**cast("Mapping[ListField, Cell]", profile.constants), **cells} if profile.constants else cells
    try:
        fields["category"] = category(every.get("category"), profile.categories)
        kind = KIND_OF[fields["category"]]
        field = "org"
        org = organization(every.get("org"), group=kind == "new_employment_group")
        for field, cell in every.items():
            if field not in _FIRST:
                fields[field] = _READERS[field](cell, digits.get(field))
    except CellError as error:
        column = profile.columns.get(field, field)
        value = str(every.get(field) or "")[:80]
        raise RowRefusedError(Refusal(row, column, value, error.rule, str(error))) from None
    return Listed(org, fields)


def _name(cell: Cell, _: int | None) -> str:
    found = text(cell)
    if found is None:
        raise CellError("name_missing", "the row has no name; enter it")
    return found


_FIRST: Final = frozenset(("org", "category"))
# How the other fields are read; the number is of the digits that the profile states for their codes.
_READERS: Final[Mapping[str, Callable[[Cell, int | None], str | int | None]]] = {
    "name": _name,
    "region": region,
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
    if now is None:
        return ("unchanged", {}) if attributes is None else ("deregistered", {})
    if attributes is None:
        fields = {name: value for name, value in now.fields.items() if value is not None}
        return "registered", {"kind": KIND_OF[now.fields["category"]], **fields}
    if KIND_OF[now.fields["category"]] != attributes.kind:
        return "kind_differs", {}
    changes = {name: value for name, value in now.fields.items() if getattr(attributes, name) != value}
    return ("changed", changes) if changes else ("unchanged", {})


def event(source: str, org: str, name: Difference, data: Mapping[str, Any], as_of: date, last_ns: int) -> bytes:  # noqa: PLR0917 - what names the event
    """The CloudEvent that publishes one difference; the same difference gives the same bytes for ever.

    Its `time` is the end of the list's date, or just after the source's own last fact of that date, since the list
    is the last word on the day.
    """
    whole = {"effective_on": as_of.isoformat(), "org": org, **data}
    # Keys in order, so that equal differences are equal bytes.
    content = to_json(
        {
            "data": dict(sorted(whole.items())), "source": source, "specversion": "1.0", "subject": org,
            "time": _instant(max(_end_ns(as_of), last_ns + 1)), "type": f"taizhang.organization.{name}.v1",
        }
    )  # fmt: skip
    id_ = f"list-{as_of.isoformat()}-{hashlib.sha256(content).hexdigest()[:32]}"
    return b'{"id":"%b",%b' % (id_.encode(), content[1:])


@lru_cache(8)
def _end_ns(as_of: date) -> int:
    """The last second of a day in Asia/Shanghai, in nanoseconds since 1970."""
    return int(datetime(as_of.year, as_of.month, as_of.day, 23, 59, 59, tzinfo=SHANGHAI).timestamp()) * 10**9


@lru_cache(1024)
def _instant(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 10**9)
    instant = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{instant}.{nanoseconds:09d}Z"
