"""A plugin of pytest that tells coverage which test runs, and writes how long each took and whether it passed."""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Final

import coverage
import pytest
from hypothesis import settings

OUT: Final = "TAIZHANG_MUTANTS_TESTS"
# Under coverage a law takes several times as long, and which lines it runs is soon told.
EXAMPLES_MAX: Final = 10
_slower: dict[str, float] = {}
_seconds: dict[str, float] = defaultdict(float)
_failed: set[str] = set()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Laws are held to fewer examples, and their time is reckoned for all."""
    for item in items:
        law = getattr(item, "obj", None)
        kept = getattr(law, "_hypothesis_internal_use_settings", None)
        if law is not None and kept is not None and kept.max_examples > EXAMPLES_MAX:
            _slower[item.nodeid] = kept.max_examples / EXAMPLES_MAX
            law._hypothesis_internal_use_settings = settings(kept, max_examples=EXAMPLES_MAX)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    measured = coverage.Coverage.current()
    assert measured is not None, "run by `python -m tests.mutants reach`"
    measured.switch_context(item.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] += report.duration * _slower.get(report.nodeid, 1.0)
    if not report.passed:
        _failed.add(report.nodeid)


def pytest_sessionfinish() -> None:
    """What failed or was left out by itself tells nothing of a change."""
    told = {test: seconds for test, seconds in _seconds.items() if test not in _failed}
    Path(os.environ[OUT]).write_text(json.dumps(told), encoding="utf-8")
