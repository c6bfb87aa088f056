"""Which tests run which lines, measured once by coverage for each file of tests, processes that they start included."""

import json
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Final, NamedTuple

from coverage import CoverageData

from tests.mutants.reaching import OUT

# Together where a service is rarely started: to import the product costs seconds.
TOGETHER: Final = "tests/unit"
TOGETHER_MAX: Final = 12
ALONE: Final = ("tests/access", "tests/integration", "tests/turn", "tests/e2e")
CHOSEN: Final = (
    "not archive and not spark and not kafka and not chaos and not pages and not fuzz and not deploy and not image"
)
SEED: Final = "18"
# What a test has ended by a signal may still write what it ran.
ENDS_S: Final = 2.0
_CONFIG: Final = """[run]
branch = false
parallel = true
relative_files = true
source = domain, projections, services
patch = subprocess, fork, _exit
sigterm = true
"""


class Reach(NamedTuple):
    """By module and line the tests that run it, and by test its seconds.

    What runs in a process that a test started is known of the file of tests alone, and stands for each of its tests.
    """

    tests: dict[str, dict[int, set[str]]]
    seconds: dict[str, float]


def files_of_tests(tree: Path) -> list[str]:
    """What is measured, each in a run of its own: files of tests, put together with blanks between them."""

    def files(place: str) -> list[str]:
        return [path.relative_to(tree).as_posix() for path in sorted((tree / place).glob("test_*.py"))]

    together = files(TOGETHER)
    return [
        *(" ".join(together[n : n + TOGETHER_MAX]) for n in range(0, len(together), TOGETHER_MAX)),
        *(file for place in ALONE for file in files(place)),
    ]


def measure(tree: Path, kept: Path, place: str, seconds: float) -> bool:
    """Run files of tests under coverage; whether it came to its end in the time."""
    kept.mkdir(parents=True, exist_ok=True)
    slug = _slug(place)
    config = kept / "coveragerc"
    config.write_text(_CONFIG, encoding="utf-8")
    for old in kept.glob(f"{slug}.data*"):
        old.unlink()
    data = kept / f"{slug}.data"
    run = [sys.executable, "-m", "coverage"]
    tests = [
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.mutants.reaching",
        "-m",
        CHOSEN,
        *place.split(),
    ]
    environment = {**os.environ, OUT: str(kept / f"{slug}.tests"), "TAIZHANG_TEST_SEED": SEED}
    with (kept / f"{slug}.log").open("w") as log:
        try:
            subprocess.run(
                [*run, "run", f"--rcfile={config}", f"--data-file={data}", f"--context={slug}", "-m", *tests],
                cwd=tree,
                env=environment,
                stdout=log,
                stderr=log,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    time.sleep(ENDS_S)
    combine = [*run, "combine", "--quiet", f"--rcfile={config}", f"--data-file={kept / f'{slug}.reach'}"]
    subprocess.run([*combine, *map(str, kept.glob(f"{slug}.data*"))], cwd=tree, check=False)
    return (kept / f"{slug}.reach").exists()


def is_measured(kept: Path, place: str) -> bool:
    return (kept / f"{_slug(place)}.reach").exists()


def known(kept: Path) -> Reach:
    """All that was measured."""
    tests: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    seconds: dict[str, float] = {}
    for path in sorted(kept.glob("*.reach")):
        own: dict[str, float] = json.loads(path.with_suffix(".tests").read_text(encoding="utf-8"))
        seconds |= own
        data = CoverageData(str(path))
        data.read()
        for file in data.measured_files():
            for line, contexts in data.contexts_by_lineno(file).items():
                for context in contexts:
                    _, _, test = context.partition("|")
                    tests[file][line] |= {test} & own.keys() if test else own.keys() if _is_alone(own) else set()
    return Reach(tests, seconds)


def _is_alone(own: dict[str, float]) -> bool:
    return len({test.partition("::")[0] for test in own}) == 1


def _slug(place: str) -> str:
    files = place.split()
    return "-".join([*re.split(r"\W+", files[0]), str(len(files))])
