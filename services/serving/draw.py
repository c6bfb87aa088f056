"""`python -m services.serving.draw`: a Vega-Lite specification a line in, its SVG out; ends with its input.

A process of its own (services/serving/drawing.py): the library holds the interpreter's lock while it draws.
"""

import json
import os
import sys
from typing import Final

import vl_convert

# Whoever waits for an answer of the service goes before whoever waits for a chart.
_NICE: Final = 5
_FIRST: Final = (
    '{"data": {"values": [{"a": 1}]}, "mark": "line", "encoding": {"x": {"field": "a", "type": "temporal"}}}'
)


def main() -> None:
    """Draw one chart for itself, which takes nearly a second, so that the first that is asked for takes none of it."""
    os.nice(_NICE)
    _drawn(_FIRST)
    for line in sys.stdin:
        print(json.dumps(_drawn(line)), flush=True)  # noqa: T201 - standard output is the answer


def _drawn(specification: str) -> dict[str, str]:
    try:
        # No data is fetched: a specification holds all of its own.
        return {"svg": vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])}
    except ValueError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    main()
