"""Files that are there whole or not at all, and secrets in files of their own."""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from services.system.errors import TaizhangError


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Within: the one writer of a file or folder, among all threads and processes that ask; others wait for it.

    Whoever changes a file reads it within, and puts the new one in its place by `write_durably`. A file's lock lies
    beside it, since the file itself is replaced; a folder is its own.
    """
    if path.is_dir():
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    else:
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put data in a file's place, replacing what was there in one step."""
    draft = draft_of(path, data, mode)
    draft.replace(path)
    sync_folder(path.parent)


def append_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Add data at a file's end, made where it is not there; on disk when this returns."""
    is_new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync_folder(path.parent)


def create_once(path: Path, data: bytes) -> None:
    """Write a secret into a file of its owner's, whole or not at all; one that is already there is left alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = draft_of(path, data)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    sync_folder(path.parent)


def draft_of(path: Path, data: bytes, mode: int = 0o600) -> Path:
    """A new file beside the path, with the data on disk; the caller moves or removes it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return draft


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


SECRET_BYTES: Final = 32
# Group and others may write it: what it says is then anybody's word.
WRITABLE_BY_OTHERS: Final = 0o022


class SecretFileError(TaizhangError):
    """A secret file that must not be used as it is."""


def load_or_create_secret(path: Path) -> bytes:
    """The secret in a file. Two processes that start at once get the one of the first.

    Raises:
        SecretFileError: the file is open to others, of another length, or cannot be read.
    """
    if not path.exists():
        create_once(path, f"{secrets.token_hex(SECRET_BYTES)}\n".encode())
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(4 * SECRET_BYTES)
    except OSError as error:
        raise SecretFileError(f"{path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise SecretFileError(f"{path} has mode {mode:04o}: a secret is for its owner alone; run chmod 600 on it")
    try:
        secret = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise SecretFileError(f"{path} does not hold {SECRET_BYTES} bytes in hex; restore it from its backup")
    return secret
