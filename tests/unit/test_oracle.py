"""The oracle agrees with the worked examples of the specification, those of types to come too."""

import ast
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import EXAMPLES
from tests.fact_data import DATA
from tests.histories import fits
from tests.oracle import facts as oracle_facts
from tests.oracle import forms, instants, rates

TO_COME = [
    json.loads(path.read_text())
    for path in sorted((Path(__file__).parents[1] / "data" / "examples_to_come").glob("*.json"))
]
QUESTIONS = [
    pytest.param(example, question, id=f"{example['title'][:20]}-{number}")
    for example in [*EXAMPLES, *TO_COME]
    for number, question in enumerate(example["questions"])
]


@pytest.mark.parametrize(("example", "question"), QUESTIONS)
def test_the_oracle_answers_as_the_specification_does(example: dict[str, Any], question: dict[str, Any]) -> None:
    after = question["known_after"]
    deliveries = example["deliveries"] if after == "all" else example["deliveries"][:after]
    known, _ = oracle_facts.known_facts(oracle_facts.accepted(deliveries))
    found = rates.groups(known, date.fromisoformat(question["as_of"]), question["group_by"], question["filters"])
    told = [
        {"key": key, "counts": {name: counts[name] for name in expected["counts"]}}
        for (key, counts), expected in zip(found, question["groups"], strict=True)
    ]
    assert told == question["groups"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2024-03-01T00:00:00.05Z", "2024-03-01T00:00:00.1234Z"),
        ("2024-03-01T00:00:00.123456788z", "2024-03-01T08:00:00.123456789+08:00"),
        ("1900-01-01T00:00:00Z", "2199-12-31T23:59:59.999999999Z"),
    ],
)
def test_instants_are_told_apart_to_the_nanosecond(first: str, second: str) -> None:
    assert instants.read_instant(first) < instants.read_instant(second)


@pytest.mark.parametrize("text", ["1899-12-31T23:59:59.999999999Z", "2200-01-01T00:00:00Z", "2024-03-01T00:00:00"])
def test_what_is_outside_the_bounds_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        instants.read_instant(text)


def test_three_years_end_on_the_day_before() -> None:
    assert instants.last_day_of_years(date(2022, 1, 10), 3) == date(2025, 1, 9)
    assert instants.last_day_of_years(date(2024, 2, 29), 3) == date(2027, 2, 28)


def test_a_period_is_complete_on_its_last_day() -> None:
    quarters = instants.complete_periods("quarter", 2, date(2024, 3, 31))
    assert quarters == [(date(2024, 1, 1), date(2024, 3, 31)), (date(2023, 10, 1), date(2023, 12, 31))]
    assert instants.complete_periods("quarter", 1, date(2024, 3, 30)) == [(date(2023, 10, 1), date(2023, 12, 31))]
    assert instants.complete_periods("half_year", 1, date(2024, 7, 1)) == [(date(2024, 1, 1), date(2024, 6, 30))]


def test_a_ratio_is_rounded_half_up() -> None:
    assert (rates.ratio(1, 20_000), rates.ratio(1, 20_001), rates.ratio(2, 3), rates.ratio(0, 0)) == (
        "0.0001",
        "0.0000",
        "0.6667",
        None,
    )


def test_the_oracle_imports_nothing_of_the_product() -> None:
    modules = sorted((Path(__file__).parents[1] / "oracle").glob("*.py"))
    assert modules
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text())):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            named += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            own = {
                name
                for name in named
                if name.split(".")[0] in sys.stdlib_module_names or name.startswith("tests.oracle")
            }
            assert set(named) == own, module


WRONG: list[object] = [
    None, "", 0, -1, True, "x", [], {}, "2024-02-30", "510104", "5100", "510104000", "full", "member:", "member:a b",
    "branch:x", "group:", "uscc:91510104MA0000000X", "I6", "U", "I64110", ["group:G-1"], ["x"], "new_social", "courier",
]  # fmt: skip


@given(st.data())
def test_the_oracle_and_intake_agree_on_what_fits_a_type(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name in DATA if name in forms.FORMS]))
    said = {"effective_on": "2024-02-01", **data.draw(DATA[name])}
    field = data.draw(st.sampled_from([*sorted(said), "misspelt"]))
    match data.draw(st.sampled_from(["as it is", "without the field", "with another value"])):
        case "without the field":
            said.pop(field, None)
        case "with another value":
            said[field] = data.draw(st.sampled_from(WRONG))
    assert forms.fits(name, said) == fits(f"taizhang.{name}.v1", said)
