"""Which figures of a report can be proved: regions and kinds, as the sum tree adds them up."""

from typing import Any

import pytest

from services.assessment.provable import ProvableFigure, provable

NOWHERE = {"region": None, "kind": None, "category": None, "industry": None}


@pytest.mark.parametrize(
    ("segment", "group_by", "key", "due"),
    [
        ({}, [], [], ProvableFigure(0, "", None)),
        ({}, ["kind", "region:6"], ["new_social", "990101"], ProvableFigure(6, "990101", "new_social")),
        ({}, ["region:6", "region:9"], ["990101", "990101001"], ProvableFigure(9, "990101001", None)),
        ({"region": "9901", "kind": "new_social"}, [], [], ProvableFigure(4, "9901", "new_social")),
        ({"region": "990101"}, ["region:4"], ["9901"], ProvableFigure(6, "990101", None)),
        ({"region": "9901"}, ["region:6"], ["9901"], ProvableFigure(6, "9901", None)),
        ({"category": "courier"}, [], [], None),
        ({"industry": "A"}, [], [], None),
        ({}, ["measure"], ["combine"], None),
        ({}, ["kind", "formation"], ["new_social", None], None),
    ],
)
def test_it_is_the_finest_region_and_the_kind(
    segment: dict[str, Any], group_by: list[str], key: list[str | None], due: ProvableFigure | None
) -> None:
    assert provable(NOWHERE | segment, group_by, key) == due
