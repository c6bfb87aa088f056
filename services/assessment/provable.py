"""Which figures of a sealed report can be proved: those of regions and kinds, which the sum tree adds up."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from domain.ledger.rates import REGION_DIMENSION_LENGTHS


class ProvableFigure(NamedTuple):
    """A figure's region, by digits and key (0 and nothing for the whole), and kind; None for all kinds."""

    digits: int
    key: str
    kind: str | None


def provable(segment: Mapping[str, Any], group_by: Sequence[str], key: Sequence[str | None]) -> ProvableFigure | None:
    """The figure of a group within a segment, as a proof is of it; None where no proof can be.

    Args:
        segment: of the report.
        group_by: its dimensions.
        key: the group's values; none for the total.
    """
    digits, region = len(segment.get("region") or ""), segment.get("region") or ""
    kind = segment.get("kind")
    if segment.get("category") or segment.get("industry") or digits not in {0, *REGION_DIMENSION_LENGTHS}:
        return None
    for name, value in zip(group_by, key, strict=False):
        if name == "kind":
            kind = value
        elif not name.startswith("region:") or value is None:
            return None
        elif int(name[7:]) >= digits:
            digits, region = int(name[7:]), value
    return ProvableFigure(digits, region, kind)
