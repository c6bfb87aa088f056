"""`POST /v1/access/links`: a link by which somebody without a provider signs in, once."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.questions import ADMINISTERING, Not, act
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.publishing import publish
from domain.events.access import Role
from domain.values.fields import RegionCode
from services.access.grants import granted, new_access, today
from services.access.sessions import LINK_MINUTES_MAX

router = APIRouter(prefix="/v1/access/links", tags=["access"], responses=PROBLEMS)


class NewLink(BaseModel):
    """What whoever uses the link may do, and for how long it can be used."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"roles": ["inspector"], "regions": ["990101"]}]}
    )

    roles: Annotated[list[Role], Field(min_length=1, max_length=10)]
    regions: Annotated[list[RegionCode], Field(min_length=1, max_length=1_000)] | None = None
    minutes: Annotated[int, Field(ge=1, le=LINK_MINUTES_MAX, description="how long it can be used, once")] = 15


class LinkShape(BaseModel):
    """The link, which is shown this once, and the grant that goes with it."""

    access: str
    position: int
    holder: str
    path: str = Field(description="of the link, at this service's address")
    until: datetime = Field(description="when it can be used no more")


@router.post(
    "", status_code=201, response_model=None, responses={201: {"model": LinkShape}}, summary="登录链接 A sign-in link"
)
@act(ADMINISTERING, "whole", command="sign-in-link", page=Not("administrators use the shell"))
async def make(request: Request, holder: Admitted, body: NewLink) -> Response:
    """To try it, or until the office has a provider: the grant is in the log like any other, and ends tomorrow."""
    parts, access = parts_of(request), new_access()
    guest = f"guest:{access.partition(':')[2]}"
    data = body.model_dump(mode="json", exclude={"minutes"}, exclude_none=True)
    data |= {
        "effective_on": today().isoformat(), "access": access, "holder": guest,
        "until": (today() + timedelta(days=1)).isoformat(),
    }  # fmt: skip
    position = await publish(request, holder.publisher(), granted(data))
    token, until = await run_in_threadpool(parts.sessions.link, guest, holder.name, body.minutes)
    shown = {
        "access": access, "position": position, "holder": guest, "path": f"/sign-in/link/{token}", "until": until,
    }  # fmt: skip
    return answer(shown, 201)
