"""Secrets of 32 random bytes in files of their own, made where they are missing, for their owner alone."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from services.system.errors import TaizhangError
from services.system.files import create_once

SECRET_BYTES: Final = 32


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
