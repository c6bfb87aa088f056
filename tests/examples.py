"""The worked examples that the specification gives, and small failing inputs with their right values (`tests/data`)."""

import json
from pathlib import Path
from typing import Any

from domain.ledger.rates import Counts

Example = dict[str, Any]

#: By the number that the file's name begins with.
NUMBERED: dict[str, Example] = {
    path.name[:2]: json.loads(path.read_text())
    for path in sorted((Path(__file__).parent / "data" / "examples").glob("*.json"))
}
EXAMPLES: list[Example] = list(NUMBERED.values())


def told(counts: dict[str, int], question: dict[str, Any]) -> dict[str, int]:
    """Of a group's counts those that the question's answer names: the first examples are older than some."""
    named = question["groups"][0]["counts"] if question["groups"] else counts
    return {name: count for name, count in counts.items() if name in named}


def expected(question: dict[str, Any]) -> list[dict[str, Any]]:
    """The question's groups, with the counts that there are; what is to come is null until it does."""
    groups = question["groups"]
    for group in groups:
        missing = {name: count for name, count in group["counts"].items() if name not in Counts._fields}
        assert set(missing.values()) <= {None}, missing
    return [
        {**group, "counts": {name: count for name, count in group["counts"].items() if name in Counts._fields}}
        for group in groups
    ]


def case(name: str) -> Any:  # noqa: ANN401 - JSON of any shape
    """One small input of `tests/data/cases/lists`."""
    return json.loads((Path(__file__).parent / "data" / "cases" / "lists" / f"{name}.json").read_text())
