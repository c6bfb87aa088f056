"""`/v1/persons`: whom pseudonyms stand for, where an office must know it. No address holds a person."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.paging import Limit
from api.asking.questions import ONE_RECORD, STEWARDING, Not, act, question
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import ProblemDetails, invalid
from domain.values.codes import CodeError, check_pseudonym
from domain.values.fields import Reason
from services.access.grants import today
from services.intake.blinded import erase_blinding

router = APIRouter(prefix="/v1/persons", tags=["persons"], responses=PROBLEMS)

Pseudonym = Annotated[str, Path(max_length=100, description="`member:…` or `person:…`", examples=["member:example-1"])]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class Person(BaseModel):
    """Who it is; what is not needed is left out."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    identity_number: Annotated[str, StringConstraints(max_length=40)] | None = None
    telephone: Annotated[str, StringConstraints(max_length=40)] | None = None
    note: Text | None = None


class KeepPerson(BaseModel):
    """A person to keep, why, and until when."""

    model_config = ConfigDict(extra="forbid")

    pseudonym: str = Field(max_length=100, examples=["member:example-1"])
    person: Person
    purpose: Text
    keep_until: date


class KeptShape(BaseModel):
    """A pseudonym whose person is kept; the person is not shown here."""

    pseudonym: str
    purpose: str
    keep_until: date
    overdue: bool = Field(description="whether it should be erased by now")
    kept_at: datetime
    kept_by: str


class KeptPage(BaseModel):
    """Pseudonyms in order."""

    persons: list[KeptShape]
    next: str | None = Field(description="`after` of the next page; null on the last")


class Forgotten(BaseModel):
    """A pseudonym, and that its person is kept or erased."""

    pseudonym: str
    kept: bool


class Erasure(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "asked to be forgotten"}]})

    reason: Reason


def _checked(pseudonym: str, at: str) -> str:
    try:
        return check_pseudonym(pseudonym, "person" if pseudonym.startswith("person:") else "member")
    except CodeError as error:
        raise invalid(at, None, error.rule, str(error)) from None


@router.get("", response_model=None, responses={200: {"model": KeptPage}}, summary="人员对照 Whose persons are kept")
@question(
    STEWARDING,
    "whole",
    trail=Not("pseudonyms and terms, no person"),
    command="persons list",
    page=Not("stewards use the shell: no person on a page"),
    forms=Not("no list of persons leaves the service"),
)
def list_(
    request: Request,
    *,
    after: Annotated[str, Query(max_length=100, description="`next` of the page before")] = "",
    limit: Limit = 100,
) -> Response:
    """Pseudonyms, purposes and terms, never persons."""
    found = parts_of(request).persons.kept(after, limit + 1)
    shown = [{**each._asdict(), "overdue": each.keep_until < today()} for each in found[:limit]]
    return answer({"persons": shown, "next": shown[-1]["pseudonym"] if len(found) > limit else None})


@router.post(
    "",
    status_code=201,
    response_model=None,
    responses={201: {"model": Forgotten}, 409: {"model": ProblemDetails, "description": "A person is kept under it"}},
    summary="登记人员 Keep a person",
)
@act(STEWARDING, "whole", command="persons keep", page=Not("stewards use the shell: no person on a page"))
def keep(request: Request, holder: Admitted, body: KeepPerson) -> Response:
    """Encrypted with a key of its own before it is stored."""
    pseudonym = _checked(body.pseudonym, "/pseudonym")
    person: dict[str, Any] = body.person.model_dump(exclude_none=True)
    parts_of(request).persons.keep(pseudonym, person, body.purpose, body.keep_until, holder.name)
    return answer({"pseudonym": pseudonym, "kept": True}, 201)


@router.get(
    "/{pseudonym}", response_model=None, responses={200: {"model": Person}, **NOT_FOUND}, summary="查人 Who it is"
)
@question(
    STEWARDING,
    "whole",
    trail="person",
    command="persons show",
    page=Not("stewards use the shell: no person on a page"),
    forms=ONE_RECORD,
)
def show(request: Request, pseudonym: Pseudonym) -> Response:
    """Each look is in the trail of reading before it is answered."""
    return answer(parts_of(request).persons.show(_checked(pseudonym, "path.pseudonym")))


@router.post(
    "/{pseudonym}/erase",
    response_model=None,
    responses={200: {"model": Forgotten}, **NOT_FOUND},
    summary="遗忘 Erase a person",
)
@act(STEWARDING, "whole", command="persons erase", page=Not("stewards use the shell: no person on a page"))
def erase(request: Request, holder: Admitted, pseudonym: Pseudonym, body: Erasure) -> Response:
    """Its key is destroyed, and what opens the leaves of its events; history, rates and proofs stay as they are."""
    checked, parts = _checked(pseudonym, "path.pseudonym"), parts_of(request)
    # The key goes last: until then all of it can be asked for again.
    parts.persons.require_kept(checked)
    erase_blinding(parts.intake, checked, holder.publisher())
    parts.persons.erase(checked, holder.name, body.reason)
    return answer({"pseudonym": checked, "kept": False})
