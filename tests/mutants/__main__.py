"""`make mutants`: makes small changes of the code, one at a time, in a clone, and tells which of them no test notices.

The first run measures which tests run which lines. Each run goes on where the one before ended, for the minutes given;
the results are in .mutants/results.jsonl, and the table at the end is of all of them. A change of code makes its own
changes anew, not the others; `--measure PATH` measures a file of tests once more.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.mutants import reach
from tests.mutants.changes import TARGETS, Change, class_of, sampled
from tests.mutants.trying import PLAN

ROOT: Final = Path(__file__).parents[2]
KEPT: Final = ROOT / ".mutants"
EQUIVALENT: Final = Path(__file__).with_name("equivalent.json")
SEED: Final = 18
# Of each of the three classes.
CHANGES: Final = 100
NOTICED: Final = ("killed", "timeout")


def clone() -> tuple[Path, str]:
    """A clone of what is committed, and its commit: the work tree stays as it is."""
    tree = KEPT / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(tree)], check=True)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=tree, check=True, capture_output=True, text=True
    )
    return tree, commit.stdout.strip()


def results() -> dict[str, dict[str, Any]]:
    """The last word on each change."""
    path = KEPT / "results.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {told["key"]: told for told in map(json.loads, lines)}


def run(tree: Path, commit: str, todo: list[Change], until: float, *, unit: bool) -> None:
    """Try these changes on the tests that were measured, those of units or all others, until the time is over.

    What is run at import comes last: it takes a pytest of its own for each.
    """
    plan, kept = KEPT / "plan.json", KEPT / "reach"
    told = {"commit": commit, "unit": unit}
    about = {"until": until, "reach": str(kept), "results": str(KEPT / "results.jsonl")}
    plan.write_text(
        json.dumps({**about, "told": told, "changes": sorted(todo, key=lambda each: each.at_import)}), encoding="utf-8"
    )
    measured = [
        file for place in reach.files_of_tests(tree) if reach.is_measured(kept, place) for file in place.split()
    ]
    files = [file for file in measured if file.startswith(reach.TOGETHER) == unit]
    plugins = ["-p", "tests.mutants.trying", "-p", "tests.mutants.quick", "-p", "no:cacheprovider"]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-s", *plugins, "-m", reach.CHOSEN, *files],
        env={**os.environ, PLAN: str(plan), "TAIZHANG_TEST_SEED": reach.SEED},
        cwd=tree,
        stdout=subprocess.DEVNULL,
        check=False,
    )


def table(changes: list[Change], told: dict[str, dict[str, Any]]) -> str:
    """Rooms by class, and every change that no test notices, with the reason where none could."""
    reasons: dict[str, str] = json.loads(EQUIVALENT.read_text(encoding="utf-8"))
    lines = ["| room | changes | noticed | equivalent | score | target |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    left = []
    for name, target in TARGETS.items():
        counted: dict[str, Counter[str]] = {}
        for change in changes:
            if class_of(change.file) == name and change.key in told:
                noticed = told[change.key]["outcome"] in NOTICED
                kind = "noticed" if noticed else "equivalent" if change.key in reasons else "left"
                for room in (f"**{name}**", str(Path(change.file).parent)):
                    counted.setdefault(room, Counter())[kind] += 1
                if not noticed:
                    left.append(f"- `{change.key}` (line {change.line}): {reasons.get(change.key, 'not noticed')}")
        for room, of in counted.items():
            worth = of["noticed"] + of["left"]
            score = f"{100 * of['noticed'] / worth:.0f} %" if worth else ""
            aim = f"{target} %" if room.startswith("**") else ""
            lines.append(f"| {room} | {of.total()} | {of['noticed']} | {of['equivalent']} | {score} | {aim} |")
    return "\n".join([*lines, "", *left])


def is_due(told: dict[str, Any] | None, *, again: bool, unit: bool) -> bool:
    """Whether a change is to be tried on these tests; on others than those of units what these did not notice."""
    if unit:
        return told is None or again
    return told is not None and told["outcome"] not in NOTICED and (told["unit"] or again)


def main() -> None:
    """Measure what is not measured yet, try what is not tried yet, print the table."""
    given = argparse.ArgumentParser()
    given.add_argument("minutes", type=float)
    given.add_argument("--measure", nargs="*", default=[], help="files of tests to measure once more")
    given.add_argument("--only", default="", help="all changes whose name holds this, tried or not")
    given.add_argument("--seed", type=int, default=SEED)
    given.add_argument("--changes", type=int, default=CHANGES, help="of each class")
    asked = given.parse_args()
    until = time.time() + 60 * asked.minutes
    KEPT.mkdir(exist_ok=True)
    tree, commit = clone()
    for place in asked.measure or reach.files_of_tests(tree):
        if asked.measure or not reach.is_measured(KEPT / "reach", place):
            if time.time() > until or not reach.measure(tree, KEPT / "reach", place, until - time.time()):
                break
            sys.stderr.write(f"measured {place}\n")
    changes = sampled(tree, asked.seed, sys.maxsize if asked.only else asked.changes)
    changes = [each for each in changes if asked.only in each.key]
    # The tests of units are quick; the others are for what those do not notice.
    for unit in (True, False):
        told = results()
        todo = [each for each in changes if is_due(told.get(each.key), again=bool(asked.only), unit=unit)]
        if todo and time.time() < until:
            run(tree, commit, todo, until, unit=unit)
    sys.stdout.write(f"seed {asked.seed}, commit {commit}\n\n{table(changes, results())}\n")


if __name__ == "__main__":
    main()
