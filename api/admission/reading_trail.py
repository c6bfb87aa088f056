"""The trail of reading: what is looked at on these routes is recorded before the answer leaves."""

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

import psycopg
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.site.errors import as_problem, respond
from api.web.parts import Parts
from api.web.problems import Problem
from services.access.reading_trail import Look

# By the route's path: what a look at it is called. What is sent to one by POST is an act, which the log records; its
# answer does not hang on the trail.
ACTIONS: Final = {
    "/v1/organizations": "list",
    "/v1/organizations/{org}": "dossier",
    "/v1/organizations/{org}/history": "history",
    "/v1/ledger/stream": "stream",
    "/v1/rates/explain": "explain",
    "/v1/changes": "changes",
    "/v1/signals": "signals",
    "/v1/replay": "replay",
    "/v1/branches/{branch}/history": "history",
    "/v1/audit": "audit",
    "/v1/lists/elsewhere": "list",
    "/v1/measures": "measures",
    "/v1/measures/organizations/{org}": "measures",
    "/v1/measures/calendar": "measures",
    "/v1/measures/reminders": "measures",
    "/v1/weak-branches": "weak_branches",
    "/v1/matches": "matches",
    "/v1/matches/candidates": "matches",
    "/v1/surveys/{survey}/progress": "survey",
    "/v1/surveys/{survey}/discrepancies": "survey",
    "/v1/surveys/{survey}/sample": "survey",
    "/v1/events/{position}": "event",
    "/v1/log/raw/{path:path}": "raw_events",
    "/v1/persons/{pseudonym}": "person",
    "/v1/evidence": "evidence",
    "/v1/export": "export",
    "/v1/rates/export": "export",
    "/v1/assessments/{assessment}/export": "export",
    "/explain": "explain",
    "/ledger": "list",
    "/ledger/{org}": "dossier",
    "/ledger/{org}/history": "history",
    "/events/{position}": "event",
    "/inspection": "changes",
    "/inspection/signals": "signals",
    "/inspection/events": "audit",
    "/daily": "measures",
    "/daily/reminders": "measures",
    "/daily/surveys/{survey}": "survey",
    "/daily/surveys/{survey}/discrepancies": "survey",
    "/daily/surveys/{survey}/sample": "survey",
    "/daily/branches": "weak_branches",
    "/daily/matches": "matches",
}

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
    action = ACTIONS.get(getattr(scope.get("route"), "path", ""))
    reader = scope.get("state", {}).get("reader")
    if action is None or reader is None or scope["method"] not in _LOOKING:
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
