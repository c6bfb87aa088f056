"""The keys of a service in one file that a passphrase opens: scrypt (RFC 7914) and ChaCha20-Poly1305 (RFC 8439).

The file is the line `taizhang-keys-1`, 16 bytes of salt, 12 of nonce, and what is sealed: JSON of names and base64.
"""

import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from services.system.errors import TaizhangError
from services.system.files import write_durably
from services.system.settings import Settings

HEADER: Final = b"taizhang-keys-1\n"
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
PASSPHRASE_MIN: Final = 12
FILE_BYTES_MAX: Final = 16 << 20
# 128 MiB and some tenths of a second for each guess.
_N, _R, _P = 2**17, 8, 1
_SKIPPED: Final = (".lock",)


class SealedError(TaizhangError):
    """A file of keys that cannot be opened, or keys that cannot be put back."""


def places(settings: Settings) -> dict[str, Path]:
    """The folders of keys by the name that a file's name begins with, and the single files."""
    return {"keys": settings.data / "keys", "log": settings.log_key_path, "api-keys.json": settings.api_keys_path}


def collect(settings: Settings) -> dict[str, bytes]:
    """Every key that the service has, with the last checkpoints beside the log's: by name, the bytes."""
    return dict(_files(settings))


def _files(settings: Settings) -> Iterator[tuple[str, bytes]]:
    folder, log_key, api_keys = places(settings).values()
    found = [(f"keys/{each.name}", each) for each in sorted(folder.glob("*"))] if folder.is_dir() else []
    if log_key.parent != folder and log_key.parent.is_dir():
        found += [(f"log/{each.name}", each) for each in sorted(log_key.parent.glob(f"{log_key.name}*"))]
    found.append(("api-keys.json", api_keys))
    for name, path in found:
        if path.is_file() and not path.name.endswith(_SKIPPED):
            yield name, path.read_bytes()


def missing(keys: dict[str, bytes], settings: Settings) -> list[str]:
    """What a service cannot go on without as the one that it was, and is not among the keys."""
    log = settings.log_key_path
    prefix = "keys" if log.parent == settings.data / "keys" else "log"
    needed = {f"{prefix}/{log.name}": "the log's signing key", "keys/persons.key": "the key of pseudonyms"}
    return [f"{name} ({what})" for name, what in needed.items() if name not in keys]


def in_place(keys: dict[str, bytes], settings: Settings) -> dict[Path, bytes]:
    """The keys by the file that the settings have for each.

    Raises:
        SealedError: another key stands where one belongs.
    """
    folder, log_key, api_keys = places(settings).values()
    targets = dict[Path, bytes]()
    for name, data in keys.items():
        first, _, rest = name.partition("/")
        if Path(rest).name != rest:
            raise SealedError(f"the file of keys holds {name!r}, which is no name of a key: it is refused")
        path = api_keys if not rest else log_key.parent / rest if first == "log" else folder / rest
        targets[path] = data
    for path, data in targets.items():
        if path.suffix == ".key" and path.exists() and path.read_bytes() != data:
            raise SealedError(
                f"{path} holds another key than the backup: move it away if the backup's is to be used, or name "
                "another folder with --data"
            )
    return targets


def put_back(keys: dict[str, bytes], settings: Settings) -> int:
    """Write the keys where the settings have them; how many.

    Raises:
        SealedError: another key stands where one belongs; nothing is written.
    """
    targets = in_place(keys, settings)
    for path, data in targets.items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(path, data)
    return len(targets)


def seal(path: Path, keys: dict[str, bytes], passphrase: str) -> None:
    """Write the keys into a file that this passphrase opens.

    Raises:
        SealedError: the passphrase is too short.
    """
    if len(passphrase) < PASSPHRASE_MIN:
        raise SealedError(f"the passphrase is shorter than {PASSPHRASE_MIN} characters: take a longer one")
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    text = json.dumps({name: base64.b64encode(data).decode() for name, data in keys.items()}).encode()
    head = HEADER + salt + nonce
    write_durably(path, head + _cipher(passphrase, salt).encrypt(nonce, text, head))


def unseal(path: Path, passphrase: str) -> dict[str, bytes]:
    """The keys in a file.

    Raises:
        SealedError: the passphrase does not open it, or it is none of ours.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise SealedError(f"the keys {path} cannot be read: {error.strerror}; name them with --keys") from None
    begin = len(HEADER) + SALT_BYTES + NONCE_BYTES
    if not data.startswith(HEADER) or len(data) < begin:
        raise SealedError(f"{path} is no file of keys that `taizhang backup` wrote")
    head, salt, nonce = data[:begin], data[len(HEADER) : -NONCE_BYTES][:SALT_BYTES], data[begin - NONCE_BYTES : begin]
    try:
        text = _cipher(passphrase, salt).decrypt(nonce, data[begin:], head)
    except InvalidTag:
        raise SealedError(f"the passphrase does not open {path}, or the file was changed") from None
    return {name: base64.b64decode(value) for name, value in json.loads(text).items()}


def _cipher(passphrase: str, salt: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(Scrypt(salt=salt, length=32, n=_N, r=_R, p=_P).derive(passphrase.encode()))
