"""A proof that an entry is in a log, as one small text file (C2SP tlog-proof)."""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from services.evidence.notes.checkpoint import encode_hash, parse_hash, parse_size
from services.evidence.notes.notes import NOTE_BYTES_MAX, NoteError

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
SUFFIX: Final = ".tlog-proof"
#: A tree of 2**63 leaves has no longer path.
HASHES_MAX: Final = 63
BYTES_MAX: Final = NOTE_BYTES_MAX + 256 * 1024


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Nothing of it is checked.

    Attributes:
        index: of the entry, from 0.
        hashes: of inclusion, from the leaf's side up.
        note: the checkpoint with its signatures.
        extra: what the entry can be made from; nothing vouches for it but that the leaf made from it is in the tree.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: bytes
    extra: bytes | None = None

    @classmethod
    def parse(cls, data: bytes) -> "TlogProof":
        """Read a file; NoteError names what is wrong with it."""
        if len(data) > BYTES_MAX:
            raise NoteError(f"a tlog-proof of {len(data)} bytes: at most {BYTES_MAX} are read")
        head, gap, note = data.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise NoteError("the lines of a tlog-proof before its checkpoint are ASCII") from None
        if first != FIRST_LINE or not gap or not lines:
            raise NoteError(f"a tlog-proof is a line {FIRST_LINE}, index, hashes, an empty line and a checkpoint")
        extra = _extra(lines.pop(0)) if lines[0].startswith("extra ") else None
        if not lines or not lines[0].startswith("index "):
            raise NoteError("a tlog-proof names its index in a line `index N`")
        if len(lines) - 1 > HASHES_MAX:
            raise NoteError(f"a tlog-proof of {len(lines) - 1} hashes: at most {HASHES_MAX} lead to a root")
        index = parse_size(lines[0].removeprefix("index "))
        return cls(index, tuple(parse_hash(line) for line in lines[1:]), note, extra)

    def to_bytes(self) -> bytes:
        """The file."""
        extra = [] if self.extra is None else [f"extra {base64.b64encode(self.extra).decode()}"]
        lines = [FIRST_LINE, *extra, f"index {self.index}", *map(encode_hash, self.hashes)]
        return ("\n".join(lines) + "\n\n").encode() + self.note


def _extra(line: str) -> bytes:
    text = line.removeprefix("extra ")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if base64.b64encode(data).decode() != text:
        raise NoteError("the extra line of a tlog-proof is canonical base64 (RFC 4648, section 4)")
    return data
