"""The file that proves one figure: text, its lines described in services/evidence/evidence-format.md.

Written and read here alone; whether it proves anything is for services/evidence/verifier/figure_check.py.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from domain.tree.sum_tree import Sibling, SumNode, SumProof
from services.evidence.copies.copies import CopyError
from services.evidence.notes.checkpoint import encode_hash, parse_hash
from services.evidence.notes.notes import NoteError

FIRST_LINE: Final = "taizhang/figure@v1"
#: What a proof has at 200,000 organizations is far below; what is larger is none.
BYTES_MAX: Final = 256 * 1024
ALL_KINDS: Final = "all"
WHOLE: Final = "-"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_CODE: Final = re.compile(r"[0-9]{2,12}", re.ASCII)


class FigureProof(NamedTuple):
    """A figure and what proves it; nothing of it is checked.

    Attributes:
        key: the log's, by its own word.
        kind: of organizations; None for all of them.
        sums: the way from the region's node to the sum tree's root.
        entry, raw: the event that states the roots, as the log's leaf and as it was received.
        path: of inclusion, in the tree of the checkpoint.
        note: the checkpoint with its signatures.
    """

    key: str
    kind: str | None
    sums: SumProof
    entry: bytes
    raw: bytes
    path: tuple[bytes, ...]
    note: bytes


def write(proof: FigureProof) -> bytes:
    """The file's bytes."""
    sums = proof.sums
    lines = [
        FIRST_LINE,
        f"key {proof.key}",
        f"region {sums.digits} {sums.key or WHOLE}",
        f"kind {proof.kind or ALL_KINDS}",
        f"inner {encode_hash(sums.inner)}",
        f"counts {_numbers(sums.counts)}",
    ]
    for level in sums.steps:
        for is_left, node in level:
            side = "left" if is_left else "right"
            labels = f"{node.first.decode()} {node.last.decode()}"
            lines.append(f"{side} {encode_hash(node.hash)} {labels} {_numbers(node.counts)}")
        lines.append("above")
    lines += [f"entry {proof.entry.decode()}", f"event {base64.b64encode(proof.raw).decode()}"]
    lines += [f"path {encode_hash(each)}" for each in proof.path]
    return ("\n".join(lines) + "\n\n").encode() + proof.note


def _numbers(counts: Sequence[int]) -> str:
    return " ".join(map(str, counts))


def read(data: bytes) -> FigureProof:
    """Read a file, which is written in the one way in which `write` does it.

    Raises:
        CopyError: it is not.
    """
    if len(data) > BYTES_MAX:
        raise CopyError(f"a figure's proof has at most {BYTES_MAX} bytes, this file has {len(data)}")
    head, gap, note = data.partition(b"\n\n")
    try:
        proof = _read(head.decode().split("\n"), note)
    except (ValueError, IndexError, NoteError) as fault:
        raise CopyError(f"this is no figure's proof that can be read: {fault}; ask for it again") from None
    if not gap or write(proof) != data:
        raise CopyError("this is no figure's proof as one is written: ask for it again")
    return proof


def _read(lines: list[str], note: bytes) -> FigureProof:
    rest = iter(lines)
    if next(rest, "") != FIRST_LINE:
        raise ValueError(f"its first line is not {FIRST_LINE}")
    (log_key,) = _fields(rest, "key", 1)
    digits, key = _fields(rest, "region", 2)
    (kind,) = _fields(rest, "kind", 1)
    (inner,) = _fields(rest, "inner", 1)
    counts = _counts(_fields(rest, "counts", None))
    steps, level = [], list[Sibling]()
    line = next(rest, "")
    while (word := line.partition(" ")[0]) in {"left", "right", "above"}:
        if word == "above":
            steps.append(tuple(level))
            level = []
        else:
            hashed, first, last, *numbers = line.split(" ")[1:]
            node = SumNode(parse_hash(hashed), _counts(numbers), _code(first), _code(last))
            level.append(Sibling(word == "left", node))
        line = next(rest, "")
    if level or not line.startswith("entry "):
        raise ValueError(f"{line[:60]!r} stands where the siblings of a level end, or the entry is due")
    entry = line.removeprefix("entry ")
    (raw,) = _fields(rest, "event", 1)
    path = [parse_hash(_of(line, "path")[0]) for line in rest]
    whole = key == WHOLE
    sums = SumProof(
        _number(digits), "" if whole else _code(key).decode(), parse_hash(inner), counts, tuple(steps)
    )  # fmt: skip
    return FigureProof(
        log_key, None if kind == ALL_KINDS else kind, sums, entry.encode(), _base64(raw), tuple(path), note
    )


def _fields(lines: Iterator[str], word: str, many: int | None) -> list[str]:
    found = _of(next(lines, ""), word)
    if many is not None and len(found) != many:
        raise ValueError(f"a line {word} has {many} values, not {len(found)}")
    return found


def _of(line: str, word: str) -> list[str]:
    first, *values = line.split(" ")
    if first != word or not values:
        raise ValueError(f"{line[:60]!r} stands where a line {word} is due")
    return values


def _counts(numbers: Sequence[str]) -> tuple[int, ...]:
    return tuple(map(_number, numbers))


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is no count: decimal digits without leading zeroes, 16 at most")
    return int(text)


def _code(text: str) -> bytes:
    if not _CODE.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is no region's code")
    return text.encode()


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or base64.b64encode(data).decode() != text:
        raise ValueError("the event is not in canonical base64")
    return data
