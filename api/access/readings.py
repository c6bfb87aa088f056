"""The trail of reading: who looked at what, when; searchable, and provable."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse, Response

from api.admission.callers import Admitted
from api.asking.clocks import POSITION_MAX, Asked, CursorText, read_instant, read_position
from api.asking.cursors import Cursor, encode
from api.asking.paging import Limit
from api.asking.questions import (
    ASK,
    AUDITING,
    BY_HTTP,
    FOR_PROGRAMS,
    IS_A_FILE,
    ONE_RECORD,
    SIGNED_IN,
    Action,
    Not,
    question,
)
from api.exports.lists import Sheet, taken_away
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from domain.tree.reading_leaf import Reading
from services.access.reading_trail import READINGS, Search
from services.evidence.notes.checkpoint import encode_hash
from services.evidence.notes.signing import signer_for

router = APIRouter(prefix="/v1/readings", tags=["readings"], responses=PROBLEMS)


class ReadingShape(BaseModel):
    """One look."""

    number: int = Field(description="dense from 1")
    at: datetime
    reader: str = Field(description="the holder of the API key")
    action: Action
    subject: str | None = Field(description="the identifier or position that was asked for")
    question: str = Field(description="path and query as asked")
    request_id: str


class ReadingsPage(BaseModel):
    """One page of the trail, in order of number."""

    tree_size: int = Field(description="how many readings there were when the first page was asked for")
    readings: list[ReadingShape]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class OwnReadings(BaseModel):
    """One page of the caller's own looks."""

    readings: list[ReadingShape]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class ReadingTree(BaseModel):
    """The trail's own tree (RFC 6962), root in base64."""

    tree_size: int
    root_hash: str


class ReadingProof(ReadingTree):
    """Proof that a reading is in the tree; hashes in base64, from the leaf's side up (RFC 6962 section 2.1.1)."""

    reading: ReadingShape
    leaf: str = Field(description="the bytes that the leaf hash is over: canonical JSON (RFC 8785)")
    leaf_hash: str
    hashes: list[str]


@router.get("", response_model=None, responses={200: {"model": ReadingsPage}}, summary="查阅痕迹 Who looked at what")
@question(
    AUDITING,
    "whole",
    trail=Not("a look at the trail would go on writing what it reads; its head is signed"),
    command=ASK,
    page=Not("for the auditor's own tools, with proofs"),
)
@taken_away(Sheet("readings", ReadingShape))
def list_(
    request: Request,
    clocks: Asked,
    *,
    subject: Annotated[
        str | None,
        Query(
            description="Looks at this organization, or that ask for this identifier.",
            max_length=128,
            examples=["uscc:9151010452601815XG"],
        ),
    ] = None,
    reader: Annotated[str | None, Query(description="By this holder of a key.", max_length=100)] = None,
    action: Annotated[Action | None, Query(description="Of this action.")] = None,
    begin: Annotated[str | None, Query(alias="from", description="At this instant (RFC 3339) or later.")] = None,
    end: Annotated[str | None, Query(alias="to", description="At this instant (RFC 3339) or earlier.")] = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Every look at a dossier, a history, an event or an export, recorded before its answer was sent."""
    del cursor  # the clocks carry it
    readings = parts_of(request).readings
    wanted = Search(
        subject,
        reader,
        action,
        None if begin is None else read_instant("from", begin),
        None if end is None else read_instant("to", end),
    )
    after, size = (int(str(each)) for each in clocks.after) if clocks.after else (0, readings.size())
    found: list[Reading] = readings.search(wanted, after=after, size=size, limit=limit + 1)
    following = None
    if len(found) > limit:
        found = found[:limit]
        following = encode(Cursor(clocks.as_of, clocks.position, (found[-1].number, size)), request)
    return answer({"tree_size": size, "readings": found, "next": following})


@router.get(
    "/mine", response_model=None, responses={200: {"model": OwnReadings}}, summary="我看过什么 What I looked at"
)
@question(SIGNED_IN, "none", trail=Not("the reader's own trail"), command=BY_HTTP)
@taken_away(Sheet("readings", ReadingShape))
def mine(
    request: Request,
    holder: Admitted,
    *,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> Response:
    """The caller's own looks, the newest first."""
    before = None if cursor is None else read_position("cursor", cursor)
    found = parts_of(request).readings.latest(holder.name, limit + 1, before)
    shown = found[:limit]
    return answer({"readings": shown, "next": str(shown[-1].number) if len(found) > limit else None})


@router.get(
    "/tree", response_model=None, responses={200: {"model": ReadingTree}}, summary="查阅痕迹树根 The trail's root"
)
@question(AUDITING, "whole", trail=Not("hashes"), command=BY_HTTP, page=FOR_PROGRAMS, forms=ONE_RECORD)
def tree(request: Request) -> Response:
    """Keep it elsewhere: a trail that is cut or rewritten later has another."""
    size, root = parts_of(request).readings.root()
    return answer({"tree_size": size, "root_hash": encode_hash(root)})


@router.get(
    "/checkpoint",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="查阅痕迹检查点 The signed head of the trail",
)
@question(AUDITING, "whole", trail=Not("hashes"), command=BY_HTTP, page=FOR_PROGRAMS, forms=IS_A_FILE)
def checkpoint(request: Request) -> Response:
    """A signed note (C2SP tlog-checkpoint) of the log's origin with `/readings`, by the log's key under that name.

    Keep it elsewhere: `taizhang verify --checkpoint FILE` at the ledger finds a trail that was cut or rewritten since.
    """
    parts = parts_of(request)
    signer = signer_for(parts.settings.log_key_path, parts.settings.log_origin, READINGS)
    with parts.queries.connection() as connection:
        return PlainTextResponse(signer.checkpoint(connection))


@router.get(
    "/{number}/proof",
    response_model=None,
    responses={200: {"model": ReadingProof}, **NOT_FOUND},
    summary="查阅存在证明 Proof that a reading is in the trail",
)
@question(
    AUDITING,
    "whole",
    trail=Not("a look at the trail would go on writing what it reads; its head is signed"),
    command=BY_HTTP,
    page=FOR_PROGRAMS,
    forms=ONE_RECORD,
)
def proof(
    request: Request,
    number: Annotated[int, Path(ge=1, le=POSITION_MAX, examples=[1])],
    tree_size: Annotated[
        int | None, Query(ge=1, le=POSITION_MAX, description="the tree's size; the whole trail if left out")
    ] = None,
) -> Response:
    """In the tree of the first `tree_size` readings."""
    found = parts_of(request).readings.proof(number, tree_size)
    shown: dict[str, Any] = {
        "tree_size": found.tree_size, "root_hash": encode_hash(found.root_hash), "reading": found.reading,
        "leaf": found.leaf.decode(), "leaf_hash": encode_hash(found.leaf_hash),
        "hashes": [encode_hash(each) for each in found.hashes],
    }  # fmt: skip
    return answer(shown)
