"""A question's table as a page, for a question that needs no page of its own making."""

import inspect
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse

from api.asking.questions import shows
from api.exports.lists import taken_from, title_of
from api.site.addresses import address
from api.site.base import Page, Paged, tidy
from api.site.formats import NONE
from api.web.answers import Answer


def table_page(router: APIRouter, path: str, endpoint: Any) -> None:  # noqa: ANN401 - made by `taken_away`
    """Show one page of what `endpoint`, of the same router, answers; with its rights and its trail of reading."""
    of = next(each for each in router.routes if isinstance(each, APIRoute) and each.endpoint is endpoint)

    def get(*, page: Page, **given: Any) -> HTMLResponse:  # noqa: ANN401 - parameters of the query
        request: Request = given["request"]
        found = endpoint(**given, format="json", lang=page.lang)
        answer = found.read() if isinstance(found, Answer) else {}
        columns, rows = taken_from(request, [answer], answer, endpoint.sheet, page.lang)
        pinned = page.pinned(given["clocks"]) if "clocks" in given else {}
        kept = {name: values for name, values in page.addresses.query.items() if name != "lang"}
        return page.render(
            "table.html",
            clocks=given.get("clocks"),
            title=title_of(of, page.lang),
            columns=columns,
            rows=[[NONE if value is None else value for value in row] for row in rows],
            next=answer.get("next"),
            api=address(of.path_format, {**kept, **pinned}),
        )

    asked = inspect.signature(endpoint).parameters.values()
    parameters = [each for each in asked if each.name not in ("format", "lang")]
    paged = inspect.Parameter("page", inspect.Parameter.KEYWORD_ONLY, annotation=Paged)
    get.__signature__ = inspect.Signature([*parameters, paged])  # type: ignore[attr-defined]  # read by the framework
    get.__doc__ = endpoint.__doc__
    router.get(path, include_in_schema=False, response_model=None, dependencies=[Depends(tidy)])(shows(endpoint)(get))
