"""Signed notes (C2SP signed-note v1) and witness cosignatures (C2SP tlog-cosignature), both with Ed25519.

Keys are written as golang.org/x/mod/sumdb/note writes them: a verifier key as name+ID+base64(type, public key),
a signer key as PRIVATE+KEY+name+ID+base64(type, seed).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.values.ed25519 import is_weak
from services.system.errors import TaizhangError

#: The specification asks for at least 16 signatures; one of 5 kB each still fits.
SIGNATURES_MAX = 64
NOTE_BYTES_MAX = 512 * 1024
TIMESTAMP_MAX = 2**63 - 1

_EM_DASH = "\u2014"
_SKEY_PREFIX = "PRIVATE+KEY+"
_ID_BYTES = 4
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_TIMESTAMP_BYTES = 8


class NoteError(TaizhangError):
    """A note, a key or a signature breaks a rule of the specification, or does not verify."""


class SignatureType(IntEnum):
    """The type byte of a key (C2SP signed-note, signature types)."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who is said to have signed, and the signature's bytes, verified by nobody yet."""

    name: str
    key_id: bytes
    data: bytes

    def line(self) -> str:
        """The line with its newline."""
        return f"{_EM_DASH} {self.name} {_encode(self.key_id + self.data)}\n"

    @property
    def timestamp(self) -> int:
        """POSIX time in seconds that a cosignature states; NoteError where there is none."""
        if len(self.data) != _TIMESTAMP_BYTES + _SIGNATURE_BYTES:
            raise NoteError(f"the signature of {self.name} has {len(self.data)} bytes: a cosignature has 72")
        seconds = int.from_bytes(self.data[:_TIMESTAMP_BYTES], "big")
        if seconds > TIMESTAMP_MAX:
            raise NoteError(f"the cosignature of {self.name} states time {seconds}: the most is 2**63 - 1")
        return seconds


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name, for one type of signature."""

    name: str
    type: SignatureType
    public: bytes

    def __post_init__(self) -> None:
        """Refuse what no line could name."""
        _require_name(self.name)
        if len(self.public) != _KEY_BYTES:
            raise NoteError(f"key {self.name} has {len(self.public)} bytes: an Ed25519 public key has {_KEY_BYTES}")
        if is_weak(self.public):
            raise NoteError(
                f"key {self.name} is a point of small order, under which anything seems signed: ask for another"
            )

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a verifier key; NoteError where it is mangled or its ID is not its own."""
        name, key_id, kind, public = _parse_key(text, "verifier key")
        key = cls(name, kind, public)
        if key.key_id != key_id:
            raise NoteError(f"verifier key {text!r}: its ID is {key.key_id.hex()}: copy the key again, whole")
        return key

    @property
    def key_id(self) -> bytes:
        """SHA-256(name, newline, type, public key), its first 4 bytes."""
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.type]) + self.public).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_encode(bytes([self.type]) + self.public)}"

    def verify(self, text: str, signature: Signature) -> None:
        """Refuse a signature of this key that is not over this text."""
        message, data = text.encode(), signature.data
        if self.type is SignatureType.COSIGNATURE:
            message, data = _cosigned(text, signature.timestamp), data[_TIMESTAMP_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(data, message)
        except (InvalidSignature, ValueError):
            raise NoteError(
                f"the signature of {self.name} ({self.key_id.hex()}) is not over this text: the note was changed, "
                "or signed by another key under that name"
            ) from None


@dataclass(frozen=True, slots=True)
class SignerKey:
    """A private key under a name. Its representation shows the public part only."""

    name: str
    type: SignatureType
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what no line could name."""
        _require_name(self.name)
        if len(self.seed) != _KEY_BYTES:
            raise NoteError(f"signer key {self.name} has {len(self.seed)} bytes: an Ed25519 seed has {_KEY_BYTES}")

    @classmethod
    def generate(cls, name: str, kind: SignatureType) -> SignerKey:
        """A new key from the system's randomness."""
        return cls(name, kind, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> SignerKey:
        """Read a signer key; the message of a NoteError never holds it."""
        if not text.startswith(_SKEY_PREFIX):
            raise NoteError(f"a signer key starts with {_SKEY_PREFIX}: this text does not")
        name, key_id, kind, seed = _parse_key(text.removeprefix(_SKEY_PREFIX), "signer key", secret=True)
        key = cls(name, kind, seed)
        if key.verifier.key_id != key_id:
            raise NoteError(f"signer key of {name}: its ID is not its own: restore the key file from its backup")
        return key

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return VerifierKey(self.name, self.type, public)

    def secret_text(self) -> str:
        """The key as a key file holds it."""
        return f"{_SKEY_PREFIX}{self.name}+{self.verifier.key_id.hex()}+{_encode(bytes([self.type]) + self.seed)}"

    def sign(self, text: str, timestamp: int | None = None) -> Signature:
        """Sign a note's text; a cosignature states a POSIX time in seconds besides."""
        _require_text(text)
        private, prefix = Ed25519PrivateKey.from_private_bytes(self.seed), b""
        if self.type is SignatureType.COSIGNATURE:
            if timestamp is None or not 0 <= timestamp <= TIMESTAMP_MAX:
                raise NoteError(f"cosignature time {timestamp} is out of range: it must be 0 to 2**63 - 1 seconds")
            prefix, message = timestamp.to_bytes(_TIMESTAMP_BYTES, "big"), _cosigned(text, timestamp)
        else:
            message = text.encode()
        return Signature(self.name, self.verifier.key_id, prefix + private.sign(message))


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends in a newline, and its signature lines."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """Read a signed note; NoteError names the line that is mangled. Nothing is verified yet."""
        if len(data) > NOTE_BYTES_MAX:
            raise NoteError(f"the note has {len(data)} bytes: the most is {NOTE_BYTES_MAX}")
        try:
            whole = data.decode()
        except UnicodeDecodeError as fault:
            raise NoteError(f"the note is not UTF-8 at byte {fault.start}: copy it again, as bytes") from None
        body, blank, tail = whole.rpartition("\n\n")
        if not blank or not tail.endswith("\n"):
            raise NoteError("a note is a text, an empty line and signature lines, each ending in a newline")
        _require_text(body + "\n")
        lines = tail.removesuffix("\n").split("\n")
        if len(lines) > SIGNATURES_MAX:
            raise NoteError(f"the note has {len(lines)} signatures: the most is {SIGNATURES_MAX}")
        return cls(body + "\n", tuple(parse_signature(line) for line in lines))

    def to_bytes(self) -> bytes:
        """The note as it is kept and sent."""
        _require_text(self.text)
        return (self.text + "\n" + "".join(signature.line() for signature in self.signatures)).encode()

    def verified_by(self, keys: Iterable[VerifierKey]) -> list[tuple[VerifierKey, Signature]]:
        """The trusted keys that signed, in the note's order, each once.

        Signatures of unknown keys are left aside; NoteError where one of a trusted key does not verify,
        and where none is of a trusted key.
        """
        trusted = {(key.name, key.key_id): key for key in keys}
        found: dict[VerifierKey, Signature] = {}
        for signature in self.signatures:
            key = trusted.get((signature.name, signature.key_id))
            if key is not None:
                key.verify(self.text, signature)
                found.setdefault(key, signature)
        if not found:
            names = ", ".join(key.name for key in trusted.values()) or "no key at all"
            raise NoteError(f"no signature is of a trusted key (trusted: {names}): check origin and key of the log")
        return list(found.items())


def parse_signature(line: str) -> Signature:
    """Read one signature line, given without its newline."""
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != _EM_DASH:
        raise NoteError(f"{line!r} is no signature line: it is an em dash, a key name and base64, a space between")
    _, name, encoded = parts
    _require_name(name)
    data = _decode(encoded, f"the signature of {name}")
    if len(data) <= _ID_BYTES:
        raise NoteError(f"the signature of {name} has {len(data)} bytes: it is a key ID of 4 and a signature")
    return Signature(name, data[:_ID_BYTES], data[_ID_BYTES:])


def _cosigned(text: str, timestamp: int) -> bytes:
    """Message of an Ed25519 cosignature (C2SP tlog-cosignature, Ed25519 signed message)."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def _parse_key(text: str, what: str, *, secret: bool = False) -> tuple[str, bytes, SignatureType, bytes]:
    shown = what if secret else f"{what} {text!r}"
    parts = text.split("+", 2)
    if len(parts) != 3 or len(parts[1]) != 2 * _ID_BYTES or parts[1] != parts[1].lower():
        raise NoteError(f"{shown} is not name+ID+key with an ID of 8 lower-case hex digits: copy it again, whole")
    try:
        key_id = bytes.fromhex(parts[1])
    except ValueError:
        raise NoteError(f"{shown}: its ID is not hex: copy it again, whole") from None
    data = _decode(parts[2], what if secret else shown)
    if data[:1] not in {b"\x01", b"\x04"}:
        raise NoteError(f"{shown} is of another type: taken are 0x01, Ed25519, and 0x04, Ed25519 cosignature")
    return parts[0], key_id, SignatureType(data[0]), data[1:]


def _require_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        raise NoteError(f"key name {name!r} is empty or holds a space, a plus or a control character")


def _require_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteError("a note's text ends in a newline: this one does not")
    for character in text:
        if character < " " and character != "\n":
            raise NoteError(f"the note holds control character {character!r}: only newlines are allowed")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str, what: str) -> bytes:
    """Standard base64 in its one canonical form (RFC 4648 section 4)."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or _encode(data) != text:
        raise NoteError(f"{what} is not canonical base64: copy it again, whole")
    return data


def begins_with(path: Path, line: str) -> bool:
    """Whether a file's first line is this one, by which a form is known."""
    try:
        with path.open("rb") as file:
            return file.read(len(line) + 1) == line.encode() + b"\n"
    except OSError:
        return False
