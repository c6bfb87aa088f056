"""Which problem each error is, and problems as pages."""

from http import HTTPStatus
from typing import Any, Final

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from api.site.base import Page, chosen_language
from api.site.texts import has
from api.web.problems import KINDS, Problem, faults
from api.web.seats import seat_of
from domain.values.codes import holds_personal_identifier
from domain.values.reasons import PERSONAL_RULES, Reason
from services.evidence.notes.identity import NothingSignedError
from services.evidence.notes.key_files import KeyFileError
from services.intake.in_turn import ActRefusedError, CameSinceError
from services.log.tree import LogDamagedError
from services.serving.drawing import DrawingError
from services.system.errors import (
    AccessEndedError,
    AlreadyEndedError,
    InvalidValueError,
    NotFoundError,
    NotReadyError,
    QueueFullError,
    StoreUnavailableError,
)
from services.system.logs import logger

_DATA: Final = ("/v1/", "/health/", "/metrics", "/openapi.json", "/asyncapi", "/static/")


def respond(problem: Problem, scope: Scope) -> Response:
    """A problem as a page where a page was asked for, as problem details elsewhere."""
    path, identity = scope["path"], scope["state"]["request_id"]
    if not _is_page(scope):
        return problem.response(path, identity)
    request = Request(scope)
    status = KINDS[problem.kind][0].value
    key = problem.kind if has(f"problem.{problem.kind}") else "invalid-request"
    response = Page(request, chosen_language(request)).render(
        "problem.html",
        status,
        problem=problem,
        kind=key,
        status_code=status,
        request_id=identity,
        sign_in=_sign_in(scope) if problem.kind == "sign-in-needed" else None,
    )
    response.headers.update({name: value for name, value in problem.headers.items() if name != "location"})
    return response


def _is_page(scope: Scope) -> bool:
    accepted = Headers(scope=scope).get("accept", "")
    is_data = scope["method"] not in ("GET", "HEAD", "POST") or scope["path"].startswith(_DATA)
    return "text/html" in accepted and not is_data


def _sign_in(scope: Scope) -> str | None:
    """Where people begin anew to sign in; None where the service has no provider for that."""
    if scope["app"].state.parts.provider is None:
        return None
    # A browser is led to sign in by itself; here it comes from a sign-in that failed, which is nothing to go on to.
    return "/sign-in"


_RETRY_S: Final = "2"
_BY_STATUS: Final = {status.value: kind for kind, (status, _) in reversed(KINDS.items())}
_STORE_FAULTS: Final = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError, PoolTimeout)
_SERVICE_FAULTS: Final[dict[type[Exception], str]] = {
    NotFoundError: "not-found",
    AlreadyEndedError: "already-ended",
    AccessEndedError: "not-allowed",
    CameSinceError: "came-since",
    ActRefusedError: "invalid-request",
    InvalidValueError: "invalid-request",
    QueueFullError: "not-ready",
    NotReadyError: "not-ready",
    StoreUnavailableError: "not-ready",
    LogDamagedError: "internal",
    NothingSignedError: "internal",
    KeyFileError: "internal",
    DrawingError: "internal",
}
_UNAVAILABLE: Final = "the database does not answer; the service goes on by itself as soon as it does, try again"


def as_problem(error: Exception) -> Problem | None:
    """The problem that an error is; None for one that nobody foresaw."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            return _http(error)
    if isinstance(error, _STORE_FAULTS):
        logger().warning("database unavailable", error=str(error))
        return Problem("not-ready", _UNAVAILABLE, headers={"retry-after": _RETRY_S})
    kind = next((kind for each, kind in _SERVICE_FAULTS.items() if isinstance(error, each)), None)
    if kind is None:
        return None
    retry_s = str(getattr(error, "retry_after_s", _RETRY_S))
    reasons = faults(error.reasons) if isinstance(error, ActRefusedError) else []
    headers = {"retry-after": retry_s} if kind == "not-ready" else None
    return Problem(kind, str(error), errors=reasons, headers=headers)


def _http(error: HTTPException) -> Problem:
    kind = _BY_STATUS.get(error.status_code, "internal" if error.status_code >= 500 else "invalid-request")
    details = {
        "not-found": "there is nothing under this path; /openapi.json lists what there is",
        "method-not-allowed": "this path takes other methods; the header Allow names them",
    }
    return Problem(kind, details.get(kind, str(error.detail)), headers=error.headers)


def _invalid(error: RequestValidationError) -> Problem:
    found = []
    for item in error.errors():
        where, *path = (str(part) for part in item["loc"])
        at = f"{where}.{'.'.join(path)}" if where in ("query", "path", "header") else "".join(f"/{p}" for p in path)
        value = item.get("input")
        personal = item["type"] in PERSONAL_RULES or holds_personal_identifier(str(value))
        shown = None if isinstance(value, dict | list) or personal else value
        found.append(Reason(item["type"], at, shown, item["msg"]).as_json())
    first = found[0]
    said = "" if first["value"] is None else f" {first['value']!r}"
    return Problem("invalid-request", f"{first['at']}{said}: {first['message']}", errors=found)


def handle_errors(app: FastAPI) -> None:
    """Give every error its form."""

    async def handle(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == HTTPStatus.SEE_OTHER:
            return RedirectResponse((error.headers or {})["location"], error.status_code)
        problem = as_problem(error)
        if problem is None:
            raise error
        scope = request.scope
        if not _is_page(scope):
            return respond(problem, scope)
        # A page takes as long as ten answers of data, and whoever comes can ask for those that there are not. Who would
        # have to wait for one gets data: in a queue it would hold places that others of the address need.
        if not seat_of(scope).take_at_once(f"address {request.client.host if request.client else ''}"):
            return problem.response(scope["path"], scope["state"]["request_id"])
        return await run_in_threadpool(respond, problem, scope)

    handled: tuple[Any, ...] = (Problem, RequestValidationError, HTTPException, *_SERVICE_FAULTS, *_STORE_FAULTS)
    for each in handled:
        app.add_exception_handler(each, handle)
