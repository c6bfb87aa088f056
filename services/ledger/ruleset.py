"""The rules: hashes of the code that decides every figure, and of the tables that it writes.

The code is hashed as parsed, without comments, docstrings and layout, so that only what can decide counts. What a
release of Python adds to its syntax tree is empty in code that does not use it, and empty fields are left out: Python
3.11 and later give one code one hash, whatever the platform.
"""

import ast
import hashlib
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import domain

# Patterns of files below the root, without their endings. A module is named here or among the others, with the reason.
# Decides when a row is written: the fold, and what it remembers and writes.
FOLDING: Final = ("projections/ledger/fold/*",)
# Decides when a question is asked, and some of it when a row is written too: values, event types, the rules of the
# ledger, their vector twins over the columns, and the standing of targets, which sealed reports hold.
READING: Final = (
    "*/__init__", "domain/values/*", "domain/events/*", "domain/ledger/*", "domain/listing/*",
    "domain/assessment/campaigns", "domain/fieldwork/measures", "projections/ledger/bridge",
    "projections/ledger/rows", "projections/ledger/columns/*",
)  # fmt: skip
TABLES: Final = ("projections/ledger/*",)  # the SQL files among them
# By pattern why it decides no figure of the ledger: nothing here is asked by the modules above.
OTHERS: Final = {
    "domain/access/[!_]*": "who may ask, who may say what, and who may sign",
    "domain/assessment/assessments": "compares what was sealed with what is rendered",
    "domain/assessment/scores": "points of offices, by rates that the rules above have given",
    "domain/fieldwork/contacts": "instructors' contacts beside the ledger",
    "domain/fieldwork/list*": "reads and compares lists, which become events",
    "domain/fieldwork/matching": "proposes pairs, of which persons decide",
    "domain/fieldwork/office*": "reads and compares offices' files, which become events",
    "domain/fieldwork/orders": "what offices owe each other, beside the ledger",
    "domain/fieldwork/rectification": "a work list beside the ledger",
    "domain/fieldwork/regions": "names of places, and codes of one date as of another",
    "domain/fieldwork/surveys": "visits beside the ledger",
    "domain/figures/[!_]*": "differences, order and withholding of figures that the rules above have given",
    "domain/inspection/[!_]*": "patterns and words for inspectors beside the ledger",
    "domain/province/[!_]*": "adds up what cities have reported, and decides no row",
    "projections/ledger/touched": "what an event changes, for whoever decides whether it may be said",
    "projections/ledger/standing": "where an organization stands, for the same",
    "projections/ledger/differences": "names what differs between two versions",
    "domain/tree/[!_]*": "bytes, hashes and proofs of the log's tree",
}

_ROOT: Final = Path(domain.__path__[0]).parent
_LAYERS: Final = ("domain", "projections")
# Filled by the parser for its own use, or by what the place already says.
_SILENT: Final = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
# Texts and quoted names of SQL stay as they are; comments and runs of blanks are one blank.
_SQL: Final = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|(?:--[^\n]*|/\*.*?\*/|\s)+""", re.DOTALL)


class Rules(NamedTuple):
    """SHA-256 in hex: what made a version of the projection.

    Attributes:
        ruleset: all code that decides a figure; answers name it.
        tables: the schema of the tables.
        reading: of the code, what decides when a question is asked.
    """

    ruleset: str
    tables: str
    reading: str


@lru_cache(maxsize=1)
def rules() -> Rules:
    """The rules of this program."""
    return rules_of(_ROOT)


def ruleset() -> str:
    """The hash by which answers name the rules of this program."""
    return rules().ruleset


def rules_of(root: Path) -> Rules:
    """The rules of the program whose layers stand in a folder."""
    code = {name: _code(path.read_bytes()) for name, path in modules(root).items() if is_of(name, (*FOLDING, *READING))}
    tables = {path.stem: _sql(path) for path in _files(root, ".sql") if is_of(_name(root, path), TABLES)}
    reading = {name: text for name, text in code.items() if is_of(name, READING)}
    return Rules(_hash(code), _hash(tables), _hash(reading))


def modules(root: Path = _ROOT) -> dict[str, Path]:
    """By name below the root every module of the layers in which figures are decided."""
    return {_name(root, path): path for path in _files(root, ".py")}


def _files(root: Path, ending: str) -> Iterable[Path]:
    return (path for layer in _LAYERS for path in sorted((root / layer).rglob(f"*{ending}")))


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix()


def is_of(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns (fnmatch) means a module, named by its path without the suffix."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _hash(texts: dict[str, str]) -> str:
    digest = hashlib.sha256()
    for name, text in sorted(texts.items()):
        content = text.encode()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _sql(path: Path) -> str:
    return _SQL.sub(lambda found: found[1] or " ", path.read_text("utf-8")).strip()


def _code(text: bytes) -> str:
    return "".join(_dump(ast.parse(text)))


def _dump(value: object) -> Iterable[str]:
    """A node as text: its kind and the fields that say something, in order of their names."""
    if isinstance(value, ast.Constant):
        yield f"{type(value.value).__name__} {value.value!a};"
    elif isinstance(value, ast.AST):
        yield f"{type(value).__name__}("
        for name, field in sorted(ast.iter_fields(value)):
            if field is not None and field != [] and name not in _SILENT:
                yield f"{name}="
                yield from _dump(field)
        yield ")"
    elif isinstance(value, list):
        yield "["
        for each in value:
            if not _is_docstring(each):
                yield from _dump(each)
        yield "]"
    else:
        yield f"{value!a};"


def _is_docstring(node: object) -> bool:
    """A text that stands as a statement of its own does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
