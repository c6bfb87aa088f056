"""Who was granted access, and from whom it was taken, as events of the administrators."""

from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.values.codes import holds_personal_identifier
from domain.values.fields import SOURCE_LENGTH_MAX, BodyId, CalendarDate, Data, FactData, Reason, RegionCode
from domain.values.reach import Reach

Role = Literal["publisher", "steward", "inspector", "assessment", "operator", "auditor", "administrator"]
ROLES: Final[frozenset[Role]] = frozenset(get_args(Role))
FAMILY: Final = "taizhang.access."
GRANTED: Final = f"{FAMILY}granted.v1"
REVOKED: Final = f"{FAMILY}revoked.v1"
KEY_REGISTERED: Final = f"{FAMILY}key_registered.v1"


def _no_person(value: str) -> str:
    if holds_personal_identifier(value):
        raise PydanticCustomError(
            "personal_identifier", "a resident identity number or a mobile number never enters the log"
        )
    return value


AccessId = Annotated[str, StringConstraints(pattern=r"^access:[A-Za-z0-9_-]{1,64}$"), AfterValidator(_no_person)]
# A machine's own name, or a person's pseudonym (services/pseudonyms.py).
HolderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,100}$"), AfterValidator(_no_person)]
SourceName = Annotated[str, StringConstraints(min_length=1, max_length=SOURCE_LENGTH_MAX)]
# A CloudEvents type of spec/events.md, or one that a later release has.
TypeName = Annotated[str, StringConstraints(pattern=r"^taizhang\.[a-z_]{1,40}\.[a-z_]{1,40}\.v1$")]
KeyHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# 32 bytes in base64url.
Coordinate = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]


class AccessGranted(FactData):
    """Valid from `effective_on` to the end of `until`, unless it is revoked before.

    Left out, `sources`, `types`, `regions` and `bodies` mean any; with both given, what lies in one of the regions and
    answers to one of the bodies, or to one below it. domain.access.rights.Right has what follows for a registry.
    """

    identifier = "access"
    reach = Reach.ACCESS
    access: AccessId
    holder: HolderName
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(ROLES))]
    sources: Annotated[list[SourceName], Field(max_length=1_000)] | None = None
    types: Annotated[list[TypeName], Field(min_length=1, max_length=100)] | None = None
    regions: Annotated[list[RegionCode], Field(min_length=1, max_length=1_000)] | None = None
    bodies: Annotated[list[BodyId], Field(min_length=1, max_length=100)] | None = None
    until: CalendarDate | None = None
    key_sha256: KeyHash | None = None


class PublicKey(Data):
    """A public JWK (RFC 7517): Ed25519 (RFC 8037), or P-256 (RFC 7518 section 6.2).

    `kid` is the registry's own name for the key; where it is there, signatures may name the key by it.
    """

    kty: Literal["OKP", "EC"]
    crv: Literal["Ed25519", "P-256"]
    x: Coordinate
    y: Coordinate | None = None
    kid: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~:/=+-]{1,200}$"), AfterValidator(_no_person)] | None
    ) = None

    @model_validator(mode="after")
    def _curve_agrees(self) -> "PublicKey":
        if (self.kty, self.crv, self.y is not None) not in (("OKP", "Ed25519", False), ("EC", "P-256", True)):
            raise PydanticCustomError(
                "public_key", "a public key is OKP with crv Ed25519 and x, or EC with crv P-256, x and y"
            )
        return self


class AccessKeyRegistered(FactData):
    """From `effective_on` to the end of `until`, unless it is revoked before; the source signs from then on."""

    identifier = "access"
    reach = Reach.ACCESS
    access: AccessId
    source: SourceName
    key: PublicKey
    until: CalendarDate | None = None


class AccessRevoked(FactData):
    identifier = "access"
    reach = Reach.ACCESS
    access: AccessId
    reason: Reason
