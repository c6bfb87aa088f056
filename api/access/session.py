"""`GET /v1/session`: who I am to this service, and what I may do."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.questions import BY_HTTP, ONE_RECORD, SIGNED_IN, Not, question
from api.web.answers import PROBLEMS, answer
from services.access.callers import Role

router = APIRouter(prefix="/v1/session", tags=["access"], responses=PROBLEMS)


class SessionShape(BaseModel):
    """The caller."""

    holder: str = Field(description="a machine's name, or a person's pseudonym")
    roles: list[Role]
    sources: list[str] | None = Field(description="sources that the caller may publish; null for any")
    regions: list[str] | None = Field(
        description="what the caller sees: regions, bodies with all below them, and with a blank between (`990101 "
        "body:park-1`) what lies in both; null for all"
    )


@router.get("", response_model=None, responses={200: {"model": SessionShape}}, summary="我是谁 Who I am")
@question(
    SIGNED_IN,
    "none",
    trail=Not("the caller's own rights"),
    command=BY_HTTP,
    forms=ONE_RECORD,
)
def get(holder: Admitted) -> Response:
    """The caller's roles, sources, and what is in sight."""
    sources = None if holder.sources is None else sorted(holder.sources)
    shown: dict[str, Any] = {
        "holder": holder.name, "roles": sorted(holder.roles), "sources": sources, "regions": holder.scope,
    }  # fmt: skip
    return answer(shown)
