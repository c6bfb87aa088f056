"""The worked examples that the specification gives, and small failing inputs with their right values (`tests/data`)."""

import json
from pathlib import Path
from typing import Any

Example = dict[str, Any]

EXAMPLES: list[Example] = [
    json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "data" / "examples").glob("*.json"))
]


def case(name: str) -> Any:  # noqa: ANN401 - JSON of any shape
    """One small input of `tests/data/cases/lists`."""
    return json.loads((Path(__file__).parent / "data" / "cases" / "lists" / f"{name}.json").read_text())
