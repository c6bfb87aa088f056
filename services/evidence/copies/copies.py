"""Copies of the log as files: written, and read wherever they lie.

All three hold the same files: `checkpoint`, `key`, `keys` (where the key was ever changed),
`tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]` as in
C2SP tlog-tiles, and `raw/<N>[.p/<W>]` with the events of an entry bundle as received.
"""

import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import httpx

from domain.tree.merkle import TILE_WIDTH
from services.evidence.notes.checkpoint import open_checkpoint
from services.evidence.notes.identity import history
from services.evidence.notes.signing import CheckpointSigner
from services.log.tiles import Tile, tiles_of_level
from services.log.tree import LOG, AnyConnection, raw_bundle, tile_bytes
from services.system.errors import TaizhangError
from services.system.files import locked, write_durably

HTTP_TIMEOUT_S: Final = 60
#: A raw bundle holds at most 256 events of 1 MiB.
FILE_BYTES_MAX: Final = 300 * 2**20
#: What zipfile raises of a file that is cut, mangled, encrypted or of a kind that it does not know.
ZIP_FAULTS: Final = (
    OSError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, KeyError, NotImplementedError,
    RuntimeError, ValueError, OverflowError, struct.error,
)  # fmt: skip


class CopyError(TaizhangError):
    """A copy that cannot be read; nothing is said about whether it is true."""


class LogCopy(Protocol):
    """A copy of a log."""

    def read(self, name: str) -> bytes:
        """One file of the copy; CopyError where it is missing or out of reach."""

    def close(self) -> None:
        """Let go of what it reads from."""


class FolderCopy:
    """A folder that `taizhang export-log` wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes:
        return bounded_read(self._folder / name, FILE_BYTES_MAX, "; export the log again")

    def close(self) -> None:
        """Nothing is held open."""


class ZipCopy:
    """The same folder as a ZIP file."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except ZIP_FAULTS as fault:
            raise CopyError(f"{path} is no ZIP file that can be read: {fault}") from None
        self._path = path
        names = self._zip.namelist()
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            self._zip.close()
            raise CopyError(f"{path} holds {twice} twice: readers differ in which they see, it is refused")

    def read(self, name: str) -> bytes:
        try:
            if self._zip.getinfo(name).file_size > FILE_BYTES_MAX:
                raise CopyError(f"{name} in {self._path} is larger than {FILE_BYTES_MAX} bytes unpacked: it is refused")
            return self._zip.read(name)
        except ZIP_FAULTS as fault:
            raise CopyError(f"{name} cannot be read from {self._path}: {fault}; export the log again") from None

    def close(self) -> None:
        self._zip.close()


class HttpCopy:
    """A running ledger. Raw events need an inspector's API key."""

    def __init__(self, address: str, api_key: str | None) -> None:
        base = f"{address.rstrip('/')}/v1/log/"
        self._client = httpx.Client(base_url=base, headers=_signed_in(api_key), timeout=HTTP_TIMEOUT_S, trust_env=False)

    def read(self, name: str) -> bytes:
        return _read(self._client, name, FILE_BYTES_MAX)

    def close(self) -> None:
        self._client.close()


def bounded_read(path: Path, bytes_max: int, remedy: str = "") -> bytes:
    """A file's bytes; CopyError where it cannot be read, or is larger."""
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as fault:
        raise CopyError(f"{path} cannot be read: {fault.strerror}{remedy}") from None
    if len(data) > bytes_max:
        raise CopyError(f"{path} is larger than {bytes_max} bytes: it is refused")
    return data


def bounded_get(url: str, bytes_max: int, timeout_s: float, api_key: str | None = None) -> bytes:
    """What an address answers; CopyError where it does not, or not within that many bytes."""
    # trust_env: a proxy of the machine's is not meant for a ledger.
    with httpx.Client(headers=_signed_in(api_key), timeout=timeout_s, trust_env=False) as client:
        return _read(client, url, bytes_max)


