"""`make demo-kafka`: the whole path on a broker from a wheel, without Java."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fix_kafka import ROOT

pytestmark = pytest.mark.kafka


def demo(folder: Path) -> str:
    """What it prints; the demo city at its smallest."""
    command = [
        sys.executable,
        "deploy/kafka/demo.py",
        "--once",
        "--port",
        "0",
        "--scale",
        "0.02",
        "--data",
        str(folder),
    ]
    wide = {**os.environ, "COLUMNS": "250"}
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=240, env=wide).stdout


def counts(printed: str) -> tuple[int, dict[str, int]]:
    line = next(line for line in printed.splitlines() if " messages, " in line)
    found = re.findall(r"'(\w+)': (\d+)", line)
    return int(line.partition(" ")[0].replace(",", "")), {name: int(number) for name, number in found}


def test_the_demo_takes_in_every_message_and_knows_them_again(tmp_path: Path) -> None:
    first = demo(tmp_path)
    sent, after = counts(first)
    assert sent == after["received"] == after["accepted"] + after["duplicate"] + after["quarantined"]
    assert "new_soci" in first
    sent, again = counts(demo(tmp_path))
    assert again["received"] == 2 * sent
    assert again["accepted"] == after["accepted"]
