"""What a mirror signs of the roots that a log states, and what it says of those that it refuses: signed notes.

Both are signed by the mirror's cosignature key, with the time. Neither is a checkpoint, whose second line is a number.
Byte by byte: services/evidence/evidence-format.md.
"""

from datetime import date
from typing import Final, NamedTuple

from domain.tree.merkle import leaf_hash
from services.evidence.notes.checkpoint import encode_hash
from services.evidence.notes.notes import Note, NoteError, SignerKey, VerifierKey

_ROOTS: Final = "taizhang/roots@v1"
_REFUSAL: Final = "taizhang/refusal@v1"
REASON_LENGTH_MAX: Final = 1_000


class Told(NamedTuple):
    """The event that states the roots: of which log, where it stands, its leaf, and the pair of clocks."""

    origin: str
    position: int
    leaf: bytes
    as_of: date
    known_at: int

    def text(self) -> str:
        """What whoever folded these roots anew, and found them right, signs."""
        return (
            f"{_ROOTS}\nlog {self.origin}\nposition {self.position}\nleaf {encode_hash(leaf_hash(self.leaf))}\n"
            f"as_of {self.as_of}\nknown_at {self.known_at}\n"
        )


def require_vouched(told: Told, data: bytes, keys: list[VerifierKey]) -> tuple[VerifierKey, int]:
    """Whose word it is that the roots follow from the log's events, and when it was given (POSIX time).

    Raises:
        NoteError: it is of other roots, or of none of the keys.
    """
    note = Note.parse(data)
    if note.text != told.text():
        raise NoteError(f"it does not speak of the roots that position {told.position} of {told.origin} states")
    key, signature = note.verified_by(keys)[0]
    return key, signature.timestamp


def refusal(key: SignerKey, origin: str, position: int | None, reason: str, at: int) -> bytes:
    """A mirror's refusal, in words, of what stands at a position, or of the log as a whole."""
    where = "-" if position is None else str(position)
    words = "".join(each for each in " ".join(reason.split()) if each >= " ")[:REASON_LENGTH_MAX]
    text = f"{_REFUSAL}\nlog {origin}\nposition {where}\nbecause {words}\n"
    return Note(text, (key.sign(text, at),)).to_bytes()


def refused_by(data: bytes, key: VerifierKey, origin: str) -> str:
    """The reason in a refusal; NoteError unless this key signed it, of the log of that origin."""
    note = Note.parse(data)
    note.verified_by([key])
    lines = note.text.removesuffix("\n").split("\n")
    if len(lines) != 4 or lines[:2] != [_REFUSAL, f"log {origin}"] or not lines[3].startswith("because "):
        raise NoteError("it is no refusal of this log")
    return lines[3].removeprefix("because ")
