"""The rules' hash moves with what decides a figure, and with nothing else."""

import ast
import shutil
from functools import lru_cache
from pathlib import Path

import pytest

from services.ledger import ruleset
from services.ledger.ruleset import FOLDING, OTHERS, READING, modules, rules, rules_of

ROOT = Path(__file__).parents[2]
ANY_HASH = "0" * 64


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the layers in which figures are decided; a text is parsed once."""
    for layer in ("domain", "projections"):
        shutil.copytree(ROOT / layer, tmp_path / layer, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(ruleset, "_code", lru_cache(maxsize=None)(ruleset._code))
    return tmp_path


def with_line(path: Path, line: str) -> bytes:
    """A file with one line more; its text before."""
    before = path.read_bytes()
    path.write_bytes(before + line.encode())
    return before


def deciding(name: str) -> bool:
    return ruleset.is_of(name, (*FOLDING, *READING))


def test_a_copy_of_the_program_has_its_rules(program: Path) -> None:
    assert rules_of(program) == rules()


def test_one_line_in_any_deciding_module_moves_the_hash_and_in_no_other(program: Path) -> None:
    for name, path in modules(program).items():
        before = with_line(path, "\n_ONE_MORE = 1\n")
        moved = rules_of(program)
        assert (moved.ruleset != rules().ruleset) is deciding(name), name
        assert (moved.reading != rules().reading) is ruleset.is_of(name, READING), name
        assert moved.tables == rules().tables
        path.write_bytes(before)
    assert rules_of(program) == rules()


def test_comments_docstrings_and_layout_decide_nothing(program: Path) -> None:
    for path in modules(program).values():
        tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                node.body[0] = ast.Expr(ast.Constant("Said otherwise, with a comma."))
        path.write_text("# A comment.\n" + ast.unparse(tree), "utf-8")
    for path in (program / "projections").rglob("*.sql"):
        path.write_text("-- Said otherwise.\n\n" + path.read_text("utf-8").replace("\n", "\n  ") + "/* so */", "utf-8")
    assert rules_of(program) == rules()


def test_every_file_of_sql_moves_the_hash_of_the_tables_and_no_other(program: Path) -> None:
    for path in (program / "projections").rglob("*.sql"):
        before = with_line(path, "\nCREATE INDEX one_more ON {schema}.entry (position);\n")
        assert rules_of(program)._replace(tables=ANY_HASH) == rules()._replace(tables=ANY_HASH)
        assert rules_of(program).tables != rules().tables, path.name
        path.write_bytes(before)


def test_a_text_within_sql_is_no_comment(program: Path) -> None:
    path = program / "projections" / "ledger" / "fold" / "policies.sql"
    text = path.read_text("utf-8")
    assert "'division:%'" in text
    path.write_text(text.replace("'division:%'", "'division:%--'"), "utf-8")
    one = rules_of(program).tables
    path.write_text(text.replace("'division:%'", "'division:%  '"), "utf-8")
    assert len({one, rules_of(program).tables, rules().tables}) == 3


def test_every_module_is_said_to_decide_or_not_and_every_pattern_means_some() -> None:
    for name in modules():
        assert deciding(name) != ruleset.is_of(name, tuple(OTHERS)), f"{name} decides, or stands in OTHERS: one of both"
    for pattern in (*FOLDING, *READING, *OTHERS):
        assert any(ruleset.is_of(name, (pattern,)) for name in modules()), f"{pattern} means no module"


def test_what_decides_imports_nothing_that_is_said_not_to() -> None:
    named = {name.removesuffix("/__init__").replace("/", "."): name for name in modules()}
    for name, path in modules().items():
        if not deciding(name):
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom):
                found = {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
                others = {each for each in found & named.keys() if not deciding(named[each])}
                assert not others, (
                    f"{name} imports {sorted(others)}, which decides no figure by services/ledger/ruleset.py"
                )
