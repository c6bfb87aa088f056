"""`/events/{position}`: one event exactly as received, with its proof."""

import base64
import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import POSITION_MAX, Asked
from api.asking.questions import shows
from api.inspection import event_trail
from api.inspection.event_trail import whole_event
from api.site.base import Paged, tidy
from api.site.raw_bytes import legible
from api.web.parts import parts_of
from domain.values.strict_json import NotJsonError, read_json

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

ORGANIZATION: Final = ("uscc:", "group:")


@router.get("/events/{position}", response_model=None)
@shows(event_trail.get_event)
def get(
    request: Request, page: Paged, clocks: Asked, position: Annotated[int, Path(ge=1, le=POSITION_MAX)]
) -> HTMLResponse:
    """What `/v1/events/{position}` tells, to be read."""
    event = whole_event(parts_of(request).queries, position, clocks.as_of, clocks.position)
    raw = base64.b64decode(event["raw_base64"])
    try:
        content = read_json(raw)
    except NotJsonError:  # changed since it was accepted
        content = raw.decode(errors="backslashreplace")
    return page.render(
        "event.html",
        clocks=clocks,  # they decide nothing here; they lead back to where one came from
        event=event,
        content=legible(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)),
        orgs=_organizations(content),
        api=f"/v1/events/{position}",
    )


def _organizations(content: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """The organizations that an event names, in order, each once."""
    if isinstance(content, dict):
        parts: list[Any] = list(content.values())
    else:
        parts = content if isinstance(content, list) else []
    if isinstance(content, str) and content.startswith(ORGANIZATION):
        return [content]
    return list(dict.fromkeys(org for part in parts for org in _organizations(part)))
