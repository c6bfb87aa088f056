"""GET /v1/rates/series over HTTP, against the fold from scratch and against /v1/rates."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.assessment.series import GROUPS_MAX, POINTS_MAX
from domain.ledger.rates import ANY, Filters
from domain.values.periods import STEPS, Step, months_before, points
from tests.examples import NUMBERED
from tests.fix_service import Service, new_database
from tests.folding import World, publish
from tests.sending import removed

pytestmark = pytest.mark.long

PATH = "/v1/rates/series"
SHANGHAI_DAY_END = "16:00:00+00"  # of the same date, in UTC


@pytest.fixture(scope="module")
def world(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("series")
    with Service(folder, "--dev", database_url=new_database(postgres)) as service:
        yield publish(service, NUMBERED["11"]["deliveries"])


@pytest.mark.parametrize("step", STEPS)
def test_every_point_is_the_fold_at_the_end_of_its_period(world: World, step: Step) -> None:
    first, last = date(2024, 1, 10), date(2024, 4, 17)
    expected = points(first, last, step, POINTS_MAX)
    assert expected is not None
    known_at = world.head * 2 // 3
    filters = Filters(region="51", work_covered=False)
    answer = world.service.get(
        PATH, **{"from": first, "to": last}, step=step, known_at=known_at, group_by=["kind", "region:6"],
        region="51", work_covered="false",
    )  # fmt: skip
    assert answer["evidence"]["tree_size"] == known_at
    assert [(p["as_of"], p["period"], p["complete"]) for p in answer["points"]] == [
        (each.as_of.isoformat(), each.period, each.complete) for each in expected
    ]
    for point in answer["points"]:
        rows = world.rows(point["as_of"], known_at)
        assert point["known_at"]["position"] == known_at
        assert point["groups"] == world.figures(rows, ("kind", "region:6"), filters)
        assert [{"key": {}, **point["total"]}] == (world.figures(rows, (), filters) or [{"key": {}, **point["total"]}])


def test_without_groups_the_total_stands_alone_and_equals_rates(world: World) -> None:
    answer = world.service.get(PATH, **{"from": "2024-01-01", "to": "2024-12-31"}, step="quarter")
    for point in answer["points"]:
        alone = world.service.get("/v1/rates", as_of=point["as_of"])
        assert point["total"] == alone["total"]
        assert point["groups"] == alone["groups"] == world.figures(world.rows(point["as_of"], world.head), (), ANY)


@pytest.mark.parametrize(("name", "months"), [("month_on_month", 1), ("year_on_year", 12)])
def test_every_point_says_how_its_rates_moved(world: World, name: str, months: int) -> None:
    """Both sides by the fold from scratch, the points worked out with fractions from their counts."""
    known_at = world.head * 2 // 3
    answer = world.service.get(
        PATH, **{"from": "2024-01-31", "to": "2025-01-31"}, step="quarter", known_at=known_at, group_by="kind"
    )
    compared = 0
    for point in answer["points"]:
        moved = point[name]
        day = months_before(date.fromisoformat(point["as_of"]), months)
        assert moved["as_of"] == day.isoformat()
        rows = world.rows(moved["as_of"], known_at)
        earlier = {each["key"]["kind"]: each["rates"] for each in world.figures(rows, ("kind",), ANY)}
        assert [each["key"] for each in moved["groups"]] == [each["key"] for each in point["groups"]]
        for now, each in zip(point["groups"], moved["groups"], strict=True):
            before = earlier.get(now["key"]["kind"], {})
            for rate, found in each["rates"].items():
                assert found["before"] == before.get(rate)
                assert found["points"] == points_between(now["rates"][rate], before.get(rate))
                compared += found["points"] is not None
        (whole,) = world.figures(rows, (), ANY) or [{"rates": {}}]
        assert {n: each["before"] for n, each in moved["total"].items() if each["before"]["denominator"]} == {
            n: each for n, each in whole["rates"].items() if each["denominator"]
        }
    assert compared > 0


def points_between(now: dict[str, Any], before: dict[str, Any] | None) -> str | None:
    """The difference in percentage points of the rates as they are shown."""
    if before is None or None in (now["value"], before["value"]):
        return None
    return f"{(Decimal(now['value']) - Decimal(before['value'])) * 100 + 0:.2f}"


def test_a_month_before_the_calendars_first_is_its_first_day(world: World) -> None:
    answer = world.service.get(PATH, **{"from": "1900-01-01", "to": "1900-01-05"}, step="month")
    assert answer["points"][0]["month_on_month"]["as_of"] == "1900-01-01"
    assert answer["points"][0]["year_on_year"]["total"]["work_coverage"]["points"] is None
    assert world.service.get("/v1/rates/ranking", as_of="1900-01-05")["year_before"] == "1900-01-01"


def test_known_then_is_each_day_as_it_was_known_when_it_ended(database: str, tmp_path: Path) -> None:
    """The clock of the log is set back: its guard against changes stands aside for the owner of the table."""
    today = date.fromisoformat("2024-06-20")
    with Service(tmp_path, "--dev", database_url=database) as service:
        world = publish(service, NUMBERED["03"]["deliveries"])
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("ALTER TABLE taizhang.log DISABLE TRIGGER USER")
            for position in range(1, world.head + 1):
                day = today + timedelta(days=position)
                # On the last microsecond of the day, and on the first of the next.
                moment = f"{day} 15:59:59.999999+00" if position % 2 else f"{day} {SHANGHAI_DAY_END}"
                connection.execute(
                    "UPDATE taizhang.log SET recorded_at = %s WHERE notification_id = %s", (moment, position)
                )
        last = today + timedelta(days=world.head + 2)
        answer = service.get(PATH, **{"from": today, "to": last}, step="day", known="then", group_by="kind")
    # Odd positions are known on their day, even ones on the day after, with the odd one that follows.
    positions = [min(n if n % 2 else max(n - 1, 0), world.head) for n in range(world.head + 1)] + [world.head] * 2
    assert [point["known_at"]["position"] for point in answer["points"]] == positions
    for point in answer["points"]:
        rows = world.rows(point["as_of"], point["known_at"]["position"])
        assert point["groups"] == world.figures(rows, ("kind",), ANY)


def test_known_then_of_days_to_come_is_what_is_known_now(world: World) -> None:
    answer = world.service.get(PATH, **{"from": "2199-12-30", "to": "2199-12-31"}, step="day", known="then")
    assert [point["known_at"]["position"] for point in answer["points"]] == [world.head] * 2
    before = world.service.get(PATH, **{"from": "1999-12-30", "to": "1999-12-31"}, step="day", known="then")
    assert [(point["known_at"]["position"], point["known_at"]["learned_at"]) for point in before["points"]] == [
        (0, None)
    ] * 2


@pytest.mark.parametrize(
    ("parameters", "at", "rule"),
    [
        ({"from": "2020-01-01", "to": "2024-12-31", "step": "day"}, "query.step", "points_max"),
        ({"from": "2024-01-02", "to": "2024-01-01"}, "query.to", "range"),
        ({"from": "2024-02-30", "to": "2024-12-31"}, "query.from", "date"),
        ({"from": "2024-01-01", "to": "2024-12-31", "known": "then", "known_at": "1"}, "query.known_at", "known_twice"),
        ({"from": "2024-01-01", "to": "2024-12-31", "step": "fortnight"}, "query.step", "literal_error"),
        ({"to": "2024-12-31"}, "query.from", "missing"),
        ({"from": "2024-01-01", "to": "2024-12-31", "as_of": "2024-01-01"}, "query.as_of", "parameter_unknown"),
    ],
)
def test_what_a_series_cannot_answer_is_refused_by_name(
    world: World, parameters: dict[str, str], at: str, rule: str
) -> None:
    answer = world.service.http.get(PATH, params=parameters)
    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert (fault["at"], fault["rule"]) == (at, rule)
    assert fault["message"]


def test_more_groups_than_the_limit_are_refused(world: World) -> None:
    """A thousand days of a grouping with more than 20 groups."""
    dimensions = ["category", "industry", "region:12", "measure", "formation"]
    groups = world.service.get("/v1/rates", as_of="2026-11-01", group_by=dimensions)["groups"]
    days = GROUPS_MAX // len(groups) + 1
    assert days <= POINTS_MAX, "the world has too few groups for this test"
    first = date(2026, 11, 1)
    answer = world.service.http.get(
        PATH, params={"from": str(first), "to": str(first + timedelta(days)), "step": "day", "group_by": dimensions}
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["rule"] == "groups_max"


def test_a_series_reads_its_own_writes(service: Service, source: str) -> None:
    (result,) = service.publish(removed("e1", source))
    answer = service.get(PATH, **{"from": "2024-01-01", "to": "2024-12-31"}, min_position=result["position"])
    assert answer["points"][0]["known_at"]["position"] >= result["position"]
