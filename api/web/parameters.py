"""Query parameters: an unknown or repeated one is refused, since a misspelt filter must not widen a figure."""

import difflib
import re
from collections.abc import Callable
from typing import Any, Final, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from api.web.problems import invalid

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


_ALLOWED: Final[dict[Callable[..., Any], dict[str, bool]]] = {}


def _allowed(route: APIRoute) -> dict[str, bool]:
    """The query parameters of a route and of all that it depends on, and whether each may repeat."""
    if route.endpoint not in _ALLOWED:
        fields = [field for field in get_flat_params(route.dependant) if isinstance(field.field_info, Query)]
        _ALLOWED[route.endpoint] = {field.alias: _repeats(field.field_info.annotation) for field in fields}
    return _ALLOWED[route.endpoint]


def _repeats(annotation: Any) -> bool:  # noqa: ANN401 - any type
    return get_origin(annotation) is list or any(get_origin(each) is list for each in get_args(annotation))


async def only_known(request: Request) -> None:
    """Refuse query parameters that the route does not have, and repeats of those that may stand once."""
    given = request.query_params.multi_items()
    if not given:
        return
    allowed = _allowed(request.scope["route"])
    seen: set[str] = set()
    for name, value in given:
        if name not in allowed:
            names = ", ".join(sorted(allowed)) or "none"
            near = difflib.get_close_matches(name, allowed, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise invalid(f"query.{name}", value, "parameter_unknown", f"{hint}this call takes: {names}")
        if name in seen and not allowed[name]:
            raise invalid(f"query.{name}", value, "parameter_repeated", f"{name} stands once; send one value")
        if _CONTROL.search(value):
            raise invalid(f"query.{name}", ascii(value), "control_character", "text without control characters")
        seen.add(name)