def _signed_in(api_key: str | None) -> dict[str, str]:
    return {} if api_key is None else {"authorization": f"Bearer {api_key}"}


def _read(client: httpx.Client, url: str, bytes_max: int) -> bytes:
    content = bytearray()
    try:
        with client.stream("GET", url) as answer:
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > bytes_max:
                    raise CopyError(f"{answer.url} answered more than {bytes_max} bytes: it is refused")
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise CopyError(f"{client.base_url}{url} does not answer: {fault}; try again") from None
    if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise CopyError(f"{answer.url} is for inspectors: give an inspector's API key of that service")
    if answer.status_code != HTTPStatus.OK:
        raise CopyError(f"{answer.url} answered {answer.status_code}: {bytes(content[:300]).decode(errors='replace')}")
    return bytes(content)


def open_copy(where: str, api_key: str | None = None) -> LogCopy:
    """The copy at an address, in a folder or in a ZIP file; CopyError where there is none."""
    if where.startswith(("http://", "https://")):
        return HttpCopy(where, api_key)
    path = Path(where)
    try:
        if path.is_dir():
            return FolderCopy(path)
        if path.is_file():
            return ZipCopy(path)
    except (OSError, ValueError) as fault:  # a name that the file system does not take
        raise CopyError(f"{where[:200]} cannot be read: {fault}") from None
    raise CopyError(f"{where} is neither an address, nor a folder, nor a file: name a ledger or a copy of its log")


LEVELS_MAX: Final = 8
# A copy of the log is given on: its files are readable as the folder is.
_FOR_ALL: Final = 0o644


class LogFile(NamedTuple):
    """One file of a copy: its name, the tile that it holds, how its bytes are read, and how many events end with it."""

    name: str
    tile: Tile
    read: Callable[[], bytes]
    events: int = 0


def files_of(connection: AnyConnection, size: int) -> Iterator[LogFile]:
    """The files of a copy of the first `size` events, but for its key and its checkpoint."""
    for level in range(LEVELS_MAX):
        for tile in tiles_of_level(level, size):
            yield LogFile(tile.path(), tile, partial(tile_bytes, connection, tile))
    for tile in tiles_of_level(None, size):
        raw = tile.path().replace("tile/entries/", "raw/")
        yield LogFile(tile.path(), tile, partial(tile_bytes, connection, tile))
        yield LogFile(raw, tile, partial(raw_bundle, connection, tile), tile.width)


def export_log(
    connection: AnyConnection, signer: CheckpointSigner, folder: Path, progress: Callable[[int], None] = lambda _: None
) -> int:
    """Write the log up to its checkpoint of now; return the number of events.

    A folder that holds an earlier export is brought up to date: full tiles never change and are left alone.
    `progress` is called with the number of events done since the last call.
    """
    note = signer.checkpoint(connection, LOG.size(connection))
    checkpoint, _ = open_checkpoint(note, signer.verifier)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        for file in files_of(connection, checkpoint.size):
            _write(folder / file.name, file)
            progress(file.events)
        if (changed := keys_file(connection)) is not None:
            write_durably(folder / "keys", changed, _FOR_ALL)
        write_durably(folder / "key", f"{signer.verifier}\n".encode(), _FOR_ALL)
        # The checkpoint comes last: what it speaks of is there by then.
        write_durably(folder / "checkpoint", note, _FOR_ALL)
    return checkpoint.size


def keys_file(connection: AnyConnection) -> bytes | None:
    """The file `keys`, as GET /v1/log/keys answers; None where the log has signed with one key for ever."""
    found = history(connection)
    return None if found is None or not found.changes else json.dumps(found.json()).encode()


def _write(path: Path, file: LogFile) -> None:
    if file.tile.width == TILE_WIDTH and path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.draft")
    draft.write_bytes(file.read())
    draft.replace(path)
