"""Who was granted access, and from whom it was taken, as events of the administrators."""

from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from domain.codes import holds_personal_identifier
from domain.fields import SOURCE_LENGTH_MAX, CalendarDate, FactData, Reason, RegionCode

Role = Literal["publisher", "steward", "inspector", "assessment", "operator", "auditor", "administrator"]
ROLES: Final[frozenset[Role]] = frozenset(get_args(Role))
FAMILY: Final = "taizhang.access."
GRANTED: Final = f"{FAMILY}granted.v1"
REVOKED: Final = f"{FAMILY}revoked.v1"


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
KeyHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class AccessGranted(FactData):
    """Valid from `effective_on` to the end of `until`, unless it is revoked before."""

    identifier = "access"
    access: AccessId
    holder: HolderName
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(ROLES))]
    sources: Annotated[list[SourceName], Field(max_length=1_000)] | None = None
    regions: Annotated[list[RegionCode], Field(min_length=1, max_length=1_000)] | None = None
    until: CalendarDate | None = None
    key_sha256: KeyHash | None = None


class AccessRevoked(FactData):
    identifier = "access"
    access: AccessId
    reason: Reason
