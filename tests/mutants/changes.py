"""Small changes of a module's code: an operator, a constant, a condition turned, a statement removed."""

import ast
import copy
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

# What each room must show, in per cent of the changes that a test could notice. The first that fits counts.
RIGHTS, LEDGER, ELSEWHERE = "rights and proofs", "ledger", "elsewhere"
TARGETS: Final = {RIGHTS: 100, LEDGER: 95, ELSEWHERE: 85}
_CLASSES: Final = {
    RIGHTS: (
        *("domain/access/", "domain/tree/", "domain/values/scope.py", "domain/values/ed25519.py"),
        *("domain/figures/publication.py", "services/assessment/withholding.py", "projections/ledger/touched.py"),
        *("services/access/", "services/ledger/sight.py", "services/intake/decisions.py"),
        *("services/intake/permission.py", "services/log/signatures.py", "services/log/tree.py"),
        *("services/evidence/notes/", "services/evidence/roots/proving.py", "services/evidence/roots/figure_proof.py"),
        *("services/evidence/roots/completeness.py", "services/evidence/roots/belonging.py"),
    ),
    LEDGER: ("projections/ledger/fold/", "projections/ledger/columns/", "domain/ledger/", "domain/events/facts.py"),
    ELSEWHERE: ("domain/", "projections/", "services/intake/", "services/log/"),
}

_COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_RECKONED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Mod: ast.Add,
}
_REMOVED: Final = (ast.AugAssign, ast.Raise, ast.Delete, ast.Continue, ast.Break)
_LOGGERS: Final = frozenset(("log", "logger", "_log"))


class Change(NamedTuple):
    """One change: the module, where in it, and the text of lines `line` to `line_end` that takes their place."""

    file: str
    inside: str  # the qualified name of the outermost function or method around it, or of the class; "" for none
    at_import: bool  # whether it is run when the module is imported
    line: int
    line_end: int
    what: str
    begin: int  # bytes of the module's text
    end: int
    text: str
    key: str  # the same as long as the code around it is


def class_of(file: str) -> str | None:
    """By which target a module is measured; None where by none."""
    return next((name for name, starts in _CLASSES.items() if file.startswith(starts)), None)


def changed(source: bytes, change: Change) -> bytes:
    """The module's text with the change made."""
    return source[: change.begin] + change.text.encode() + source[change.end :]


def sampled(root: Path, seed: int, number: int) -> list[Change]:
    """So many changes of each class, the same for a seed, and little else where some code was changed since."""
    chosen: dict[str, list[Change]] = {name: [] for name in TARGETS}
    for top in ("domain", "projections", "services"):
        for path in sorted((root / top).rglob("*.py")):
            file = path.relative_to(root).as_posix()
            name = class_of(file)
            if name is not None:
                chosen[name] += changes_of(file, path.read_bytes())

    def rank(change: Change) -> bytes:
        return hashlib.sha256(f"{seed} {change.key}".encode()).digest()

    return [change for name in chosen for change in sorted(chosen[name], key=rank)[:number]]


def changes_of(file: str, source: bytes) -> list[Change]:
    """Every change of a module that there is."""
    begins = [0]
    for line in source.splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    found, seen = [], Counter[str]()
    for inside, at_import, node, what, text in _proposed(ast.parse(source), ""):
        begin = begins[node.lineno - 1] + node.col_offset
        end = begins[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        told = f"{file}::{inside} {what}"
        seen[told] += 1
        key = told if seen[told] == 1 else f"{told} ({seen[told]})"
        place = (node.lineno, node.end_lineno or node.lineno)
        found.append(Change(file, inside, at_import, *place, what, begin, end, text, key))
    return found


_Place = ast.expr | ast.stmt


def _proposed(node: ast.AST, inside: str, *, is_function: bool = False) -> Iterator[tuple[str, bool, _Place, str, str]]:
    """The name around it, whether it is run at import, the node to replace, what changes, and to what."""
    for child in _code(node):
        name, within = inside, is_function
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not is_function:
            name = f"{inside}.{child.name}" if inside else child.name
            within = not isinstance(child, ast.ClassDef)
        if isinstance(child, ast.expr | ast.stmt):
            for what, text in _of(child, node):
                yield name, not within, child, what, text
        yield from _proposed(child, name, is_function=within)


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """What of a node is run: neither types nor texts for people."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
        return
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases", "msg"):
            continue
        yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, ast.AST))


def _of(node: _Place, around: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.stmt):
        if isinstance(node, _REMOVED) or (isinstance(node, ast.Expr) and _does_something(node.value)) or (
            isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name | ast.Tuple)
        ):  # fmt: skip
            yield f"removed: {_short(node)}", "pass"
        return
    yield from (_told(node, other) for other in _others(node))
    if isinstance(around, ast.If | ast.IfExp | ast.While) and node is around.test and not isinstance(node, ast.Compare):
        yield _told(node, ast.UnaryOp(ast.Not(), node))


def _others(node: ast.expr) -> Iterator[ast.expr]:
    """What may stand in an expression's place."""
    match node:
        case ast.Compare():
            for number, operator in enumerate(node.ops):
                turned = copy.deepcopy(node)
                turned.ops[number] = _COMPARED[type(operator)]()
                yield turned
        case ast.BinOp() if type(node.op) in _RECKONED and not _is_of_types(node) and not _is_text(node):
            yield ast.BinOp(node.left, _RECKONED[type(node.op)](), node.right)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int(number)):
            yield ast.Constant(number + 1)


def _told(old: ast.expr, new: ast.expr) -> tuple[str, str]:
    return f"{_short(old)} → {_short(new)}", f"({ast.unparse(new)})"


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).splitlines()[0]
    return text if len(text) <= 90 else text[:89] + "…"


def _is_of_types(node: ast.BinOp) -> bool:
    """Whether it is a union of types, which is told by None or a type's name on one side."""

    def is_type(side: ast.expr) -> bool:
        return (isinstance(side, ast.Constant) and side.value is None) or (
            isinstance(side, ast.Name) and side.id[:1].isupper()
        )

    return isinstance(node.op, ast.BitOr) and (is_type(node.left) or is_type(node.right))


def _is_text(node: ast.BinOp) -> bool:
    """Whether it is put together of texts: they cannot be subtracted."""
    return any(
        isinstance(each, ast.JoinedStr) or (isinstance(each, ast.Constant) and isinstance(each.value, str | bytes))
        for each in (node.left, node.right)
    ) or (isinstance(node.left, ast.BinOp) and _is_text(node.left))


def _does_something(call: ast.expr) -> bool:
    """Whether it is a call, and not of a logger: what is told to operators is for people."""
    function = call.func if isinstance(call, ast.Call) else None
    of = function.value if isinstance(function, ast.Attribute) else None
    return function is not None and not (isinstance(of, ast.Name) and of.id in _LOGGERS)
