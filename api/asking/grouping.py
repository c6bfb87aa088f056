"""The grouping of a question: which dimensions, and its answer's groups."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Depends, Query

from api.web.problems import invalid
from api.web.shapes import Figures, figures
from domain.ledger.rates import DIMENSIONS, Counts, Key

Dimension = Literal[
    "kind", "category", "industry", "region:2", "region:4", "region:6", "region:9", "region:12", "measure", "formation"
]


class Group(Figures):
    """One group: its key by dimension, null where the organizations lack one."""

    key: dict[str, str | None]


async def dimensions(
    group_by: Annotated[
        list[Dimension] | None, Query(description="Dimensions to group by, in this order; may repeat.")
    ] = None,
) -> tuple[str, ...]:
    """The dimensions of this question, each once."""
    given = tuple(group_by or ())
    if len(set(given)) != len(given):
        rule = f"each dimension stands once; there are {', '.join(DIMENSIONS)}"
        raise invalid("query.group_by", ", ".join(given), "dimension_repeated", rule)
    return given


Grouped = Annotated[tuple[str, ...], Depends(dimensions)]


def key(group_by: tuple[str, ...], values: Key) -> dict[str, str | None]:
    """A group's key by dimension."""
    return dict(zip(group_by, values, strict=True))


def groups(group_by: tuple[str, ...], found: Mapping[Key, Counts]) -> list[dict[str, Any]]:
    """Groups as answers show them."""
    return [{"key": key(group_by, values), **figures(counts)} for values, counts in found.items()]
