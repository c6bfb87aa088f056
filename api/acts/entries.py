"""What somebody entered, as an event's data; and data as entries, for a form that is filled before it is shown.

Entries are texts by the name of their control, each any number of times, as a browser sends them. What an entry cannot
be read as stays the text that it is, so that the model says what is wrong with it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from api.acts.fields import Field

Entries = Mapping[str, Sequence[str]]
#: Leads from a division's name to its code; gives back what is no name.
Placed = Callable[[str], str]

# The control beside a field that says that what the ledger has there is to be emptied.
EMPTY: Final = ":empty"
YES, NO = "yes", "no"
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")
_CREDIT_CODE: Final = re.compile(r"[0-9A-Za-z]{18}", re.ASCII)
_LEFT_OUT: Final = object()
# Between a key of a map and what it leads to.
LEADS: Final = "="


def data_of(fields: Sequence[Field], entries: Entries, placed: Placed) -> dict[str, Any]:
    """The data that the entries say; fields left empty are left out, or null where they must be there."""
    return _Reading(entries, placed).object(fields)


class _Reading:
    def __init__(self, entries: Entries, placed: Placed) -> None:
        self._entries, self._placed = entries, placed

    def object(self, fields: Sequence[Field], row: int | None = None) -> dict[str, Any]:
        found = {}
        for field in fields:
            value = self._value(field, row)
            if value is not _LEFT_OUT:
                found[field.name] = value
        return found

    def _value(self, field: Field, row: int | None) -> Any:  # noqa: ANN401 - any JSON
        name = control(field, row)
        if field.can_empty and YES in self._entries.get(name + EMPTY, ()):
            return None
        if field.sort == "part":
            found: Any = self.object(field.parts, row)
        elif field.sort in ("rows", "choices", "lines", "map"):
            found = self._several(field, name)
        else:
            text = self._text(name)
            return self._one(field, text) if text else None if field.required and field.nullable else _LEFT_OUT
        return found if found or field.required else _LEFT_OUT

    def _several(self, field: Field, name: str) -> Any:  # noqa: ANN401 - a list, or a map of any depth
        match field.sort:
            case "rows":
                return self._rows(field)
            case "choices":
                return list(self._entries.get(name, ()))
            case "lines":
                return [self._one(field, each) for each in self._lines(name)]
        return self._map(field, self._lines(name))

    def _text(self, name: str) -> str:
        return next((each.strip() for each in reversed(self._entries.get(name, ()))), "")

    def _lines(self, name: str) -> list[str]:
        given = "\n".join(self._entries.get(name, ()))
        return [line.strip() for line in given.splitlines() if line.strip()]

    def _rows(self, field: Field) -> list[Any]:
        found = []
        for number in rows_of(field, self._entries):
            item = self.object(field.parts, number)
            first = field.parts[0].name
            if item:
                found.append(item[first] if field.plain and item.keys() == {first} else item)
        return found

    def _map(self, field: Field, lines: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for line in lines:
            *keys, value = (each.strip() for each in line.split(LEADS, field.depth))
            at = found
            for key in keys[:-1]:
                at = at.setdefault(key, {})
            if not keys:
                # A line that leads nowhere: no key and value, so the model is shown what it is.
                found[value] = None
            elif field.whole:
                at[keys[-1]] = _number(value)
            else:
                at[keys[-1]] = value or (None if field.depth > 1 else "")
        return found

    def _one(self, field: Field, text: str) -> Any:  # noqa: ANN401 - text, number or yes and no
        match field.sort:
            case "number":
                return _number(text)
            case "flag":
                return {YES: True, NO: False}.get(text, text)
        if field.family == "region":
            return self._placed(text)
        if field.family == "org" and _CREDIT_CODE.fullmatch(text):
            return f"uscc:{text.upper()}"
        if field.family not in (None, "org", "industry") and ":" not in text:
            return f"{field.family}:{text}"
        return text


def _number(text: str) -> int | str:
    return int(text) if _NUMBER.fullmatch(text) else text


def control(field: Field, row: int | None = None) -> str:
    """The name of a field's control; in a table, that of a row."""
    return field.path if row is None else field.path.replace("*", str(row), 1)


def rows_of(field: Field, entries: Entries) -> list[int]:
    """The rows of a table in which something is entered, in order."""
    found = set()
    for name, values in entries.items():
        rest = name.removeprefix(field.path + ".")
        number = rest.partition(".")[0]
        if rest != name and number.isdecimal() and len(number) <= 6 and any(each.strip() for each in values):
            found.add(int(number))
    return sorted(found)


def entries_of(fields: Sequence[Field], data: Mapping[str, Any], row: int | None = None) -> dict[str, list[str]]:
    """Data as entries, by which a form shows it; what no field asks for is left out."""
    found: dict[str, list[str]] = {}
    for field in fields:
        if field.name not in data:
            continue
        value, name = data[field.name], control(field, row)
        if value is None:
            found |= {name + EMPTY: [YES]} if field.can_empty else {}
        elif field.sort == "part":
            found |= entries_of(field.parts, value, row)
        elif field.sort == "rows":
            first = field.parts[0].name
            for number, item in enumerate(value):
                found |= entries_of(field.parts, item if isinstance(item, dict) else {first: item}, number)
        else:
            found[name] = _texts(field, value)
    return found


def _texts(field: Field, value: Any) -> list[str]:  # noqa: ANN401 - any JSON
    match field.sort:
        case "choices":
            return [str(each) for each in value]
        case "lines":
            return ["\n".join(map(str, value))]
        case "map":
            return ["\n".join(_lines_of(value))]
        case "flag":
            return [YES if value else NO]
    return [str(value)]


def _lines_of(value: Mapping[str, Any]) -> list[str]:
    found = []
    for key, inner in value.items():
        below = _lines_of(inner) if isinstance(inner, dict) else ["" if inner is None else str(inner)]
        found += [f"{key} {LEADS} {each}".rstrip() for each in below]
    return found
