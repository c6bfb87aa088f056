"""GET /v1/rates/compare over HTTP: both sides against the fold from scratch, the differences against what is shown."""

from decimal import Decimal
from typing import Any

import pytest

from domain.ledger.rates import ANY, RATES, Counts
from tests.folding import World

PATH = "/v1/rates/compare"


def points(this: dict[str, Any], other: dict[str, Any], rate: str) -> str | None:
    """The difference in percentage points of the rates as they are shown."""
    left, right = this["rates"][rate]["value"], other["rates"][rate]["value"]
    return None if left is None or right is None else f"{(Decimal(left) - Decimal(right)) * 100 + 0:.2f}"


@pytest.mark.parametrize(
    ("this", "other"),
    [
        ((0.9, "2024-12-31"), (0.9, "2024-03-31")),
        ((1.0, "2024-06-30"), (0.5, "2024-06-30")),
        ((1.0, "2024-04-30"), (0.0, "2024-12-31")),
        ((0.4, "2024-02-15"), (1.0, "2024-09-01")),
    ],
)
@pytest.mark.parametrize("group_by", [(), ("kind",), ("region:6", "formation")])
def test_both_sides_are_the_fold_and_whoever_subtracts_gets_the_differences(
    world: World, this: tuple[float, str], other: tuple[float, str], group_by: tuple[str, ...]
) -> None:
    known_at, other_known_at = (int(world.head * part) for part, _ in (this, other))
    answer = world.service.get(
        PATH, as_of=this[1], known_at=known_at, other_as_of=other[1], other_known_at=other_known_at,
        group_by=list(group_by),
    )  # fmt: skip
    sides = {
        "this": world.figures(world.rows(this[1], known_at), group_by, ANY),
        "other": world.figures(world.rows(other[1], other_known_at), group_by, ANY),
    }
    for name, expected in sides.items():
        found = [{"key": group["key"], **group[name]} for group in answer["groups"] if group[name]]
        assert found == expected
    for compared in [*answer["groups"], answer["total"]]:
        differences = compared["differences"]
        for rate in RATES:
            both = compared["this"] and compared["other"]
            expected_points = points(compared["this"], compared["other"], rate) if both else None
            assert differences["rates"][rate] == expected_points
        for count, difference in differences["counts"].items():
            left, right = (compared[side]["counts"][count] if compared[side] else 0 for side in ("this", "other"))
            # A count that nobody can answer on one side has no difference.
            assert difference == (None if left is None or right is None else left - right)


def test_left_out_the_other_side_stands_where_this_one_does(world: World) -> None:
    answer = world.service.get(PATH, as_of="2024-06-30", known_at=world.head // 2)
    assert answer["this"] == answer["other"]
    assert answer["this"]["known_at"]["position"] == answer["this"]["evidence"]["tree_size"] == world.head // 2
    total = answer["total"]
    assert total["this"] == total["other"]
    unanswered = {name for name, count in total["this"]["counts"].items() if count is None}
    assert unanswered == {"effectively_covered"}
    assert total["differences"]["counts"] == {name: None if name in unanswered else 0 for name in Counts._fields}


def test_a_group_on_one_side_only_is_null_on_the_other(world: World) -> None:
    answer = world.service.get(PATH, as_of="2024-12-31", other_known_at=0, group_by="kind")
    assert len(answer["groups"]) == 3
    for group in answer["groups"]:
        assert group["other"] is None
        assert set(group["differences"]["rates"].values()) == {None}
        assert group["differences"]["counts"] == group["this"]["counts"]


def test_an_instant_is_a_state_of_knowledge_too(world: World) -> None:
    answer = world.service.get(PATH, as_of="2024-12-31", other_known_at="2020-01-01T00:00:00+08:00")
    assert (answer["other"]["known_at"]["position"], answer["other"]["known_at"]["learned_at"]) == (0, None)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("other_known_at", "999999999", "position_unknown"),
        ("other_known_at", "yesterday", "instant"),
        ("other_as_of", "2024-13-01", "date"),
        ("other", "2024-01-01", "parameter_unknown"),
    ],
)
def test_a_wrong_value_is_refused_under_its_own_name(world: World, name: str, value: str, rule: str) -> None:
    answer = world.service.http.get(PATH, params={name: value})
    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert (fault["at"], fault["rule"]) == (f"query.{name}", rule)
