"""Private keys in files of their own, for their owner alone."""

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

from services.evidence.notes.notes import NoteError, SignatureType, SignerKey
from services.system.errors import TaizhangError
from services.system.files import create_once

WITNESS_KEY_NAME: Final = "witness.key"
_KEY_FILE_BYTES_MAX: Final = 4096
#: A host, a port perhaps, and a path perhaps; no scheme, white space or plus.
_ADDRESS: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~%!$&'()*,;=:@-]+)*")


class KeyFileError(TaizhangError):
    """A key file that must not be used as it is."""


def load_or_create_key(path: Path, kind: SignatureType, name: str | None) -> SignerKey:
    """The key in a file, made anew under the name where there is no file.

    The name is the log's origin (TAIZHANG_LOG_ORIGIN) or the witness's, of a new key an address without a scheme
    (C2SP tlog-checkpoint); without one, a new key gets a random path of this machine's own address, and an old key
    keeps its name. KeyFileError where the file is open to others or holds another name's key.
    Safe when two processes start at once: both get the key of the one that was first.
    """
    if not path.exists():
        if name is not None and not _ADDRESS.fullmatch(name):
            raise KeyFileError(
                f"{name!r} is no name for a new key: give an address without a scheme, as ledger.example/log, in "
                "TAIZHANG_LOG_ORIGIN or --name"
            )
        made = SignerKey.generate(name or f"localhost/taizhang/{secrets.token_hex(8)}", kind)
        create_once(path, made.secret_text().encode() + b"\n")
    key = load_key(path)
    if key.type is not kind:
        raise KeyFileError(
            f"{path} holds a key for {key.type.name.lower()}, not for {kind.name.lower()}: name another file"
        )
    if name is not None and key.name != name:
        raise KeyFileError(
            f"{path} holds the key of {key.name!r}, not of {name!r}: a log keeps its origin for ever; "
            "set the origin back"
        )
    return key


def load_key(path: Path) -> SignerKey:
    """The key in a file; KeyFileError where it is missing, mangled, or open to anyone but its owner."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise KeyFileError(
                    f"{path} has mode {mode:04o}: a private key is for its owner alone; run chmod 600 on it, "
                    "and make a new key if others could read this one"
                )
            text = file.read(_KEY_FILE_BYTES_MAX + 1)
    except OSError as fault:
        raise KeyFileError(f"{path} cannot be read: {fault.strerror}") from fault
    try:
        return SignerKey.parse(text.decode().removesuffix("\n"))
    except (NoteError, UnicodeDecodeError) as fault:
        raise KeyFileError(f"{path} does not hold a signer key: {fault}; restore it from its backup") from None
