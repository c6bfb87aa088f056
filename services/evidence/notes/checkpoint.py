"""Checkpoints of the transparency log (C2SP tlog-checkpoint): a signed note of origin, tree size and root hash."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from domain.tree.merkle import HASH_BYTES, TREE_SIZE_MAX
from services.evidence.notes.notes import Note, NoteError, SignerKey, VerifierKey

#: Decimal in its one form.
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a tree: whose it is, its number of leaves and its root hash (32 bytes)."""

    origin: str
    size: int
    root_hash: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text; NoteError names the line that is wrong."""
        lines = text.removesuffix("\n").split("\n")
        if not text.endswith("\n") or len(lines) < 3 or "" in lines:
            raise NoteError("a checkpoint is three non-empty lines: origin, tree size, root hash")
        origin, size, encoded, *extensions = lines
        return cls(origin, parse_size(size), parse_hash(encoded), tuple(extensions))

    def text(self) -> str:
        """The note's text."""
        return "\n".join((self.origin, str(self.size), encode_hash(self.root_hash), *self.extensions)) + "\n"

    def sign(self, key: SignerKey) -> bytes:
        """The signed note. The key's name is the origin."""
        text = self.text()
        return Note(text, (key.sign(text),)).to_bytes()


def parse_size(text: str) -> int:
    """Tree size in decimal, with no leading zero."""
    if not _SIZE.fullmatch(text) or int(text) > TREE_SIZE_MAX:
        raise NoteError(f"tree size {text!r} is not a decimal number from 0 to {TREE_SIZE_MAX} without leading zeroes")
    return int(text)


def encode_hash(value: bytes) -> str:
    """A hash in base64, as parse_hash reads it."""
    return base64.b64encode(value).decode()


def parse_hash(text: str) -> bytes:
    """A hash in canonical base64 (RFC 4648 section 4)."""
    try:
        value = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != HASH_BYTES or encode_hash(value) != text:
        raise NoteError(f"hash {text!r} is not the canonical base64 of {HASH_BYTES} bytes")
    return value


def open_checkpoint(data: bytes, log_key: VerifierKey) -> tuple[Checkpoint, Note]:
    """Read a signed checkpoint; NoteError unless the log's key signed it and the origin is the key's name."""
    note = Note.parse(data)
    note.verified_by([log_key])
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != log_key.name:
        raise NoteError(f"the checkpoint is of {checkpoint.origin!r}, but the key is of {log_key.name!r}")
    return checkpoint, note
