"""Errors as pages, for whoever came with a browser."""

from typing import Final

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from api.site.base import Page
from api.site.texts import LANGS, has
from api.web.problems import KINDS, Problem

_DATA: Final = ("/v1/", "/health/", "/metrics", "/openapi.json", "/asyncapi", "/static/", "/charts/")


def respond(problem: Problem, scope: Scope) -> Response:
    """A problem as a page where a page was asked for, as problem details elsewhere."""
    path, identity = scope["path"], scope["state"]["request_id"]
    accepted = Headers(scope=scope).get("accept", "")
    if scope["method"] not in ("GET", "HEAD", "POST") or "text/html" not in accepted or path.startswith(_DATA):
        return problem.response(path, identity)
    given = QueryParams(scope["query_string"]).get("lang")
    lang = next((each for each in LANGS if each == given), LANGS[0])
    status = KINDS[problem.kind][0].value
    key = problem.kind if has(f"problem.{problem.kind}") else "invalid-request"
    response = Page(Request(scope), lang).render(
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


def _sign_in(scope: Scope) -> str | None:
    """Where people begin anew to sign in; None where the service has no provider for that."""
    if scope["app"].state.parts.provider is None:
        return None
    # A browser is led to sign in by itself; here it comes from a sign-in that failed, which is nothing to go on to.
    return "/sign-in"
