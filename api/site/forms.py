"""Forms that change something: believed only where a page of this service sent them.

Two locks, either of which is enough: `api/web/browsers.py` asks where the browser says that a request comes
from, and here the form must repeat a secret of this browser's cookie, which no other site can read.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.web.browsers import cookie_name, keep
from api.web.cookies import cookie
from api.web.parts import parts_of_all
from api.web.problems import Problem, invalid
from api.web.requests import limited
from domain.values.strict_json import is_unfit

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
FIELDS_MAX: Final = 20
_PART_BYTES_MAX: Final = 65_536
FIELD: Final = "token"
_COOKIE: Final = "taizhang-form"
_TOKEN_BYTES: Final = 32
_REMEDY: Final = "open the page again and send its form from there; nothing was changed"


def token_of(request: Request) -> str:
    """The secret of this browser, a new one where it has none; goes into the form's hidden field `token`."""
    return _kept(request) or secrets.token_urlsafe(_TOKEN_BYTES)


def _kept(request: Request) -> str:
    return cookie(request, cookie_name(parts_of_all(request), _COOKIE)) or ""


def give_token(response: Response, request: Request, token: str) -> Response:
    """Let the browser keep the secret: for this session, for this site's own requests, out of reach of scripts."""
    parts = parts_of_all(request)
    keep(response, parts, cookie_name(parts, _COOKIE), token, None, "strict")
    return response


async def submitted(request: Request, *names: str) -> dict[str, str]:
    """The form's fields, those of `names` and no others, each once; left out ones are empty.

    Raises:
        Problem: 403, it does not hold the secret; 400, not such a form; 415, not a form at all.
    """
    return _each_once(_believed(request, await _pairs(request, FIELDS_MAX)), names)


async def entered(request: Request, fields_max: int) -> dict[str, list[str]]:
    """All fields of a form whose names are its own matter, by name what was entered, each any number of times.

    Raises:
        Problem: as `submitted`.
    """
    found: dict[str, list[str]] = {}
    for name, value in _believed(request, await _pairs(request, fields_max)):
        found.setdefault(name, []).append(value)
    return found


async def _pairs(request: Request, fields_max: int) -> list[tuple[str, str]]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise Problem("unsupported-media-type", f"a form is sent as {MEDIA_TYPE}")
    try:
        text = (await request.body()).decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=fields_max)
    except ValueError:
        raise Problem("invalid-request", f"the form is not up to {fields_max} fields of UTF-8; {_REMEDY}") from None


def _believed(request: Request, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs without the secret, which they must hold, once."""
    secrets_given = [value for name, value in pairs if name == FIELD]
    kept = _kept(request)
    given = secrets_given[0] if len(secrets_given) == 1 else ""
    if not kept or not secrets.compare_digest(kept.encode(), given.encode()):
        raise Problem("from-another-site", f"the form does not hold this browser's secret; {_REMEDY}")
    for name, value in pairs:
        if is_unfit(name) or is_unfit(value):
            raise invalid(f"form.{name[:40]!a}", ascii(value[:40]), "text", "text without U+0000")
    return [(name, value) for name, value in pairs if name != FIELD]


def _each_once(pairs: list[tuple[str, str]], names: tuple[str, ...]) -> dict[str, str]:
    fields = dict(pairs)
    if len(fields) < len(pairs) or fields.keys() - set(names):
        given = ", ".join(name for name, _ in pairs)
        raise invalid("form", given, "field", f"this form has the fields {', '.join(names)}, each once")
    return {name: fields.get(name, "") for name in names}


@asynccontextmanager
async def uploaded(request: Request, bytes_max: int, *names: str) -> AsyncIterator[tuple[dict[str, str], UploadFile]]:
    """The fields of a form with one file, `file`, as `submitted` gives them, and the file.

    Raises:
        Problem: as `submitted`; 413, too large.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MULTIPART:
        raise Problem("unsupported-media-type", f"a form with a file is sent as {MULTIPART}")
    within = Request(request.scope, limited(request.receive, bytes_max))
    try:
        form = await within.form(max_files=1, max_fields=FIELDS_MAX, max_part_size=_PART_BYTES_MAX)
    except Problem as problem:
        if problem.kind == "too-large":
            detail = f"a file has at most {bytes_max} bytes here; use the command taizhang reconcile for larger ones"
            raise Problem("too-large", detail) from None
        raise
    except HTTPException as error:
        raise Problem("invalid-request", f"the form cannot be read ({error.detail}); {_REMEDY}") from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise invalid("form.file", "", "file", "choose a file, and send the form again")
        pairs = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        yield _each_once(_believed(request, pairs), names), file
    finally:
        await form.close()
