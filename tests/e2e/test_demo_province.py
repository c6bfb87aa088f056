"""`make demo-province`: three cities and a province as services, and the city that lies found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fix_service import ROOT

pytestmark = pytest.mark.long


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    """The demo with its cities at their smallest, until the figures are shown."""
    given = ("--once", "--port", "0", "--data", str(folder))
    own = {name: value for name, value in os.environ.items() if not name.startswith("TAIZHANG_")}
    environment = {**own, "COLUMNS": "250", "LC_ALL": "C.UTF-8"}
    command = (sys.executable, "-m", "deploy.province.demo", *given)
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=500, env=environment)


def test_the_demo_counts_two_cities_and_names_the_one_that_edits_its_figures(tmp_path: Path) -> None:
    shown = demo(tmp_path / "data")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    takes = [line for line in shown.stdout.splitlines() if "city:" in line and "as of 2024-12-31" in line]
    assert [("does not hold" in line, "city:xishan" in line) for line in takes] == [
        (False, False), (False, False), (False, True), (True, True),
    ]  # fmt: skip
    assert "in total the report says organization_covered" in shown.stdout
    assert "2/3 of these cities only" in shown.stdout
    again = demo(tmp_path / "data")
    assert again.returncode == 1
    assert "begins with empty logs" in again.stderr
