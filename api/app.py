"""The HTTP application: `create_app`, which the server calls by its import string `api.app:create_app`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version
from threading import Lock
from typing import Any, Final, NamedTuple, cast

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from api.access import grants, persons, readings, session, sessions, sign_in_links, signing_keys
from api.admission import sign_in, sign_in_link, sign_out
from api.admission.callers import admit, count_address
from api.admission.gate import Gate
from api.admission.reading_trail import ReadingTrail
from api.asking.questions import Not, Question, question_of
from api.assessment import (
    assessments,
    bulletin,
    campaigns,
    compare,
    exemplars,
    exports,
    flows,
    improvement,
    ranking,
    scores,
    series,
    statutory,
    what_if,
)
from api.desk import today
from api.evidence import bundles, log, proofs, receipts, state
from api.exports.files import media_type
from api.fieldwork import (
    branch_tiers,
    due_dates,
    instructors,
    matches,
    measures,
    orders,
    outlines,
    regions,
    supervisors,
    surveys,
    weak_branches,
)
from api.inspection import anomalies, changes, event_trail, replay, signals, vintage
from api.intake import events, list_turns, lists, notices, quarantine, quarantine_groups, sources
from api.ledger import bodies, branch_dossier, branches, cards, explain, ledger_stream, organizations, rates
from api.operation import contract, health
from api.page_routers import PAGES
from api.province import cities, city_reports
from api.site.base import warm
from api.site.errors import handle_errors
from api.site.middleware import Surroundings
from api.visits import visits
from api.web.parts import open_parts
from api.web.problems import MEDIA_TYPE as PROBLEM_TYPE
from services.system import settings as settings_module

ROUTERS: Final = (
    events.router, organizations.router, rates.router, series.router, compare.router, explain.router,
    event_trail.router, log.router, anomalies.router, quarantine_groups.router, quarantine.router,
    sources.router, notices.router, readings.router, health.router, changes.router, replay.router, vintage.router,
    signals.router, ledger_stream.router, contract.router, bundles.router, proofs.router, receipts.router,
    state.router, *PAGES,
    lists.router, list_turns.router, session.router, sessions.router, sign_in_links.router, grants.router,
    signing_keys.router, sign_in.router, sign_in_link.router, sign_out.router, persons.router,
    campaigns.router, ranking.router, improvement.router, scores.router, what_if.router, assessments.router,
    exemplars.router, exports.router, statutory.router,
    bulletin.router, flows.router,
    measures.router, due_dates.router, orders.router, instructors.router, weak_branches.router, branch_tiers.router,
    branches.router, branch_dossier.router, cards.router,
    regions.router, outlines.router, surveys.router, visits.router, matches.router, supervisors.router, bodies.router,
    cities.router, city_reports.router, today.router,
)  # fmt: skip
#: So long a worker reads the ledger before it answers all the same, and says that it has none.
LOAD_S_MAX: Final = 120.0
DESCRIPTION: Final = """\
台账: a ledger of Party building coverage, on two clocks. Publish events, ask for any date as known at any moment.

- **Two clocks.** `as_of` is a date in Asia/Shanghai; `known_at` is a position of the log, or an instant.
- **Errors** are RFC 9457 problem details; `errors` names each value, the rule and the remedy.
- **Lists** page by an opaque cursor and stay consistent while they are paged.
- **Unknown query parameters are refused**, so that a misspelt filter never widens a figure.
- **Limits**: a body of 16 MiB, 10,000 events in a batch, 1 MiB an event, nesting of 32, unless the operator set others.
"""


class Call(NamedTuple):
    """One route: its method, its path as the OpenAPI document writes it, its endpoint, and what that says of itself."""

    method: str
    path: str
    endpoint: Callable[..., Any]
    question: Question | None


def calls() -> list[Call]:
    """Every route of the application, in the order in which it is looked for."""
    routes = [cast("APIRoute", route) for router in ROUTERS for route in router.routes]
    return [
        Call(method, route.path_format, route.endpoint, question_of(route.endpoint))
        for route in routes
        for method in sorted(route.methods or ())
    ]


class Application(FastAPI):
    """FastAPI, with problem details in its OpenAPI document."""

    openapi_text: bytes | None = None
    _writing = Lock()

    def write_openapi(self) -> bytes:
        """The OpenAPI document as it goes out; anyone may ask for it, as often as there are addresses."""
        with self._writing:
            if self.openapi_text is None:
                self.openapi_text = bytes(JSONResponse(self.openapi()).body)
            return self.openapi_text

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document. What FastAPI would answer 422 is 400 here, in the form of every other problem."""
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        paths = document["paths"]
        # Pages are no part of the contract.
        for path in [path for path, methods in paths.items() if _tags(methods) == {"pages"}]:
            del paths[path]
        for each in calls():
            operation = paths.get(each.path, {}).get(each.method.lower())
            if operation is not None and each.question is not None:
                _say_of(operation, each.question)
        operations = [operation for path in document["paths"].values() for operation in path.values()]
        for operation in operations:
            operation["responses"].pop("422", None)
            for code, response in operation["responses"].items():
                content = response.get("content", {})
                if code >= "400" and "ProblemDetails" in str(content):
                    content[PROBLEM_TYPE] = content.pop("application/json")
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        return document


def _say_of(operation: dict[str, Any], said: Question) -> None:
    """Write into a call's entry what it says of itself: whether it needs a sign-in, and the forms of its answer."""
    if said.roles is None:
        operation.pop("security", None)
    if not isinstance(said.forms, Not):
        content = operation["responses"]["200"].setdefault("content", {})
        for form in said.forms:
            content.setdefault(media_type(form), {})


def _tags(methods: dict[str, dict[str, Any]]) -> set[str]:
    return {tag for operation in methods.values() for tag in operation.get("tags", ())}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings = settings_module.current()
    parts = open_parts(settings)
    app.state.parts = opened = await run_in_threadpool(parts.__enter__)
    if settings.workers > 1:
        # The others answer meanwhile: who joins them can do what they can.
        await run_in_threadpool(opened.queries.view.loaded.wait, LOAD_S_MAX)
    # Whoever asks first should not wait for templates.
    warm()
    try:
        yield
    finally:
        await run_in_threadpool(parts.__exit__, None, None, None)


async def _openapi(request: Request) -> Response:
    """The contract. It takes most of a second to put together, once, and nobody else waits for that."""
    count_address(request)
    app: Application = request.app
    text = app.openapi_text or await run_in_threadpool(app.write_openapi)
    return Response(text, media_type="application/json")


@cache
def create_app() -> FastAPI:
    """The application, on the settings of this process; each has one."""
    app = Application(
        title="台账 Taizhang",
        version=version("taizhang"),
        summary="Events in, point-in-time coverage rates out",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=_lifespan,
        # FastAPI's own pages would load scripts from hosts outside.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(admit)])
    # What pages may lead to: nothing that answers 403 (api/site/base.py).
    app.state.pages = {each.path: each.question for each in calls() if each.method == "GET" and each.question}
    app.add_route("/openapi.json", _openapi, include_in_schema=False)
    handle_errors(app)
    app.add_middleware(ReadingTrail)
    app.add_middleware(Gate)
    app.add_middleware(Surroundings)
    # FastAPI puts the routes of its routers together as they are first looked through, which takes most of a second of
    # the event loop. A path that none of them has leads through all.
    for route in app.routes:
        route.matches({"type": "http", "method": "GET", "path": "/-", "root_path": "", "headers": []})
    return app


# As it is imported, so that processes forked from one that has imported it have it.
create_app()
