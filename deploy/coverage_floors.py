"""`make coverage`: branch coverage of each room beside its floor; ends with 1 where a room is below it."""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

# Per cent of lines and branches of a layer's rooms. Commands run as processes of their own, which coverage follows.
FLOORS = {"domain": 95, "projections": 95, "services": 90, "api": 90}
# What a suite without a broker, a browser or the bulk load cannot reach, each with the suite that does.
LOWER = {
    "services/kafka": (40, "make test-kafka"),
}


def room_of(file: str) -> str:
    """The room of a module: its folder; the two folders of one read model, or of the evidence, count apart."""
    return str(Path(file).parent)


def main() -> int:
    """Prints a row for each room: statements and branches, per cent covered, the floor."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        subprocess.run([sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(report)], check=True)
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    possible: dict[str, int] = defaultdict(int)
    covered: dict[str, int] = defaultdict(int)
    for name, entry in files.items():
        summary = entry["summary"]
        room = room_of(name)
        possible[room] += summary["num_statements"] + summary.get("num_branches", 0)
        covered[room] += summary["covered_lines"] + summary.get("covered_branches", 0)
    below = []
    for room in sorted(room for room, count in possible.items() if count):
        share = 100 * covered[room] / possible[room]
        floor, elsewhere = LOWER.get(room, (FLOORS[room.partition("/")[0]], ""))
        print(f"{room:32} {possible[room]:6} {share:6.1f} % floor {floor} % {elsewhere}")
        if share < floor:
            below.append(room)
    if below:
        print(f"below the floor: {', '.join(below)}", file=sys.stderr)
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
