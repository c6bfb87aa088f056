"""A plugin of pytest that tries changes, each in a fork of one process that has collected the tests already.

A change in a function takes the place of its code; another one is met by a pytest of its own. The file is changed too,
for the processes that tests start.
"""

import ctypes
import functools
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

import psutil
import pytest

from tests.mutants.changes import Change, changed
from tests.mutants.reach import Reach, known

PLAN: Final = "TAIZHANG_MUTANTS_PLAN"
# The tests of a change, the shortest first, for so many seconds as they took under coverage.
TESTS_S_MAX: Final = 30.0
# Beside other work everything may take several times as long.
SLOWER: Final = 4.0
START_S: Final = 60.0
_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Try each change of the plan until the time is over; a line of the results for each."""
    plan = json.loads(Path(os.environ[PLAN]).read_text(encoding="utf-8"))
    reach = known(Path(plan["reach"]))
    items = {item.nodeid: item for item in session.items}
    ctypes.CDLL(None).prctl(_SUBREAPER, 1)
    with Path(plan["results"]).open("a", encoding="utf-8") as results:
        for each in plan["changes"]:
            if time.time() > plan["until"]:
                break
            change = Change(*each)
            found = _tried(session, items, reach, change)
            results.write(json.dumps({"key": change.key, **plan["told"], **found}, ensure_ascii=False) + "\n")
            results.flush()
            sys.stderr.write(f"{found['outcome']:10} {found['seconds']:6.1f} s {change.key}\n")
    return True


def tests_of(reach: Reach, change: Change) -> list[str]:
    """The tests that run a line of it, the shortest first; of what runs at import, those that run the module."""
    lines = reach.tests.get(change.file, {})
    own = lines.keys() if change.at_import else range(change.line, change.line_end + 1)
    at = set().union(*(lines.get(line, ()) for line in own))
    return sorted(at, key=lambda test: (reach.seconds.get(test, 0.0), test))


def _tried(session: pytest.Session, items: dict[str, pytest.Item], reach: Reach, change: Change) -> dict[str, Any]:
    chosen: list[str] = []
    expected = 0.0
    reaching = [test for test in tests_of(reach, change) if test in items]
    for test in reaching:
        if chosen and expected + reach.seconds[test] > TESTS_S_MAX:
            break
        chosen.append(test)
        expected += reach.seconds[test]
    told: dict[str, Any] = {"tests": len(chosen), "left_out": len(reaching) - len(chosen)}
    if not chosen:
        return {"outcome": "unreached", "seconds": 0.0, **told}
    path = Path(change.file)
    source, begun = path.read_bytes(), time.monotonic()
    try:
        _write(path, changed(source, change))
        outcome, by = _run(session, [items[test] for test in chosen], change, source, START_S + SLOWER * expected)
    finally:
        _write(path, source)
    return {"outcome": outcome, "seconds": round(time.monotonic() - begun, 1), **told, "by": by}


_written: Iterator[int] = iter(range(1, 10**9))


def _write(path: Path, text: bytes) -> None:
    """With a time of its own: what was compiled of the text before is known by time and size alone."""
    path.write_bytes(text)
    at = int(time.time()) + 10 * next(_written)
    os.utime(path, (at, at))


def _run(
    session: pytest.Session, chosen: list[pytest.Item], change: Change, source: bytes, seconds: float
) -> tuple[str, str]:
    """What became of it, and the test that noticed it."""
    failed = Path(".mutants-failed")
    failed.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            os.setsid()
            out = os.open(".mutants-log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            code = _child(session, chosen, change, source, failed)
        finally:
            os._exit(code)
    deadline = time.monotonic() + seconds
    ended, status = 0, 0
    while not ended and time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)
    _end_all(pid, is_running=not ended)
    by = failed.read_text(encoding="utf-8") if failed.exists() else ""
    if not ended:
        return "timeout", by
    code = os.waitstatus_to_exitcode(status)
    return {0: "survived", 1: "killed"}.get(code, f"error {code}"), by


def _child(session: pytest.Session, chosen: list[pytest.Item], change: Change, source: bytes, failed: Path) -> int:
    if change.at_import or not _swapped(change, source):
        return _in_a_process_of_its_own(chosen, failed)
    for item, following in zip(chosen, [*chosen[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            failed.write_text(item.nodeid, encoding="utf-8")
            session._setupstate.teardown_exact(None)
            return 1
    return 0


def _in_a_process_of_its_own(chosen: list[pytest.Item], failed: Path) -> int:
    """What is run at import takes imports anew: 1 for a failure, at import too."""
    names = Path(".mutants-tests")
    names.write_text("\n".join(item.nodeid for item in chosen), encoding="utf-8")
    run = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", "tests.mutants.quick"]
    told = subprocess.run([*run, f"@{names}"], check=False, capture_output=True, text=True)
    if told.returncode:
        lines = [line for line in told.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        failed.write_text(lines[0][:200] if lines else "at import", encoding="utf-8")
    return 1 if told.returncode in (1, 2, 3, 4) else told.returncode


def _swapped(change: Change, source: bytes) -> bool:
    """Put the changed code into every function that has it; False where there is none, or it does not fit."""
    place = str(Path(change.file).resolve())
    old, new = (list(_codes(compile(text, place, "exec"))) for text in (source, changed(source, change)))
    if [each.co_qualname for each in old] != [each.co_qualname for each in new]:
        return False
    pairs = {(a.co_qualname, a.co_firstlineno): b for a, b in zip(old, new, strict=True) if a != b}
    importlib.import_module(change.file.removesuffix(".py").replace("/", "."))
    swapped = 0
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename == place:
            code = pairs.get((each.__code__.co_qualname, each.__code__.co_firstlineno))
            if code is not None:
                each.__code__ = code
                swapped += 1
        elif isinstance(each, functools._lru_cache_wrapper):
            each.cache_clear()
    return swapped > 0


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _end_all(pid: int, *, is_running: bool) -> None:
    """What the tests have started and not ended, a server above all."""
    for process in psutil.Process().children(recursive=True):
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    if is_running:
        os.waitpid(pid, 0)
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.02)
        except ChildProcessError:
            return
