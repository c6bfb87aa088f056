"""Forms that change something: believed only where a page of this service sent them.

Two locks, either of which is enough: `api/same_origin.py` asks where the browser says that a request comes from, and
here the form must repeat a secret of this browser's cookie, which no other site can read.
"""

import secrets
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.responses import Response

from api.problems import Problem, invalid

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
FIELDS_MAX: Final = 20
FIELD: Final = "token"
_COOKIE: Final = "taizhang-form"
_TOKEN_BYTES: Final = 32
_REMEDY: Final = "open the page again and send its form from there; nothing was changed"


def token_of(request: Request) -> str:
    """The secret of this browser, a new one where it has none; goes into the form's hidden field `token`."""
    return request.cookies.get(_COOKIE) or secrets.token_urlsafe(_TOKEN_BYTES)


def give_token(response: Response, request: Request, token: str) -> Response:
    """Let the browser keep the secret: for this session, for this site's own requests, out of reach of scripts."""
    secure = request.url.scheme == "https"
    response.set_cookie(_COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")
    return response


async def submitted(request: Request, *names: str) -> dict[str, str]:
    """The form's fields, those of `names` and no others, each once; left out ones are empty.

    Raises:
        Problem: 403, it does not hold the secret; 400, not such a form; 415, not a form at all.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise Problem("unsupported-media-type", f"a form is sent as {MEDIA_TYPE}")
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError:
        raise Problem("invalid-request", f"the form is not up to {FIELDS_MAX} fields of UTF-8; {_REMEDY}") from None
    fields = dict(pairs)
    if len(fields) < len(pairs) or fields.keys() - {FIELD, *names}:
        given = ", ".join(name for name, _ in pairs if name != FIELD)
        raise invalid("form", given, "field", f"this form has the fields {', '.join(names)}, each once")
    kept = request.cookies.get(_COOKIE, "")
    if not kept or not secrets.compare_digest(kept.encode(), fields.pop(FIELD, "").encode()):
        raise Problem("from-another-site", f"the form does not hold this browser's secret; {_REMEDY}")
    return {name: fields.get(name, "") for name in names}
