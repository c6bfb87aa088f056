"""Answers as JSON, and the shapes that the OpenAPI document gives them."""

from datetime import UTC, date, datetime
from typing import Any, Final

import orjson
from starlette.responses import Response

from api.web.problems import ProblemDetails, invalid

_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS
ANSWER_BYTES_MAX: Final = 64 << 20
# What any call may answer beside its own; FastAPI's form for `responses`.
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": ProblemDetails, "description": text}
    for code, text in {
        400: "The request breaks a rule; `errors` names each value, the rule and the remedy",
        401: "An API key is needed",
        403: "The caller's roles do not allow this",
        413: "The body is too large; nothing was stored",
        414: "The address is too long",
        429: "This client sends too many requests; try again after Retry-After seconds",
        503: "Not ready: the projections or the database are behind; try again after Retry-After seconds",
    }.items()
}
NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": ProblemDetails, "description": "There is none of this name or number"}
}


def instant(value: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the microsecond; None stays None."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return value._asdict() if hasattr(value, "_asdict") else list(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no form in an answer")


class Answer(Response):
    """A JSON answer; its body is all that other forms of it are made of."""

    media_type = "application/json"

    def read(self) -> dict[str, Any]:
        """What it says, as whoever asked would read it."""
        found: dict[str, Any] = orjson.loads(self.body)
        return found


def answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """A JSON answer; instants in UTC, named tuples as objects."""
    body = orjson.dumps(value, _plain, _OPTIONS)
    if len(body) > ANSWER_BYTES_MAX:
        rule = f"the answer has {len(body)} bytes, at most {ANSWER_BYTES_MAX}; ask for fewer groups or a smaller page"
        raise invalid("query", "", "answer_bytes_max", rule)
    return Answer(body, status, headers)
