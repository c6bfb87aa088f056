"""Answers of GET /v1/rates as they may be handed on: with figures left out, put in, repeated or from elsewhere."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.ledger.rates import ANY, Counts, Filters, add, count_row
from domain.ledger.rows import ledger
from services.evidence.bundles.answers import Answer, AnswerError, figures
from services.evidence.copies.stored import event_of
from services.ledger.ruleset import ruleset
from tests.forging import (
    AFTER,
    MemoryLog,
    city,
    log_of,
)
from tests.histories import fits


@pytest.fixture
def log() -> MemoryLog:
    return log_of(city())


def answer(log: MemoryLog, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """What GET /v1/rates would have said."""
    state = ledger(map(event_of, log.stored), AFTER, fits)
    one, two = ([row for row in state.rows() if row.attributes.region == region] for region in ("9901", "9902"))

    def of(rows: list[Any]) -> dict[str, Any]:
        total = Counts()
        for row in rows:
            total = add(total, count_row(row))
        return figures(total)

    groups = [{"key": {"region:4": region}, **of(rows)} for region, rows in (("9901", one), ("9902", two))]
    made = {
        "as_of": AFTER.isoformat(), "known_at": {"position": 21, "recorded_at": None}, "filters": {},
        "evidence": {"tree_size": 21, "root_hash": log.head().root_hash.hex(), "ruleset": ruleset()},
        "group_by": ["region:4"], "groups": groups, "total": of([*one, *two]), "whole": None,
    }  # fmt: skip
    return json.loads(json.dumps({**made, **changes}))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a["groups"].pop(),
        lambda a: a["groups"].append(a["groups"][0]),
        lambda a: a["groups"].append({**a["groups"][0], "key": {"region:4": "9903"}}),
        lambda a: a["groups"][0].update(covered=7),
        lambda a: a["groups"][0]["counts"].update(surplus=7),
        lambda a: a["groups"][0]["counts"].pop("employees"),
        lambda a: a["groups"][1]["rates"]["work_coverage"].update(value="0.9999"),
        lambda a: a["groups"][1]["rates"]["work_coverage"].update(more=1),
        lambda a: a["groups"][0].update(counts=[]),
        lambda a: a["total"]["rates"].update(other={"numerator": 1, "denominator": 1, "value": "1.0000"}),
        lambda a: a["total"]["counts"].update(standalone=True),
        lambda a: a.update(total=a["groups"][0]),
        lambda a: a.update(whole=a["groups"][0]),
        lambda a: a.update(published={"organization_coverage": "0.9900"}),
        lambda a: a.update(group_by=[]),
        lambda a: a.update(group_by=["region:4", "region:4"]),
        lambda a: a.update(as_of="2024-01-01"),
        lambda a: a.update(filters={"region": "9901"}),
        lambda a: a["known_at"].update(position=3),
        lambda a: a["known_at"].update(position=22),
        lambda a: a["known_at"].update(position=True),
    ],
)
def test_an_answer_with_surplus_repeated_or_foreign_figures_is_refused(
    log: MemoryLog, change: Callable[[dict[str, Any]], object]
) -> None:
    whole, forged = answer(log), answer(log)
    change(forged)
    assert differing(log, whole) == []
    assert differing(log, forged) != []


def differing(log: MemoryLog, given: dict[str, Any]) -> list[str]:
    try:
        read_answer = Answer(json.dumps(given).encode(), ANY)
    except AnswerError as fault:
        return [str(fault)]
    known = [event_of(each) for each in log.stored[: read_answer.position]]
    return read_answer.compare(ledger(known, read_answer.as_of, fits))


def test_an_answer_s_json_is_read_strictly(log: MemoryLog) -> None:
    text = json.dumps(answer(log))
    for written in (
        "[" * 100_000,
        text.replace("{", '{"as_of":"2024-03-01",', 1),
        text[:-1],
        "NaN",
        "7",
        "null",
        "\x00",
    ):
        with pytest.raises(AnswerError, match="no answer of GET /v1/rates"):
            Answer(written.encode(), Filters())
