"""API keys in a file: names, roles, sources, regions, last days and hashes, never keys.

The file serves to begin with, and where the log cannot be asked; further keys are granted through it, as events
(services/access/grants.py). A key is `tz_` and 256 random bits, so its plain SHA-256 tells nothing
about it and needs no slow hash.
"""

import hashlib
import json
import secrets
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.access.rights import Right
from domain.events.access import TypeName
from domain.values.fields import RegionCode
from domain.values.scope import scope_of
from services.access.callers import Holder, Role, held
from services.system.errors import TaizhangError
from services.system.files import WRITABLE_BY_OTHERS, locked, write_durably
from services.system.settings import SHANGHAI

_KEY_BYTES: Final = 32


class ApiKeysError(TaizhangError):
    """The file of API keys cannot be used."""


class ApiKey(BaseModel):
    """Who may call: the holder's name, roles, sources and types (None: any), regions (None: all), last day (None)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._-]+$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    roles: frozenset[Role]
    sources: tuple[str, ...] | None = None
    types: tuple[TypeName, ...] | None = None
    regions: tuple[RegionCode, ...] | None = None
    until: date | None = None

    @property
    def holder(self) -> Holder:
        """Whoever sends the key."""
        sources, types = (None if each is None else frozenset(each) for each in (self.sources, self.types))
        return held(self.name, Right(self.roles, sources, types, scope_of(self.regions)))


_KEYS: Final = TypeAdapter(list[ApiKey])


def new_key() -> str:
    """A key that was never given to anyone."""
    return f"tz_{secrets.token_urlsafe(_KEY_BYTES)}"


def digest(key: str) -> str:
    """The SHA-256 of a key, in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def read_keys(path: Path) -> dict[str, ApiKey]:
    """The keys of a file by their SHA-256 in hex; none where there is no file.

    Raises:
        ApiKeysError: the file is not such a list.
    """
    try:
        if path.stat().st_mode & WRITABLE_BY_OTHERS:
            raise ApiKeysError(f"{path} can be written by others, who could let anybody in; run chmod 600 on it")
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

    def holder(self, key: str) -> Holder | None:
        """Whose key this is; None if nobody's, or no longer."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._keys, self._stamp = read_keys(self._path), stamp
        found = self._keys.get(digest(key))
        if found is None or (found.until is not None and found.until < datetime.now(UTC).astimezone(SHANGHAI).date()):
            return None
        return found.holder


def add_key(  # noqa: PLR0917 - a key's own fields
    path: Path,
    name: str,
    roles: frozenset[str],
    sources: tuple[str, ...] | None,
    regions: tuple[str, ...] | None = None,
    until: date | None = None,
    types: tuple[str, ...] | None = None,
) -> str:
    """Make a key and add its hash to the file, made if missing; return the key, which nobody can read again.

    Raises:
        ApiKeysError: the file or the name cannot be used.
    """
    key = new_key()
    try:
        given = {"name": name, "sha256": digest(key), "roles": roles, "sources": sources,
                 "regions": regions, "until": until, "types": types}  # fmt: skip
        added = ApiKey.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ApiKeysError(f"{fault['loc'][0]} {fault['input']!r}: {fault['msg']}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        keys = [*read_keys(path).values(), added]
        text = json.dumps([_plain(each) for each in keys], ensure_ascii=False, indent=1)
        write_durably(path, f"{text}\n".encode())
    return key


def _plain(key: ApiKey) -> dict[str, object]:
    return key.model_dump(mode="json") | {"roles": sorted(key.roles)}
