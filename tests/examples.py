"""The worked examples that the specification gives, copied into `tests/data/examples`."""

import json
from pathlib import Path
from typing import Any

Example = dict[str, Any]

EXAMPLES: list[Example] = [
    json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "data" / "examples").glob("*.json"))
]
