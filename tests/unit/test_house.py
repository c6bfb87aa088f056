"""The rules of the house that a reader could break without a test noticing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "projections", "services", "api")  # each imports only itself and those to its left
FOLDERS = (*LAYERS, "deploy", "tests")
# The rooms of each layer, from the ground up, and what each may import of its own layer. A room stands below all that
# import it, so no two can ever import each other, through however many others.
ROOMS: dict[str, dict[str, str]] = {
    "domain": {
        "tree": "",
        "values": "",
        "listing": "values",
        "events": "listing values",
        "access": "events values",
        "ledger": "events values",
        "fieldwork": "events ledger listing values",
        "figures": "ledger values",
        "assessment": "events figures ledger values",
        "inspection": "events ledger values",
        "province": "events ledger values",
    },
    "projections": {
        "rows": "",
        "columns": "rows",
        "fold": "columns rows",
        "bridge": "fold",
        "differences": "columns fold",
        "standing": "fold rows",
        "touched": "fold standing",
    },
    "services": {
        "demo_city": "",
        "system": "",
        "postgres": "system",
        "log": "postgres system",
        "access": "log system",
        "ledger": "log postgres system",
        "evidence/notes": "access log system",
        "intake": "ledger log postgres system",
        "evidence/copies": "evidence/notes log system",
        "evidence/witness": "evidence/notes log postgres system",
        "evidence/roots": "evidence/copies evidence/notes intake ledger log postgres system",
        "evidence/keys": "evidence/notes intake log postgres system",
        "evidence/receipts": "evidence/notes log system",
        "serving": "evidence/roots evidence/witness ledger postgres system",
        "fieldwork": "intake ledger log system",
        "inspection": "fieldwork ledger log system",
        "assessment": "fieldwork inspection intake ledger log system",
        "desk": "assessment fieldwork inspection intake ledger",
        "notices": "fieldwork ledger postgres serving system",
        "lists": "intake ledger log system",
        "contract": "fieldwork log",
        "evidence/bundles": "evidence/copies evidence/notes evidence/roots ledger log postgres system",
        "archive": "evidence/bundles evidence/copies evidence/notes ledger log postgres system",
        "kafka": "fieldwork intake ledger log postgres serving system",
        "evidence/verifier": (
            "access evidence/bundles evidence/copies evidence/notes evidence/roots ledger log postgres system"
        ),
        "evidence/mirror": (
            "evidence/copies evidence/notes evidence/roots evidence/verifier evidence/witness ledger log system"
        ),
        "backup": "evidence/copies evidence/notes ledger log postgres system",
        "province": (
            "assessment evidence/copies evidence/notes evidence/roots evidence/verifier intake ledger log system"
        ),
        "commands": (
            "access archive backup demo_city evidence/bundles evidence/copies evidence/keys evidence/mirror "
            "evidence/notes evidence/roots evidence/verifier evidence/witness fieldwork intake kafka ledger lists log "
            "notices postgres province serving system"
        ),
    },
    "api": {
        "web": "",
        "asking": "web",
        "operation": "asking web",
        "site": "asking web",
        "admission": "asking site web",
        "exports": "asking site web",
        "evidence": "admission asking exports web",
        "access": "admission asking exports site web",
        "assessment": "admission asking evidence exports site web",
        "inspection": "asking evidence exports site web",
        "ledger": "admission asking assessment exports inspection site web",
        "fieldwork": "admission asking exports ledger site web",
        "intake": "admission asking exports fieldwork site web",
        "desk": "admission asking exports fieldwork inspection intake site web",
        "acts": "admission asking intake site web",
        "visits": "acts admission asking fieldwork intake site web",
        "province": "admission asking assessment evidence exports web",
        "page_routers": "access acts assessment desk fieldwork inspection intake ledger site visits",
        "app": (
            "access admission asking assessment desk evidence exports fieldwork "
            "inspection intake ledger operation page_routers province site visits web"
        ),
        "question_table": "app asking",
    },
}
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


def names_imported(tree: ast.AST) -> set[str]:
    """Every dotted name that could be a module: what is imported from, and what is imported of it."""
    names = imports_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room_of(parts: tuple[str, ...]) -> str:
    """The room of a module, by its path below the layer: a folder (in services/evidence/ two), or the module itself."""
    depth = 2 if parts[0] == "evidence" and len(parts) > 2 else 1
    return "/".join(parts[:-1][:depth]) or parts[0]


def rooms_of_the_layer(layer: str) -> dict[str, str]:
    """By dotted name of each module its room. The one read model of projections/ is no room; its folders are."""
    base = ROOT / ("projections/ledger" if layer == "projections" else layer)
    modules = [file for file in MODULES if file.is_relative_to(base) and file.name != "__init__.py"]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): room_of(file.relative_to(base).with_suffix("").parts)
        for file in modules
    }


def layer_modules(*layers: str) -> list[Path]:
    return [file for file in MODULES if file.relative_to(ROOT).parts[0] in layers]


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_run_towards_the_domain_and_never_back(layer: str) -> None:
    forbidden = {*LAYERS[LAYERS.index(layer) + 1 :], "tests", "deploy"}
    for file in layer_modules(layer):
        imported = {name.partition(".")[0] for name in imports_of(ast.parse(file.read_bytes()))}
        assert not imported & forbidden, f"{file.relative_to(ROOT)} imports {sorted(imported & forbidden)}"


@pytest.mark.parametrize("layer", LAYERS)
def test_rooms_import_what_the_table_says_and_no_more(layer: str) -> None:
    rooms, table = rooms_of_the_layer(layer), ROOMS[layer]
    used: dict[str, set[str]] = {room: set() for room in rooms.values()}
    for module, room in rooms.items():
        tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_bytes())
        reached = {rooms[name] for name in names_imported(tree) if name in rooms} - {room}
        assert reached <= set(table[room].split()), f"{module} of room {room} imports of {sorted(reached)}"
        used[room] |= reached
    assert {room: " ".join(sorted(reached)) for room, reached in used.items()} == table, "an entry that no import needs"


@pytest.mark.parametrize("layer", LAYERS)
def test_no_room_is_above_one_that_imports_it(layer: str) -> None:
    below: set[str] = set()
    for room, imports in ROOMS[layer].items():
        assert set(imports.split()) <= below, f"{layer}/{room} stands too low for {imports}"
        below.add(room)


def test_every_room_says_what_lives_in_it() -> None:
    folders = {file.parent for file in MODULES if file.relative_to(ROOT).parts[0] in LAYERS}
    assert {str(folder.relative_to(ROOT)) for folder in folders if not (folder / "README.md").exists()} == set()


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
