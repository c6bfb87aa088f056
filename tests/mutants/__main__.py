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


def run(tree: Path, commit: str, todo: list[Change], until: float) -> None:
    """Try these changes, until the time is over."""
    plan = KEPT / "plan.json"
    told = {"commit": commit, "until": until, "reach": str(KEPT / "reach"), "results": str(KEPT / "results.jsonl")}
    plan.write_text(json.dumps({**told, "changes": todo}), encoding="utf-8")
    measured = [place for place in reach.files_of_tests(tree) if reach.is_measured(KEPT / "reach", place)]
    plugins = ["-p", "tests.mutants.trying", "-p", "tests.mutants.quick", "-p", "no:cacheprovider"]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-s", *plugins, "-m", reach.CHOSEN, *measured],
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


def main() -> None:
    """Measure what is not measured yet, try what is not tried yet, print the table."""
    given = argparse.ArgumentParser()
    given.add_argument("minutes", type=float)
    given.add_argument("--measure", nargs="*", default=[], help="files of tests to measure once more")
    given.add_argument("--only", default="", help="changes whose name holds this, tried or not")
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
    changes = sampled(tree, asked.seed, asked.changes)
    told = results()
    todo = [each for each in changes if (asked.only in each.key if asked.only else each.key not in told)]
    if todo and time.time() < until:
        run(tree, commit, todo, until)
    sys.stdout.write(f"seed {asked.seed}, commit {commit}\n\n{table(changes, results())}\n")


if __name__ == "__main__":
    main()
