"""The file in which a city's sealed report goes to its province, carried by hand or by HTTP: JSON, written one way.

Written and read here alone; whether it shows anything is for `checking.py`. Its figures are the proofs of
services/evidence/evidence-format.md, each as it would be a file by itself; all have the first one's checkpoint.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from domain.values.strict_json import NotJsonError, read_json
from services.evidence.copies.copies import CopyError
from services.evidence.notes.checkpoint import encode_hash, parse_hash
from services.evidence.notes.notes import NoteError
from services.evidence.roots.figure_proof import FigureProof
from services.evidence.roots.figure_proof import read as read_figure
from services.evidence.roots.figure_proof import write as write_figure

FORMAT: Final = "taizhang-city-report/1"
#: So that it has room in one event, as base64 (domain/events/province.py).
BYTES_MAX: Final = 720_000
FIGURES_MAX: Final = 1_000
_MEMBERS: Final = frozenset(("format", "report", "figures", "consistency", "sha256"))
_REPORT: Final = frozenset(("entry", "raw", "path"))


class ReportFile(NamedTuple):
    """A sealed report and what proves it; nothing of it is checked.

    Attributes:
        entry, raw: the event that seals it, as the log's leaf and as it was received.
        path: of inclusion, in the tree of the checkpoint.
        figures: proofs of the whole, which is the first, and of regions.
        consistency: by the size of an earlier head the proof that the checkpoint's tree extends it.
    """

    entry: bytes
    raw: bytes
    path: tuple[bytes, ...]
    figures: tuple[FigureProof, ...]
    consistency: Mapping[int, tuple[bytes, ...]]


def write(file: ReportFile) -> bytes:
    """The file's bytes."""
    content = {
        "format": FORMAT,
        "report": {
            "entry": file.entry.decode(),
            "raw": base64.b64encode(file.raw).decode(),
            "path": [encode_hash(each) for each in file.path],
        },
        "figures": [write_figure(each).decode() for each in file.figures],
        "consistency": [
            {"size": size, "path": [encode_hash(each) for each in path]}
            for size, path in sorted(file.consistency.items())
        ],
    }
    return orjson.dumps(content | {"sha256": _digest(content)}, option=orjson.OPT_SORT_KEYS) + b"\n"


def _digest(content: Mapping[str, Any]) -> str:
    """Of all other members: what a carrier damages is unreadable, and no word of the city."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def read(data: bytes) -> ReportFile:
    """Read a file, which is written in the one way in which `write` does it.

    Raises:
        CopyError: it is not.
    """
    if len(data) > BYTES_MAX:
        raise CopyError(f"a city's report has at most {BYTES_MAX} bytes, this file has {len(data)}")
    try:
        file = _read(read_json(data))
        same = write(file) == data
    except (NotJsonError, NoteError, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise CopyError(f"this is no city's report that can be read: {fault}; have it made again") from None
    if not same:
        raise CopyError("this is no city's report as one is written, or it was damaged: have it made again")
    return file


def _read(value: Any) -> ReportFile:  # noqa: ANN401 - JSON
    if value.keys() != _MEMBERS or value["format"] != FORMAT or value["report"].keys() != _REPORT:
        raise ValueError(f"it is not of format {FORMAT}")
    report, figures, joins = value["report"], value["figures"], value["consistency"]
    if not isinstance(figures, list) or not 1 <= len(figures) <= FIGURES_MAX:
        raise ValueError(f"it has 1 to {FIGURES_MAX} figures")
    if any(type(each["size"]) is not int for each in joins):
        raise TypeError("a size is a whole number")
    return ReportFile(
        report["entry"].encode(),
        base64.b64decode(report["raw"], validate=True),
        tuple(map(parse_hash, report["path"])),
        tuple(read_figure(each.encode()) for each in figures),
        {each["size"]: tuple(map(parse_hash, each["path"])) for each in joins},
    )


def name_of(data: bytes) -> str:
    """What a file goes by: its SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
