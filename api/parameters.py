"""Query parameters: an unknown or repeated one is refused, since a misspelt filter must not widen a figure."""

import difflib
import re
from functools import lru_cache
from typing import Any, Final

from fastapi import FastAPI, Request

from api.problems import invalid

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@lru_cache(maxsize=8)
def _allowed(app: FastAPI) -> dict[tuple[str, str], dict[str, bool]]:
    """By path and method: the query parameters, and whether each may repeat."""
    allowed: dict[tuple[str, str], dict[str, bool]] = {}
    paths = {**app.openapi()["paths"], **app.state.pages}
    for path, operations in paths.items():
        for method, operation in operations.items():
            parameters = operation.get("parameters", ())
            query = {each["name"]: _repeats(each["schema"]) for each in parameters if each["in"] == "query"}
            allowed[path, method.upper()] = query
    return allowed


def _repeats(schema: dict[str, Any]) -> bool:
    return any(each.get("type") == "array" for each in (schema, *schema.get("anyOf", ())))


async def only_known(request: Request) -> None:
    """Refuse query parameters that the route does not have, and repeats of those that may stand once."""
    given = request.query_params.multi_items()
    if not given:
        return
    allowed = _allowed(request.app).get((request.scope["route"].path, request.method), {})
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
