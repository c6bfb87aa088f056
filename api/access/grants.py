"""`/v1/access`: who has access to what, granted and revoked by administrators; each act is an event in the log."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.questions import ADMINISTERING, Not, act, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.publishing import messages_of, publish
from domain.access.grants import Grant
from domain.events.access import HolderName, Role, SourceName
from domain.events.types import EVENT_TYPES
from domain.values.fields import BodyId, Reason, RegionCode
from services.access.api_keys import digest, new_key
from services.access.grants import granted, new_access, revoked, today
from services.intake.in_turn import Grounds, Matters, act_on
from services.system.errors import NotFoundError


def _known(type_: str) -> str:
    if type_ not in EVENT_TYPES:
        raise PydanticCustomError("type_unknown", "a type of spec/events.md, as taizhang.organization.registered.v1")
    return type_


router = APIRouter(prefix="/v1/access", tags=["access"], responses=PROBLEMS)

EventType = Annotated[str, AfterValidator(_known)]
AccessPath = Annotated[str, Path(max_length=100, description="`access:…`", examples=["access:example-1"])]


class Standing(BaseModel):
    """Whether what an event of access gave still holds."""

    access: str
    since: date
    until: date | None = Field(description="its last day; null for no end")
    revoked_on: date | None
    reason: str | None = Field(description="why it was revoked")
    in_force: bool = Field(description="today")
    position: int = Field(description="of the event that gave it")


class GrantShape(Standing):
    """One grant."""

    holder: str = Field(description="a machine's name, or a person's pseudonym")
    roles: list[Role]
    sources: list[str] | None = Field(description="null for any")
    types: list[str] | None = Field(description="event types that it lets say; null for any, of a registry its own")
    regions: list[str] | None = Field(description="null for all")
    bodies: list[str] | None = Field(
        description="each with all below it; with regions, what lies in both; null for any"
    )
    by_key: bool = Field(description="whether an API key goes with it; the log has only its hash")


class GrantsShape(BaseModel):
    """Every grant, in order of position."""

    grants: list[GrantShape]


class NewGrant(BaseModel):
    """What is granted. To replace a key grant another one, and revoke the first once the new one is in use."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"holder": "county-990101", "roles": ["operator"], "regions": ["990101"]}]},
    )

    holder: HolderName
    roles: Annotated[list[Role], Field(min_length=1, max_length=10)]
    sources: Annotated[list[SourceName], Field(max_length=1_000)] | None = None
    types: Annotated[list[EventType], Field(min_length=1, max_length=100)] | None = Field(
        None, description="CloudEvents types; left out with sources given: what a registry says of its own, no policy"
    )
    regions: Annotated[list[RegionCode], Field(min_length=1, max_length=1_000)] | None = None
    bodies: Annotated[list[BodyId], Field(min_length=1, max_length=100)] | None = Field(
        None, description="what answers to these or to one below; with regions given, what lies in both"
    )
    until: date | None = None
    key: bool = Field(True, description="make an API key that goes with it; false for whoever signs in otherwise")


class GrantedShape(BaseModel):
    """The grant, and its key, which is shown this once."""

    access: str
    position: int
    key: str | None


class Revocation(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "left the office"}]})

    reason: Reason


class RevokedShape(BaseModel):
    """The event that revoked it."""

    access: str
    position: int


@router.get("", response_model=None, responses={200: {"model": GrantsShape}}, summary="授权 Who has access")
@question(
    ADMINISTERING,
    "whole",
    trail=Not("grants, which name no organization"),
    command="access list",
    page=Not("administrators use the shell"),
)
@taken_away(Sheet("grants", GrantShape))
def list_(request: Request) -> Response:
    """Every grant there ever was. Keys of the file that serves to begin with are not among them."""
    day = today()
    return answer({"grants": [_shown(each, day) for each in parts_of(request).grants.all()]})


def _shown(grant: Grant, day: date) -> dict[str, Any]:
    return {
        "access": grant.access, "holder": grant.holder, "roles": sorted(grant.roles),
        "sources": None if grant.sources is None else sorted(grant.sources), "regions": grant.regions,
        "bodies": grant.bodies,
        "types": None if grant.types is None else sorted(grant.types),
        "since": grant.since, "until": grant.until, "by_key": grant.key_sha256 is not None,
        "revoked_on": grant.revoked_on, "reason": grant.reason, "in_force": grant.holds(day),
        "position": grant.position,
    }  # fmt: skip


@router.post(
    "", status_code=201, response_model=None, responses={201: {"model": GrantedShape}}, summary="授予 Grant access"
)
@act(ADMINISTERING, "whole", command="access grant", page=Not("administrators use the shell"))
async def grant(request: Request, holder: Admitted, body: NewGrant) -> Response:
    """In force from its position on, in every process."""
    access, key = new_access(), new_key() if body.key else None
    data = body.model_dump(mode="json", exclude={"key"}, exclude_none=True)
    data |= {"effective_on": today().isoformat(), "access": access}
    if key is not None:
        data["key_sha256"] = digest(key)
    position = await publish(request, holder.publisher(), granted(data))
    return answer({"access": access, "position": position, "key": key}, 201)


@router.post(
    "/{access}/revoke",
    response_model=None,
    responses={200: {"model": RevokedShape}, **NOT_FOUND},
    summary="撤销 Revoke a grant, or a key",
)
@act(ADMINISTERING, "whole", command="access revoke", page=Not("administrators use the shell"))
async def revoke(request: Request, holder: Admitted, access: AccessPath, body: Revocation) -> Response:
    """Over from its position on, in every process; 409 where somebody else revoked it at the same moment."""
    parts = parts_of(request)
    event = revoked(access, today(), body.reason)

    def revoke_it() -> int:
        head, _ = parts.recorder.head()
        if not parts.grants.is_in_force(access):
            raise NotFoundError(
                f"no grant or key {access[:100]!r} is in force; GET /v1/access and /v1/access/keys list them"
            )
        grounds = Grounds(head, Matters(subjects=frozenset({access})))
        (receipt,) = act_on(parts.intake, grounds, messages_of(request, holder.publisher(), [event]))
        return receipt.position or 0

    return answer({"access": access, "position": await run_in_threadpool(revoke_it)})
