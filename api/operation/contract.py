"""`GET /v1/contract/…`: the AsyncAPI document and the JSON Schemas that it refers to."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.asking.questions import open_to_anyone
from api.web.answers import NOT_FOUND, PROBLEMS
from api.web.problems import Problem
from services.contract.documents import ASYNCAPI, as_text, documents

router = APIRouter(prefix="/v1/contract", tags=["contract"], responses=PROBLEMS)

Type = Annotated[str, Path(max_length=100, description="an event's type", examples=["taizhang.member.enrolled.v1"])]


def _file(name: str, media_type: str) -> Response:
    document = documents().get(name)
    if document is None:
        raise Problem("not-found", f"no {name} in the contract; {ASYNCAPI} names them all")
    return Response(as_text(document), media_type=media_type)


@router.get(
    "/asyncapi.json",
    response_model=None,
    response_class=Response,
    responses={200: {"content": {"application/vnd.aai.asyncapi+json": {}}}},
    summary="AsyncAPI 契约 The AsyncAPI 3 document",
)
@open_to_anyone("the contract, which is public")
def asyncapi() -> Response:
    """What registries publish and what consumers may read, over Kafka; its schemas hold over HTTP too."""
    return _file(ASYNCAPI, "application/vnd.aai.asyncapi+json")


@router.get(
    "/schemas/{type_}.json",
    response_model=None,
    response_class=Response,
    responses={200: {"content": {"application/schema+json": {}}}, **NOT_FOUND},
    summary="JSON Schema 契约 The JSON Schema of a type",
)
@open_to_anyone("the contract, which is public")
def schema(type_: Type) -> Response:
    """One event type's whole event, or the ledger's message."""
    return _file(f"schemas/{type_}.json", "application/schema+json")
