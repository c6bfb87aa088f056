"""The worked examples that the specification gives, and small failing inputs with their right values (`tests/data`)."""

import json
from pathlib import Path
from typing import Any

Example = dict[str, Any]

EXAMPLES: list[Example] = [
    json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "data" / "examples").glob("*.json"))
]


def told(counts: dict[str, int], question: dict[str, Any]) -> dict[str, int]:
    """Of a group's counts those that the question's answer names: the first examples are older than some."""
    named = question["groups"][0]["counts"] if question["groups"] else counts
    return {name: count for name, count in counts.items() if name in named}


def case(name: str) -> Any:  # noqa: ANN401 - JSON of any shape
    """One small input of `tests/data/cases/lists`."""
    return json.loads((Path(__file__).parent / "data" / "cases" / "lists" / f"{name}.json").read_text())
