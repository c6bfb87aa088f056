"""A finer cube's groups, narrowed and added up, are the groups of the question itself."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.entities import Attributes
from domain.ledger.policy import DEFAULT_POLICY, Policy
from domain.ledger.rates import ANY, DIMENSIONS, Filters, group
from domain.ledger.rows import Row
from domain.values.terms import CATEGORIES_OF_KIND, FORMATIONS, KINDS, MEASURES
from projections.ledger.columns.cubes import Shape, covers, narrowed

REGIONS = ("88", "8801", "880103", "880107", "880107002", "880107002001", "8802", "880203001")


@st.composite
def rows(draw: st.DrawFn) -> Row:
    kind = draw(st.sampled_from(KINDS))
    its = Attributes(
        kind, draw(st.sampled_from(CATEGORIES_OF_KIND[kind])), "名", draw(st.sampled_from(REGIONS)),
        draw(st.sampled_from((None, "A", "A01", "I64"))), draw(st.sampled_from((None, 3, 80))), None, None,
    )  # fmt: skip
    return Row(
        draw(st.text("abc", min_size=1)), its, 1, 0, 2, draw(st.sampled_from((None, *FORMATIONS))),
        draw(st.booleans()), draw(st.booleans()), draw(st.sampled_from((None, "duplicate"))), draw(st.booleans()),
        draw(st.sampled_from(MEASURES)),
    )  # fmt: skip


def shape(group_by: tuple[str, ...], filters: Filters = ANY, policy: Policy = DEFAULT_POLICY) -> Shape:
    return Shape(group_by, filters, policy)


GROUPINGS = [each for size in range(4) for each in combinations(DIMENSIONS, size)]
FILTERS = st.builds(
    Filters,
    region=st.sampled_from((None, None, "8", "8801", "880107", "880107002")),
    kind=st.sampled_from((None, None, *KINDS)),
    category=st.sampled_from((None, None, None, "courier")),
    industry=st.sampled_from((None, None, None, "A", "A0", "null")),
    formation=st.sampled_from((None, None, None, "joint", "null")),
    measure=st.sampled_from((None, None, None, "combine")),
    scope=st.sampled_from((None, None, None, ("880107",), ("8801", "880203001"), ())),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(rows(), max_size=8), st.sampled_from(GROUPINGS), st.sampled_from(GROUPINGS), FILTERS)
def test_what_a_cube_covers_is_what_the_rows_say(
    found: list[Row], wide: tuple[str, ...], asked: tuple[str, ...], filters: Filters
) -> None:
    if covers(shape(wide), shape(asked, filters)):
        told = narrowed(group(found, wide), shape(wide), shape(asked, filters))
        expected = group(found, asked, filters)
        assert (told, list(told)) == (expected, list(expected))


@pytest.mark.parametrize(
    ("wide", "asked", "filters"),
    [
        (("kind",), (), {"kind": "new_social"}),
        (("kind", "region:6"), ("kind",), {"region": "880107"}),
        (("kind", "region:6"), ("region:4",), {"kind": "new_social"}),
        (("kind", "region:6"), ("region:6",), {"scope": ("880107",)}),
        (("industry",), (), {"industry": "A"}),
    ],
)
def test_the_questions_of_pages_are_covered(
    wide: tuple[str, ...], asked: tuple[str, ...], filters: dict[str, Any]
) -> None:
    assert covers(shape(wide), shape(asked, Filters(**filters)))


@pytest.mark.parametrize(
    ("wide", "asked", "filters"),
    [
        (("kind", "region:6"), ("region:9",), {}),
        (("kind", "region:6"), (), {"region": "880107002"}),
        (("kind", "region:6"), (), {"scope": ("880107", "880103002")}),
        (("kind",), (), {"scope": ()}),
        (("kind",), (), {"category": "courier"}),
        (("industry",), (), {"industry": "A01"}),
        (("kind",), (), {"eligible": True}),
    ],
)
def test_what_it_does_not_tell_apart_is_not_covered(
    wide: tuple[str, ...], asked: tuple[str, ...], filters: dict[str, Any]
) -> None:
    assert not covers(shape(wide), shape(asked, Filters(**filters)))


def test_another_policy_or_a_filtered_cube_covers_nothing() -> None:
    assert not covers(shape(("kind",), policy=Policy(1, 4, ("joint",))), shape(()))
    assert not covers(shape(("kind",), Filters(kind="new_social")), shape((), Filters(kind="new_social")))
