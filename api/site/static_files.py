"""The pages' own style, script and icon, each under an address that changes with its content."""

import hashlib
from importlib import resources
from typing import Final, NamedTuple

from fastapi import APIRouter
from starlette.responses import Response

from api.asking.questions import open_to_anyone
from services.system.errors import NotFoundError

_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_YEAR_S: Final = 31_536_000


class _File(NamedTuple):
    content: bytes
    version: str
    media_type: str


def _read() -> dict[str, _File]:
    found = {}
    for file in (resources.files("api.site") / "static").iterdir():
        content, ending = file.read_bytes(), file.name[file.name.rfind(".") :]
        if ending in _TYPES:
            found[file.name] = _File(content, hashlib.sha256(content).hexdigest()[:12], _TYPES[ending])
    return found


_FILES: Final = _read()

router = APIRouter(tags=["pages"])


def static(name: str) -> str:
    """The address of a file."""
    return f"/static/{_FILES[name].version}/{name}"


def content(name: str) -> bytes:
    """What a file holds, for what is served under an address of its own."""
    return _FILES[name].content


@router.get("/static/{version}/{name}", response_model=None)
@open_to_anyone("style and script of the pages")
def get(version: str, name: str) -> Response:
    """A file; browsers may keep it for as long as they like, since its address names its content. Open to anyone."""
    file = _FILES.get(name)
    if file is None or file.version != version:
        raise NotFoundError(f"no file {name} of version {version}; reload the page that named it")
    cache = f"public, max-age={_YEAR_S}, immutable"
    return Response(file.content, media_type=file.media_type, headers={"cache-control": cache})
