"""Receipts of what a registry sent, the head of their tree, and the policy to check both by (C2SP tlog-proof)."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse, Response

from api.admission.callers import Admitted
from api.asking.clocks import POSITION_MAX
from api.asking.questions import FOR_PROGRAMS, IS_A_FILE, PUBLISHING, Not, open_to_anyone, question
from api.evidence.log import FOR_MOMENTS, signer
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import invalid
from domain.values.fields import IDENTITY_LENGTH_MAX, SOURCE_LENGTH_MAX
from services.access.callers import Holder
from services.evidence.notes.signing import CheckpointSigner, signer_for
from services.evidence.notes.tlog_policy import policy_text
from services.evidence.receipts.receipts import RECEIPTS_MAX, Sent, receipts
from services.evidence.witness.notary import read_witnesses
from services.log.arrivals import ARRIVALS

router = APIRouter(prefix="/v1", tags=["log"])

_TEXT: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


class ReceiptShape(BaseModel):
    """One receipt."""

    kind: str = Field(description="accepted, duplicate, quarantined, or a step taken with what was set aside")
    file_name: str
    recorded: dict[str, Any] = Field(description="what the leaf commits to")
    file: str = Field(description="a C2SP tlog-proof, to be kept as it is; `taizhang verify FILE` checks it offline")


class Receipts(BaseModel):
    """The receipts of one message, in the order in which it became so."""

    receipts: list[ReceiptShape]


def _arrivals_signer(request: Request) -> CheckpointSigner:
    settings = parts_of(request).settings
    return signer_for(settings.log_key_path, settings.log_origin, ARRIVALS)


@router.get(
    "/receipts",
    response_model=None,
    responses={200: {"model": Receipts}, **PROBLEMS, **NOT_FOUND},
    summary="收件回执 Receipts of what was sent",
    description="Of an event, by `source` and `id`, or of a message set aside, by the `quarantine_id` that was "
    "answered: each time that it came, and each step taken with it since, proved to stand in a tree whose head the "
    f"log's key signed. Whoever sent it is given them, and stewards without limits; at most the last {RECEIPTS_MAX} "
    "beside the log. `taizhang receipt` writes the files, `taizhang verify FILE --log-key KEY --sent EVENT` checks one "
    "offline.",
)
@question(
    PUBLISHING,
    "none",
    trail=Not("one's own messages, by hashes"),
    command="receipt",
    page=FOR_PROGRAMS,
    forms=IS_A_FILE,
)
def receipts_(
    request: Request,
    holder: Admitted,
    *,
    source: Annotated[
        str | None, Query(description="The event's.", max_length=SOURCE_LENGTH_MAX, examples=["/registry/market"])
    ] = None,
    id: Annotated[  # noqa: A002 - CloudEvents' own name
        str | None, Query(description="The event's, with `source`.", max_length=IDENTITY_LENGTH_MAX, examples=["e-1"])
    ] = None,
    quarantine_id: Annotated[int | None, Query(description="Instead of both.", ge=1, le=POSITION_MAX)] = None,
) -> Response:
    """Make them."""
    if (quarantine_id is None) == (source is None) or (source is None) != (id is None):
        raise invalid("query", None, "message_missing", "name the message by source and id, or by its quarantine_id")
    sent = Sent(source, id, quarantine_id, None if _sees_all(holder) else holder.name)
    with parts_of(request).recorder.datastore.get_connection() as connection:
        found = receipts(connection, signer(request), _arrivals_signer(request), sent)
    return answer({"receipts": [{**each._asdict(), "file": each.file.decode()} for each in found]})


def _sees_all(holder: Holder) -> bool:
    """Whether one of the caller's grants is a steward's without limits."""
    return any("steward" in each.roles and each.scope is None and each.sources is None for each in holder.rights)


@router.get(
    "/log/arrivals/checkpoint",
    response_class=Response,
    responses={**_TEXT, 503: PROBLEMS[503]},
    summary="收件检查点 The signed head of the arrivals",
)
@open_to_anyone("hashes and signatures, which anyone may check")
def checkpoint(request: Request) -> Response:
    """A signed note (C2SP tlog-checkpoint) of the log's origin with `/arrivals`, by the log's key under that name.

    Keep it elsewhere: `taizhang verify --checkpoint FILE` at the ledger finds arrivals that were cut or rewritten.
    """
    with parts_of(request).recorder.datastore.get_connection() as connection:
        note = _arrivals_signer(request).checkpoint(connection)
    return PlainTextResponse(note, headers=FOR_MOMENTS)


@router.get(
    "/log/policy",
    response_class=Response,
    responses={**_TEXT, 503: PROBLEMS[503]},
    summary="核验规则 The log's key and its witnesses, as a policy",
)
@open_to_anyone("hashes and signatures, which anyone may check", "log-key")
def policy(request: Request) -> Response:
    """A C2SP tlog-policy by the log's own word, that asks for all of its witnesses: `taizhang verify … --policy FILE`.

    Compare its keys with those made known elsewhere, and ask for fewer witnesses where you mean fewer.
    """
    parts = parts_of(request)
    with parts.recorder.datastore.get_connection() as connection:
        key = signer(request).key(connection).verifier
    named = {each.key: each.address for each in read_witnesses(parts.settings.witnesses or "")}
    return PlainTextResponse(policy_text(key, parts.settings.public_url, named), headers=FOR_MOMENTS)
