"""The addresses of pages: the whole state of a view stands in its query, so links are made from the request's own."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

# What every link to another page takes along: the language and both clocks.
CARRIED: Final = ("as_of", "known_at", "lang")
# They belong to one answer, not to the view.
_PASSING: Final = frozenset(("cursor", "min_position"))
Value = str | int | Sequence[str] | None


def address(path: str, parameters: Mapping[str, Value]) -> str:
    """A path with a query; parameters that are None or empty are left out, sequences repeat."""
    pairs: list[tuple[str, str]] = []
    for name, value in parameters.items():
        many = [value] if isinstance(value, str | int) else list(value or ())
        pairs += [(name, str(each)) for each in many if each != ""]
    query = urlencode(pairs, safe=":", quote_via=quote)
    return f"{quote(path, safe='/:')}?{query}" if query else quote(path, safe="/:")


class Addresses:
    """Links from one request to the same page in another state, and to other pages."""

    def __init__(self, path: str, query: QueryParams) -> None:
        self._path = path
        self.query: dict[str, list[str]] = {}
        for name, value in query.multi_items():
            if value:
                self.query.setdefault(name, []).append(value)

    def here(self, changes: Mapping[str, Value]) -> str:
        """This page with some parameters changed; None takes one away. A list begins anew at its first page."""
        kept: dict[str, Value] = {name: values for name, values in self.query.items() if name not in _PASSING}
        return address(self._path, {**kept, **changes})

    def to(self, path: str, parameters: Mapping[str, Value] | None = None) -> str:
        """Another page at the same clocks and in the same language, unless `parameters` say otherwise."""
        carried: dict[str, Value] = {name: self.query.get(name) for name in CARRIED}
        return address(path, {**carried, **(parameters or {})})

    def hidden(self, *without: str) -> list[tuple[str, str]]:
        """The state as pairs, for a form's hidden fields; those named `without` are the form's own."""
        left_out = _PASSING.union(without)
        return [(name, value) for name, values in self.query.items() if name not in left_out for value in values]
