"""The transparency log: checkpoint, tiles, entries and proofs (C2SP tlog-checkpoint and tlog-tiles, RFC 6962)."""

import gzip
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from api.asking.questions import FOR_PROGRAMS, INSPECTING, IS_A_FILE, open_to_anyone, question
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import Problem
from domain.events.evidence import Because
from domain.tree.merkle import TREE_SIZE_MAX
from services.evidence.notes.checkpoint import encode_hash
from services.evidence.notes.identity import history
from services.evidence.notes.signing import CheckpointSigner, signer_for
from services.log import tree
from services.log.tiles import Tile
from services.log.tree import AnyConnection

router = APIRouter(prefix="/v1/log", tags=["log"])

FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable"}
FOR_MOMENTS: Final = {"cache-control": "public, max-age=1"}
#: Raw events are for those who may read them, and for no shared cache.
FOR_THE_READER: Final = {"cache-control": "private, max-age=31536000, immutable"}
_TEXT: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
_BYTES: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/octet-stream": {}}}}

T = TypeVar("T")


class InclusionProof(BaseModel):
    """Proof that an event is in the tree; hashes in base64, from the leaf's side up (RFC 6962 section 2.1.1)."""

    position: int
    tree_size: int
    leaf_hash: str
    root_hash: str
    hashes: list[str]


class ConsistencyProof(BaseModel):
    """Proof that the newer tree extends the older; hashes in base64 (RFC 6962 section 2.1.2)."""

    old_size: int
    new_size: int
    hashes: list[str] = Field(description="empty from size 0, and between equal sizes")


class ChangeOfKey(BaseModel):
    """One change of the log's key, signed as C2SP signed-note has it."""

    epoch: int = Field(description="of the new key; that of the first is 1")
    because: Because = Field(description="rotated: the old key signs it too; else nobody follows it by itself")
    old_key: str
    new_key: str
    size: int = Field(description="the old key signs no tree of more events")
    root_hash: str = Field(description="of the tree of that size, in hex")
    signatures: list[str]


class KeysOfLog(BaseModel):
    """The keys of a log."""

    first: str
    changes: list[ChangeOfKey]


def signer(request: Request) -> CheckpointSigner:
    """Who signs for this service."""
    settings = parts_of(request).settings
    return signer_for(settings.log_key_path, settings.log_origin)


async def _read(request: Request, work: Callable[[AnyConnection], T]) -> T:
    """Run `work` on a connection, outside the event loop."""

    def run() -> T:
        with parts_of(request).recorder.datastore.get_connection() as connection:
            return work(connection)

    return await run_in_threadpool(run)


async def _bytes(
    request: Request, read: Callable[[AnyConnection, Tile], bytes], path: str, headers: dict[str, str]
) -> Response:
    """What `read` gives of the tile at a path of C2SP tlog-tiles."""
    wanted = Tile.parse(path)
    data = await _read(request, lambda connection: read(connection, wanted))
    return Response(data, headers=headers, media_type="application/octet-stream")


@router.get(
    "/checkpoint",
    response_class=Response,
    responses={**_TEXT, 503: PROBLEMS[503]},
    summary="检查点 The signed head of the log",
)
@open_to_anyone("hashes and signatures, which anyone may check")
async def checkpoint(request: Request) -> Response:
    """A signed note of origin, tree size and root hash (C2SP tlog-checkpoint); at most a second old.

    With the cosignatures of witnesses, as soon as they have signed this very head.
    """
    note = await _read(request, signer(request).checkpoint)
    return PlainTextResponse(note, headers=FOR_MOMENTS)


@router.get(
    "/checkpoint/cosigned",
    response_class=Response,
    responses={**_TEXT, **NOT_FOUND},
    summary="见证检查点 The last head that witnesses have signed",
)
@open_to_anyone("hashes and signatures, which anyone may check")
async def cosigned(request: Request) -> Response:
    """The last checkpoint with cosignatures (C2SP tlog-cosignature); where it is the head, /checkpoint is the same."""
    note = await run_in_threadpool(signer(request).cosigned)
    if note is None:
        raise Problem("not-found", "no witness has signed yet: name witnesses in TAIZHANG_WITNESSES")
    return PlainTextResponse(note, headers=FOR_MOMENTS)


@router.get("/key", response_class=Response, responses=_TEXT, summary="公钥 The log's public key")
@open_to_anyone("hashes and signatures, which anyone may check", "log-key")
async def key(request: Request) -> Response:
    """As a verifier key (C2SP signed-note). Compare it with the one that the operator made known elsewhere."""
    found = await _read(request, signer(request).key)
    return PlainTextResponse(f"{found.verifier}\n", headers=FOR_MOMENTS)


