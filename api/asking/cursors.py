"""Opaque cursors. A cursor holds the question and both clocks, so that a list stays the same while it is paged."""

import base64
import binascii
import hmac
from datetime import date
from typing import Any, Final, NamedTuple

import orjson
from starlette.requests import Request

from api.web.problems import Problem
from services.access.seal import MARK_BYTES, Seal

_CHECK_BYTES: Final = 2 * MARK_BYTES
_LENGTH_MAX: Final = 1_000
# These may change from page to page.
_FREE: Final = frozenset(("cursor", "limit", "min_position"))


class Cursor(NamedTuple):
    """Where a list goes on: after the key `after`, as of a date, as known at a position.

    `version` is the label of the view that the page before was read from; "" for a list that is not of the ledger.
    """

    as_of: date
    position: int
    after: tuple[Any, ...]
    version: str = ""


def _question(request: Request) -> bytes:
    """The path and the parameters that make the question, in any order."""
    pairs = sorted(pair for pair in request.query_params.multi_items() if pair[0] not in _FREE)
    return orjson.dumps((request.url.path, pairs))


def marks(content: bytes, request: Request) -> bytes:
    """The installation's marks: on the cursor, and on the cursor with its question."""
    seal: Seal = request.app.state.parts.seal
    return seal.mark(b"cursor\n" + content) + seal.mark(b"asked\n" + content + _question(request))


def encode(cursor: Cursor, request: Request) -> str:
    """The cursor as text for the question that `request` asks."""
    content = orjson.dumps((cursor.as_of, cursor.position, list(cursor.after), cursor.version))
    return base64.urlsafe_b64encode(marks(content, request) + content).decode().rstrip("=")


def decode(text: str, request: Request) -> Cursor:
    """Read a cursor.

    Raises:
        Problem: 400, it is none, or was given for another question.
    """
    if len(text) > _LENGTH_MAX:
        raise _problem("is none of ours; take `next` of the page before as it is")
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        check, content = whole[:_CHECK_BYTES], whole[_CHECK_BYTES:]
        as_of, position, after, version = orjson.loads(content)
        cursor = Cursor(date.fromisoformat(as_of), int(position), tuple(after), str(version))
    except (ValueError, TypeError, binascii.Error):
        raise _problem("is none of ours; take `next` of the page before as it is") from None
    expected = marks(content, request)
    if not hmac.compare_digest(check[:MARK_BYTES], expected[:MARK_BYTES]):
        raise _problem("has been changed, or is another installation's; take `next` of the page before as it is")
    if not hmac.compare_digest(check, expected):
        raise _problem("was given for another question; send the same parameters as for the page before")
    return cursor


def require_rules(cursor: Cursor, label: str) -> None:
    """Let a list go on only by the rules that gave its first page; a rebuild by the same ones changes no row.

    Raises:
        Problem: 410, the ledger was rebuilt by other rules.
    """
    if cursor.version and cursor.version.partition(".")[2] != label.partition(".")[2]:
        raise Problem(
            "ledger-rebuilt",
            "the ledger was rebuilt by other rules since the page before, which would not fit this one: leave cursor "
            "away to begin anew",
        )


def _problem(what: str) -> Problem:
    return Problem("invalid-cursor", f"query.cursor {what}, or leave cursor away to begin anew")
