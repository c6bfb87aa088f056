"""The vintage table: dates down, states of knowledge across, each cell the rate of exactly that pair of clocks."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.fix_service import Service

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_each_cell_is_the_rate_at_its_pair_of_clocks(told: Service) -> None:
    found = told.get(
        "/v1/rates/vintage", **{"from": "2024-11-30"}, to="2025-01-31", known=["4", "5", "6", "7"], region="51"
    )
    assert [row["period"] for row in found["rows"]] == ["2024-11", "2024-12", "2025-01"]
    assert [each["position"] for each in found["known"]] == [4, 5, 6, 7]
    for row in found["rows"]:
        for cell, known in zip(row["cells"], found["known"], strict=True):
            rates = told.get("/v1/rates", as_of=row["as_of"], known_at=known["position"], region="51")
            assert cell == rates["total"]["rates"]["organization_coverage"]
    # Good at the deadline, taken back later.
    assert [cell["value"] for cell in found["rows"][1]["cells"]] == ["0.6667", "1.0000", "0.0000", "0.0000"]


def test_a_cell_whose_knowledge_is_older_than_its_date_is_null(told: Service) -> None:
    today = datetime.now(SHANGHAI).date()
    first = (today - timedelta(days=3)).isoformat()
    found = told.get("/v1/rates/vintage", **{"from": first}, to=today.isoformat(), step="day")
    # All was recorded today: nothing was known before, and of today only today's knowledge speaks.
    assert [[cell is None for cell in row["cells"]] for row in found["rows"]] == [
        [False, False, False, False], [True, False, False, False], [True, True, False, False], [True, True, True, False]
    ]  # fmt: skip
    assert [each["position"] for each in found["known"]] == [0, 0, 0, 7]
    assert found["rows"][0]["cells"][0] == {"numerator": 0, "denominator": 0, "value": None}


def test_before_all_events_nothing_is_known(told: Service) -> None:
    found = told.get("/v1/rates/vintage", **{"from": "2024-12-31"}, to="2024-12-31", known=["0", "7"])
    before, after = found["rows"][0]["cells"]
    assert before is None
    assert after["denominator"] == 2


@pytest.mark.parametrize(
    "parameters",
    [
        {"from": "2024-12-31", "to": "2024-01-31"},
        {"from": "1900-01-31", "to": "2024-01-31"},
        {"from": "2024-01-31", "to": "soon"},
        {"from": "2024-01-31", "to": "2024-02-29", "known": "8"},
        {"from": "2024-01-31", "to": "2024-02-29", "rate": "colour"},
        {"to": "2024-02-29"},
    ],
)
def test_a_table_that_cannot_be_is_refused(told: Service, parameters: dict[str, str]) -> None:
    answer = told.http.get("/v1/rates/vintage", params=parameters)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]