@router.get(
    "/keys",
    response_model=None,
    responses={200: {"model": KeysOfLog}, **NOT_FOUND},
    summary="历任公钥 Every key that the log has signed with",
)
@open_to_anyone("hashes and signatures, which anyone may check", "log-key")
async def keys(request: Request) -> Response:
    """The first key, and each change with its signatures: a rotation is signed by the old key and the new one.

    Whoever knows one of the keys follows rotations from there: `taizhang verify --log-key OLD --key-history FILE`.
    """
    found = await _read(request, history)
    if found is None:
        raise Problem("not-found", "nothing has been signed of this log yet: ask again")
    return answer(found.json(), headers=FOR_MOMENTS)


@router.get(
    "/tile/{path:path}",
    response_class=Response,
    responses={**_BYTES, 400: PROBLEMS[400], **NOT_FOUND, 503: PROBLEMS[503]},
    summary="哈希块 A tile of hashes, or a bundle of entries",
)
@open_to_anyone("hashes and signatures, which anyone may check")
async def tile(
    request: Request,
    path: Annotated[str, Path(description="`<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`", examples=["0/000"])],
) -> Response:
    """256 hashes of 32 bytes each, or entries behind their lengths (C2SP tlog-tiles). It never changes.

    Entries are packed with gzip for whoever takes that; hashes do not grow smaller by it.
    """
    answered = await _bytes(request, tree.tile_bytes, f"tile/{path}", FOR_EVER)
    if Tile.parse(f"tile/{path}").level is None:
        answered.headers["vary"] = "accept-encoding"
        if takes_gzip(request.headers.get("accept-encoding", "")):
            packed = await run_in_threadpool(gzip.compress, bytes(answered.body), mtime=0)
            headers = {**FOR_EVER, "vary": "accept-encoding", "content-encoding": "gzip"}
            return Response(packed, headers=headers, media_type="application/octet-stream")
    return answered


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding (RFC 9110, 12.5.3) names gzip, with a weight that is not zero."""
    for each in accepted.lower().split(","):
        name, *parameters = (part.strip() for part in each.split(";"))
        weights = [part.removeprefix("q=").strip("0.") for part in parameters if part.startswith("q=")]
        if name in {"gzip", "x-gzip"}:
            return "" not in weights
    return False


@router.get(
    "/raw/{path:path}",
    response_class=Response,
    responses={**_BYTES, **PROBLEMS, **NOT_FOUND},
    summary="原文块 The events of a bundle, as received",
)
@question(INSPECTING, "whole", trail="raw_events", command="export-log", page=FOR_PROGRAMS, forms=IS_A_FILE)
async def raw(
    request: Request,
    path: Annotated[str, Path(description="`<N>[.p/<W>]`, as of an entry bundle", examples=["000"])],
) -> Response:
    """The raw bytes that the leaves have the SHA-256 of, each behind its length in 4 bytes, big-endian."""
    return await _bytes(request, tree.raw_bundle, f"tile/entries/{path}", FOR_THE_READER)


@router.get(
    "/proof/inclusion",
    response_model=None,
    responses={200: {"model": InclusionProof}, 400: PROBLEMS[400], **NOT_FOUND, 503: PROBLEMS[503]},
    summary="存在证明 Proof that an event is in the log",
)
@open_to_anyone("hashes and signatures, which anyone may check")
async def inclusion(
    request: Request,
    position: Annotated[int, Query(ge=1, le=TREE_SIZE_MAX, examples=[1])],
    tree_size: Annotated[
        int | None, Query(ge=0, le=TREE_SIZE_MAX, description="the tree's size; the whole log if left out")
    ] = None,
) -> Response:
    """For the event at `position`, which is leaf `position` - 1 of the tree."""

    def work(connection: AnyConnection) -> dict[str, Any]:
        size = tree.LOG.size(connection) if tree_size is None else tree_size
        proof = tree.LOG.inclusion_proof(connection, position, size)
        (leaf,) = tree.LOG.hashes_at(connection, 0, position - 1, 1)
        return {
            "position": position,
            "tree_size": size,
            "leaf_hash": encode_hash(leaf),
            "root_hash": encode_hash(tree.LOG.root_at(connection, size)),
            "hashes": [encode_hash(value) for value in proof],
        }

    found = await _read(request, work)
    return answer(found, headers=FOR_MOMENTS if tree_size is None else FOR_EVER)


@router.get(
    "/proof/consistency",
    response_model=None,
    responses={200: {"model": ConsistencyProof}, 400: PROBLEMS[400], **NOT_FOUND, 503: PROBLEMS[503]},
    summary="一致性证明 Proof that the log only grew",
)
@open_to_anyone("hashes and signatures, which anyone may check")
async def consistency(
    request: Request,
    old_size: Annotated[int, Query(ge=0, le=TREE_SIZE_MAX, examples=[1])],
    new_size: Annotated[int, Query(ge=0, le=TREE_SIZE_MAX, examples=[2])],
) -> Response:
    """From the tree of `old_size` events to that of `new_size`."""
    proof = await _read(request, lambda connection: tree.LOG.consistency_proof(connection, old_size, new_size))
    found = {"old_size": old_size, "new_size": new_size, "hashes": [encode_hash(value) for value in proof]}
    return answer(found, headers=FOR_EVER)
