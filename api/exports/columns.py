"""The columns of a question's table, read off the shape of its rows: one declaration for contract and spreadsheet."""

import json
import types
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from api.exports.document import Column, Kind, Value
from api.site.formats import Names, moment
from api.site.texts import Lang, has, text
from api.web.shapes import RateShape
from domain.ledger.rates import RATES, Counts

# Values that people know by a word; others stay as the answer has them.
_IN_WORDS: Final = frozenset(
    ("kind", "category", "formation", "measure", "excluded", "tier", "stock", "movement", "direction")
)
# What a part of a row is called is not said before each of its columns.
_PLAIN_PARTS: Final = frozenset(("attributes", "counts", "rates"))
_KINDS: Final[dict[type, Kind]] = {int: "count", float: "number", date: "date"}


class Field(NamedTuple):
    """One column: the path to its value in a row of the answer, the kind of its cells, and what it means."""

    path: tuple[str, ...]
    kind: Kind
    type_: type
    description: str = ""

    @property
    def name(self) -> str:
        """The column's name for machines."""
        return ".".join(self.path)

    def column(self, lang: Lang) -> Column:
        """The column in a language."""
        *parts, last = self.path
        titles = [_title(lang, each) for each in parts if each not in _PLAIN_PARTS]
        return Column(self.name, " · ".join([*titles, _title(lang, last)]), self.kind, self.description)

    def value(self, names: Names, row: Mapping[str, Any]) -> Value:
        """The cell in a row of the answer."""
        found: Any = row
        for each in self.path:
            found = None if found is None else found.get(each)
        if self.type_ is RateShape:
            return None if found is None else found["value"]
        if "bands" in self.path:
            return None if found is None else text(names.lang, f"card.{found}")
        return _cell(names, self.path[-1], self.type_, found)


def fields_of(shape: type[BaseModel], path: tuple[str, ...] = ()) -> list[Field]:
    """The columns of a shape in its order; those of the shapes within it in their place, whatever is a list in a cell.

    The dictionary `key` of a group is left out: its columns are the question's own dimensions.
    """
    found: list[Field] = []
    for name, about in shape.model_fields.items():
        if name != "key":
            found += _fields(about, (*path, about.alias or name))
    return found


def _fields(about: FieldInfo, path: tuple[str, ...]) -> Iterator[Field]:
    type_, description = _plain(about.annotation), about.description or ""
    if path[-1] == "rates" and get_origin(type_) is dict:
        # A rate, or how many points it moved.
        is_rate = get_args(type_)[1] is RateShape
        for name in RATES:
            yield Field((*path, name), "percent" if is_rate else "points", RateShape if is_rate else str, description)
    elif path[-1] == "counts" and get_origin(type_) is dict:
        for name in Counts._fields:
            yield Field((*path, name), "count", int, description)
    elif type_ is RateShape:
        yield Field(path, "percent", RateShape, description)
        yield Field((*path, "numerator"), "count", int)
        yield Field((*path, "denominator"), "count", int)
    elif isinstance(type_, type) and issubclass(type_, BaseModel):
        yield from fields_of(type_, path)
    else:
        kept = type_ if isinstance(type_, type) else str
        yield Field(path, _KINDS.get(kept, "text"), kept, description)


def _plain(annotation: Any) -> Any:  # noqa: ANN401 - any type
    """The type itself: without metadata, and without None."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        kept = [each for each in get_args(annotation) if each is not type(None)]
        return _plain(kept[0]) if len(kept) == 1 else str
    return annotation


def _title(lang: Lang, name: str) -> str:
    """What a field is called.

    Raises:
        KeyError: there is no text for it; `column.NAME` is where one belongs.
    """
    keys = (f"column.{name}", f"count.{name}", f"rate.{name}", name)
    return text(lang, next((key for key in keys if has(key)), keys[0]))


def _cell(names: Names, name: str, type_: type, value: Any) -> Value:  # noqa: ANN401 - of JSON
    if value is None:
        return None
    if isinstance(value, bool) or name in _IN_WORDS:
        return names.term(name, value)
    if type_ is date:
        return date.fromisoformat(value)
    if type_ is datetime:
        return moment(datetime.fromisoformat(value))
    if isinstance(value, list | dict):
        flat = isinstance(value, list) and all(isinstance(each, str | int) for each in value)
        return ", ".join(map(str, value)) if flat else json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, int | float) else str(value)
