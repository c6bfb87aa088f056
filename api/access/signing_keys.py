"""`/v1/access/keys`: the keys that sources sign with, registered by administrators; each act is an event in the log."""

from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.access.grants import Standing
from api.admission.callers import Admitted
from api.asking.questions import ADMINISTERING, ASK, BY_HTTP, Not, act, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import invalid
from api.web.publishing import publish
from domain.access.signing_keys import SigningKey
from domain.events.access import PublicKey, SourceName
from services.access.grants import key_registered, new_access, today
from services.log.signatures import check_key, thumbprint

router = APIRouter(prefix="/v1/access/keys", tags=["access"], responses=PROBLEMS)

EXAMPLE: Final[dict[str, Any]] = {
    "source": "/registry/east",
    "key": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
}


class SigningKeyShape(Standing):
    """One key."""

    source: str
    key: dict[str, str] = Field(description="the public JWK")
    kid: str = Field(description="its thumbprint (RFC 7638), by which a signature may name it")


class SigningKeysShape(BaseModel):
    """Every key, in order of position."""

    keys: list[SigningKeyShape]


class NewSigningKey(BaseModel):
    """What is registered. To change a key register the next one, sign with it, then revoke the first."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    source: SourceName
    key: PublicKey
    until: date | None = None


class RegisteredShape(BaseModel):
    """The key's identifier, which revokes it, and its thumbprint."""

    access: str
    position: int
    kid: str


@router.get("", response_model=None, responses={200: {"model": SigningKeysShape}}, summary="签名公钥 Sources' keys")
@question(
    ADMINISTERING,
    "whole",
    trail=Not("keys, which name no organization"),
    command=ASK,
    page=Not("administrators use the shell"),
)
@taken_away(Sheet("keys", SigningKeyShape))
def list_(request: Request) -> Response:
    """Every key that was ever registered for a source. `/v1/access/{access}/revoke` revokes one."""
    day = today()
    return answer({"keys": [_shown(each, day) for each in parts_of(request).grants.signing_keys()]})


def _shown(each: SigningKey, day: date) -> dict[str, Any]:
    return {**each._asdict(), "kid": thumbprint(each), "in_force": each.holds(day)}


@router.post(
    "", status_code=201, response_model=None, responses={201: {"model": RegisteredShape}}, summary="登记公钥 Register"
)
@act(ADMINISTERING, "whole", command=BY_HTTP, page=Not("administrators use the shell"))
async def register(request: Request, holder: Admitted, body: NewSigningKey) -> Response:
    """In force at once. From then on the source's events are signed, or set aside.

    A source stays bound to sign when its last key is revoked: until another is registered, all it sends is set aside.
    """
    access, key = new_access(), body.key.model_dump(exclude_none=True)
    try:
        check_key(key)
    except ValueError as error:
        raise invalid("body.key", key["x"], "public_key", str(error)) from error
    data: dict[str, object] = {"effective_on": today().isoformat(), "access": access, "source": body.source, "key": key}
    if body.until is not None:
        data["until"] = body.until.isoformat()
    position = await publish(request, holder.publisher(), key_registered(data))
    registered = SigningKey(access, body.source, key, today(), body.until, position)
    return answer({"access": access, "position": position, "kid": thumbprint(registered)}, 201)
