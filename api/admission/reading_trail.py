"""The trail of reading: what a call names as its trail is recorded before the answer leaves."""

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

import psycopg
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.asking.questions import Not, OfOne, question_of, shown_by
from api.site.errors import as_problem, respond
from api.web.parts import Parts
from api.web.problems import Problem
from services.access.reading_trail import Look

# What a page is sent by POST is an act, which the log records; its answer does not hang on the trail.
_LOOKING: Final = frozenset(("GET", "HEAD"))


class ReadingTrail:
    """Pure ASGI, inside `Surroundings`: holds the answer back until the look is durable, and refuses it else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = False

        async def send_on(message: Message) -> None:
            nonlocal refused
            if refused:
                return
            if message["type"] == "http.response.start" and message["status"] < HTTPStatus.BAD_REQUEST:
                look = _look(scope)
                if look is not None:
                    parts: Parts = scope["app"].state.parts
                    try:
                        await run_in_threadpool(parts.readings.record, look)
                    except psycopg.Error as error:
                        refused = True
                        problem = as_problem(error) or Problem("internal", "the trail of reading cannot be written")
                        await respond(problem, scope)(scope, receive, send)
                        return
            await send(message)

        await self._app(scope, receive, send_on)


def _look(scope: Scope) -> Look | None:
    """The look that this request is; None for a route that leaves no trail, or where nobody signed in."""
    endpoint = getattr(scope.get("route"), "endpoint", None)
    asked, reader = question_of(endpoint), scope.get("state", {}).get("reader")
    if asked is None or isinstance(asked.trail, Not) or reader is None:
        return None
    action = asked.trail
    if isinstance(action, OfOne):
        view = scope["state"].get("view")
        if view is None or not view.told_of_one:
            return None
        action = action.action
    if scope["method"] not in _LOOKING and shown_by(endpoint):
        return None
    query = scope["query_string"].decode("latin-1")
    parameters = scope.get("path_params", {})
    subject = (
        parameters.get("org")
        or parameters.get("pseudonym")
        or parameters.get("branch")
        or parameters.get("position")
        or _queried(query)
    )
    question = f"{scope['path']}?{query}" if query else scope["path"]
    return Look(reader, action, None if subject is None else str(subject), question, scope["state"]["request_id"])


def _queried(query: str) -> str | None:
    """The subject, organization or branch that the query names."""
    given = dict(parse_qsl(query))
    return next((given[name] for name in ("subject", "org", "branch") if name in given), None)
