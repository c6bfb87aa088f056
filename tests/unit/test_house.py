"""The rules of the house that a reader could break without a test noticing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "projections", "services", "api")  # each imports only itself and those to its left
FOLDERS = (*LAYERS, "deploy", "tests")
LINES_MAX = 350
WRITTEN = {".py", ".sql", ".html", ".css", ".js"}

DOMAIN_THIRD_PARTY = {"pydantic", "pydantic_core", "annotated_types", "stdnum"}
IMPURE_MODULES = {
    "asyncio", "concurrent", "fcntl", "ftplib", "getpass", "glob", "http", "importlib", "io", "logging", "mmap",
    "multiprocessing", "os", "pathlib", "pickle", "platform", "random", "secrets", "select", "selectors", "shelve",
    "shutil", "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl", "subprocess", "sys", "tempfile",
    "threading", "time", "urllib",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "now", "today", "utcnow", "uuid1", "uuid4"}


def files_of_the_repository() -> list[Path]:
    """What git tracks or would track; a copy without its git folder is taken as it is."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *FOLDERS]
    listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    if listed.returncode != 0:
        return [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.is_file()]
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


FILES = files_of_the_repository()
MODULES = [file for file in FILES if file.suffix == ".py"]


def imports_of(tree: ast.AST) -> set[str]:
    """The dotted names that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            names.add(node.module or "")
    return names


def layer_modules(*layers: str) -> list[Path]:
    return [file for file in MODULES if file.relative_to(ROOT).parts[0] in layers]


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_run_towards_the_domain_and_never_back(layer: str) -> None:
    forbidden = {*LAYERS[LAYERS.index(layer) + 1 :], "tests", "deploy"}
    for file in layer_modules(layer):
        imported = {name.partition(".")[0] for name in imports_of(ast.parse(file.read_bytes()))}
        assert not imported & forbidden, f"{file.relative_to(ROOT)} imports {sorted(imported & forbidden)}"


def test_the_domain_imports_nothing_that_touches_the_world() -> None:
    allowed = {"domain", *DOMAIN_THIRD_PARTY, *sys.stdlib_module_names} - IMPURE_MODULES
    for file in layer_modules("domain"):
        imported = {name.partition(".")[0] for name in imports_of(ast.parse(file.read_bytes()))}
        assert imported <= allowed, f"{file.relative_to(ROOT)} imports {sorted(imported - allowed)}"


def test_the_domain_asks_no_clock_and_rolls_no_dice() -> None:
    for file in layer_modules("domain"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                assert called not in IMPURE_CALLS, f"{file.relative_to(ROOT)}:{node.lineno} calls {called}"


def test_no_file_is_longer_than_one_subject_needs() -> None:
    written = [file for file in FILES if file.suffix in WRITTEN]
    lengths = {file.relative_to(ROOT): len(file.read_bytes().splitlines()) for file in written}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_MAX} == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_top_level_folder_says_what_lives_in_it(folder: str) -> None:
    assert (ROOT / folder / "README.md").read_text(encoding="utf-8").strip()
