"""API keys for machines: a JSON file of names, roles, sources and hashes, never of keys.

A key is `tz_` and 256 random bits, so its plain SHA-256 tells nothing about it and needs no slow hash.
"""

import hashlib
import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.errors import TaizhangError

Role = Literal["publisher", "steward", "inspector", "assessment", "operator", "auditor"]
ROLES: Final[frozenset[Role]] = frozenset(get_args(Role))
_KEY_BYTES: Final = 32


class ApiKeysError(TaizhangError):
    """The file of API keys cannot be used."""


class ApiKey(BaseModel):
    """Who may call: the holder's name, roles, and the sources that it may publish (None: any)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._-]+$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    roles: frozenset[Role]
    sources: tuple[str, ...] | None = None


_KEYS: Final = TypeAdapter(list[ApiKey])

# What `serve --dev` takes every caller for.
DEVELOPER: Final = ApiKey(name="dev", sha256="0" * 64, roles=ROLES)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def read_keys(path: Path) -> dict[str, ApiKey]:
    """The keys of a file by their SHA-256 in hex; none where there is no file.

    Raises:
        ApiKeysError: the file is not such a list.
    """
    try:
        keys = _KEYS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise ApiKeysError(f"{path}: not a file of API keys ({detail}); `taizhang api-key` writes one") from None
    return {key.sha256: key for key in keys}


class Keyring:
    """The keys of a file, read again when the file changes, so that keys come and go without a restart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[str, ApiKey] = {}

    def holder(self, key: str) -> ApiKey | None:
        """Whose key this is; None if nobody's."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._keys, self._stamp = read_keys(self._path), stamp
        return self._keys.get(_digest(key))


def add_key(path: Path, name: str, roles: frozenset[str], sources: tuple[str, ...] | None) -> str:
    """Make a key and add its hash to the file, made if missing; return the key, which nobody can read again.

    Raises:
        ApiKeysError: the file or the name cannot be used.
    """
    key = f"tz_{secrets.token_urlsafe(_KEY_BYTES)}"
    keys = list(read_keys(path).values())
    try:
        given = {"name": name, "sha256": _digest(key), "roles": roles, "sources": sources}
        keys.append(ApiKey.model_validate(given))
    except ValidationError as error:
        fault = error.errors()[0]
        raise ApiKeysError(f"{fault['loc'][0]} {fault['input']!r}: {fault['msg']}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([_plain(each) for each in keys], ensure_ascii=False, indent=1)
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{text}\n")
    Path(draft).replace(path)
    return key


def _plain(key: ApiKey) -> dict[str, object]:
    return key.model_dump(mode="json") | {"roles": sorted(key.roles)}
