"""The demo city's statistical tables, and a shell that falls out of effective coverage on its day, over HTTP."""

import csv
import io
import zipfile
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from services.demo_city import campaign, living
from tests.fix_service import Service
from tests.statutory_count import counted

DEADLINE = date(2024, 12, 31)

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize("day", [DEADLINE, date(2025, 6, 30)], ids=str)
def test_every_cell_of_the_statutory_tables_is_what_sql_over_the_raw_events_counts(
    city: Service, city_database: str, day: date
) -> None:
    position = city.get("/v1/rates")["known_at"]["position"]
    by_hand = counted(city_database, day, position, date(day.year, 1, 1))
    for table, cells in by_hand.items():
        told = city.get(f"/v1/statutory/{table}", as_of=day.isoformat(), known_at=position)
        shown = {
            (line["line"], column): (cell["value"], cell["unknown"])
            for line in told["lines"]
            for column, cell in line["cells"].items()
        }
        assert shown == cells, table
        assert told["checks"]
        assert [check for check in told["checks"] if not check["holds"]] == []
        assert {line["line"] for line in told["lines"] if any((c["value"] or 0) > 0 for c in line["cells"].values())}


def test_what_stands_behind_a_cell_adds_up_to_it_and_is_decided_by_events(city: Service) -> None:
    for table, line, column in (
        ("enterprises", 1, "total"), ("enterprises", 5, "private_enterprise"), ("enterprises", 8, "total"),
        ("enterprises", 10, "employees_50"), ("enterprises", 14, "total"), ("enterprises", 13, "total"),
        ("social-organizations", 12, "total"), ("party-organizations", 4, "branch"),
    ):  # fmt: skip
        told = city.get(f"/v1/statutory/{table}", as_of="2024-12-31")
        cell = told["lines"][line - 1]["cells"][column]
        parts, cursor = [], None
        while True:
            page = city.get(
                f"/v1/statutory/{table}/behind", as_of="2024-12-31", line=line, column=column, limit=1000, cursor=cursor
            )
            parts += page["behind"]
            cursor = page["next"]
            if cursor is None:
                break
        assert len({part["subject"] for part in parts}) == len(parts) == page["total"] > 0
        assert sum(part["adds"] or 0 for part in parts) == cell["value"]
        assert sum(part["adds"] is None for part in parts) == cell["unknown"]
        assert all(part["positions"] for part in parts)


def counts_of(city: Service, day: date, **asked: str) -> dict[str, Any]:
    found: dict[str, Any] = city.get("/v1/rates", as_of=day.isoformat(), **asked)["total"]["counts"]
    return found


def test_a_shell_falls_out_of_effective_coverage_on_its_day_and_not_a_day_before(city: Service) -> None:
    """In rates, in what explains them, on the branch's page and in the sealed reports of both days."""
    day, eve = date.fromordinal(living.SHELLS_OUT), date.fromordinal(living.SHELLS_OUT - 1)
    (shell, org) = shell_alone(city, day)
    region = city.get(f"/v1/organizations/{org}", as_of=eve.isoformat())["row"]["attributes"]["region"]

    lives = [city.get(f"/v1/branches/{shell}", as_of=each.isoformat())["row"] for each in (eve, day)]
    assert [row["in_effect"] for row in lives] == [True, False]
    assert [row["lacks"] for row in lives] == [[], ["no_meetings"]]

    def behind(of: date, **asked: str) -> set[str]:
        found = city.get("/v1/rates/explain", as_of=of.isoformat(), region=region, limit=200, **asked)
        return {each["row"]["org"] for each in found["organizations"]}

    assert org in behind(eve, count="effectively_covered")
    assert org not in behind(day, count="effectively_covered")
    assert org not in behind(eve, missing="effective_coverage")
    assert org in behind(day, missing="effective_coverage")
    assert org in behind(day, count="organization_covered")

    words = "未按要求开展组织生活"
    pages = [city.http.get(f"/branches/{shell}?as_of={each.isoformat()}&lang=zh").text for each in (eve, day)]
    assert [words in page for page in pages] == [False, True]

    reports = []
    for each in (eve, day):
        name = f"assessment:shell-{each.isoformat()}"
        body = {
            "assessment": name, "title": "有效覆盖", "office": "office:a", "campaign": campaign.NAME,
            "as_of": each.isoformat(), "group_by": ["kind"], "segment": {"region": region},
        }  # fmt: skip
        sealed = city.http.post("/v1/assessments", json=body)
        assert sealed.status_code == 201, sealed.text
        report = city.get(f"/v1/assessments/{name}", min_position=sealed.json()["position"])
        assert report["identical"]
        reports.append(report["sealed"]["total"]["effectively_covered"])
        assert reports[-1] == counts_of(city, each, region=region)["effectively_covered"]
    assert reports[0] > reports[1]


def shell_alone(city: Service, day: date) -> tuple[str, str]:
    """A shell of the city, and an organization that no other branch covers."""
    for branch in city.get("/v1/branches", as_of=day.isoformat(), lacks="no_meetings", limit=1000)["branches"]:
        if branch["formed_on"] < "2024-11-01" or branch["formed_on"] > DEADLINE.isoformat():
            continue
        for each in city.get(f"/v1/branches/{branch['branch']}", as_of=day.isoformat())["covers"]:
            found = city.get(f"/v1/organizations/{each['org']}", as_of=day.isoformat())
            if each["active"] and [here["branch"] for here in found["branches"]] == [branch["branch"]]:
                return branch["branch"], each["org"]
    raise AssertionError("no shell covers an organization by itself")


def test_a_statutory_table_is_taken_away_in_the_layout_of_offices(city: Service) -> None:
    told = city.get("/v1/statutory/enterprises", as_of="2024-12-31")
    answer = city.http.get("/v1/statutory/enterprises", params={"as_of": "2024-12-31", "format": "xlsx"})
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    form, first = book["报表"], 5
    assert form["A1"].value == "非公有制企业单位情况"
    for line in told["lines"]:
        row = [cell.value for cell in form[first + line["line"] - 1]]
        assert row[2:] == [line["line"], *(line["cells"][column]["value"] for column in told["columns"])]
    merged = {str(each) for each in form.merged_cells.ranges}
    assert {"A1:K1", "A3:B3", "A5:B5", "A7:A9", "A13:A15"} <= merged
    text = "\n".join(str(cell.value) for row in form.iter_rows() for cell in row if cell.value is not None)
    for word in ("填报单位", "审核人", "填表人", "报出日期", "口径说明", "截至 2024-12-31"):
        assert word in text, word
    assert book["表内校验"].max_row - 4 == len(told["checks"])
    packed = city.http.get("/v1/statutory/enterprises", params={"as_of": "2024-12-31", "format": "csv"})
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("table.csv").decode("utf-8-sig"))))
    assert [row["total"] for row in rows] == [str(line["cells"]["total"]["value"]) for line in told["lines"]]
    assert {row["representative"] for row in rows} == {""}


# The bulletin's dates, of the county's campaign: the survey was open, branches were being formed.
WEEK = {"as_of": "2024-11-30", "previous": "2024-11-23"}
SURVEY = "survey:880107-2024"


def paged(city: Service, path: str, of: str, **asked: str) -> list[dict[str, Any]]:
    """Every row of a list."""
    found, cursor = [], None
    while True:
        page = city.get(path, **asked, limit=1000, cursor=cursor)
        found += page[of]
        cursor = page["next"]
        if cursor is None:
            return found


def test_each_figure_of_the_bulletin_is_what_the_lists_and_rates_hold(city: Service) -> None:
    told = city.get("/v1/bulletin", **WEEK, survey=SURVEY)
    day, before = WEEK.values()
    now, then = (city.get("/v1/rates", as_of=each, group_by="region:6") for each in (day, before))
    lines = {line["region"]: line for line in told["lines"]}
    assert {group["key"]["region:6"]: group["counts"] for group in now["groups"]} == {
        region: line["counts"] for region, line in lines.items()
    }
    assert told["total"]["counts"] == now["total"]["counts"]
    earlier = {group["key"]["region:6"]: group["rates"] for group in then["groups"]}

    order = city.get("/v1/rates/ranking", as_of=day, group_by="region:6")["groups"]
    assert [line["region"] for line in told["lines"]] == [group["key"]["region:6"] for group in order]
    assert [line["rank"] for line in told["lines"]] == [group["rank"] for group in order]
    for region, line in lines.items():
        shown = (line["rates"]["organization_coverage"]["value"], earlier[region]["organization_coverage"]["value"])
        assert line["change"] == f"{(Decimal(shown[0]) - Decimal(shown[1])) * 100:.2f}"
        assert line["moved_up"] == line["rank_before"]["rank"] - line["rank"]["rank"]
    assert any(line["change"] != "0.00" for line in told["lines"])

    branches = paged(city, "/v1/branches", "branches", as_of=day)
    formed = Counter(each["region"][:6] for each in branches if each["formed_on"] > before)
    over = Counter(each["region"][:6] for each in branches if each["term_to"] and each["term_to"] < day)
    firms: list[dict[str, Any]] = [
        each
        for each in paged(city, "/v1/organizations", "organizations", as_of=day, kind="new_economic")
        if each["excluded"] is None
        and each["attributes"]["category"] != "sole_proprietor"
        and each["attributes"]["legal_person"]
        and (each["attributes"]["employees"] or 0) >= 50
    ]
    large = Counter(each["attributes"]["region"][:6] for each in firms)
    established = Counter(
        each["attributes"]["region"][:6] for each in firms if each["formation"] in ("standalone", "joint")
    )
    for name, expected in (
        ("formed", formed), ("term_over", over), ("large", large), ("large_established", established),
    ):  # fmt: skip
        assert {region: line[name] for region, line in lines.items()} == {region: expected[region] for region in lines}
        assert told["total"][name] == sum(expected.values()) > 0, name

    progress = city.get(f"/v1/surveys/{SURVEY}/progress", as_of=day)
    listed = {"to_visit": progress["total"]["listed"], "visited": progress["total"]["visited"]}
    assert told["total"]["survey"] == listed == lines["880107"]["survey"]
    assert {line["survey"] is None for region, line in lines.items() if region != "880107"} == {True}


def test_the_bulletin_is_taken_away_in_the_layout_of_offices(city: Service) -> None:
    told = city.get("/v1/bulletin", **WEEK, kind="new_social")
    answer = city.http.get("/v1/bulletin", params={**WEEK, "kind": "new_social", "format": "xlsx"})
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    form = book["通报"]
    assert form["A1"].value == "新社会组织党建工作情况通报（截至 2024-11-30）"
    headings = {cell.value: cell.column for cell in form[3] if cell.value}
    assert len(headings) == 2 + 22
    for number, line in enumerate([*told["lines"], told["total"]]):
        row = [cell.value for cell in form[5 + number]]
        assert row[headings["位次"] - 1] == (line["rank"] and line["rank"]["rank"])
        assert row[headings["组织覆盖率"] - 1] == float(line["rates"]["organization_coverage"]["value"])
        assert row[headings["纳入统计"] - 1] == line["counts"]["organizations"]
        assert row[headings["应排查"] - 1] is None
    assert form[5 + len(told["lines"])][0].value == "合计"
    foot = [cell.value for row in form.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert any("2024-11-23" in each for each in foot)
    assert any("应排查、已排查、排查率留空" in each for each in foot)


@pytest.mark.parametrize("previous", ["2024-11-30", "2025-01-01"])
def test_a_bulletin_before_that_is_of_no_earlier_day_is_refused_in_words(city: Service, previous: str) -> None:
    answer = city.http.get("/v1/bulletin", params={"as_of": "2024-11-30", "previous": previous})
    assert answer.status_code == 400
    problem = answer.json()["errors"][0]
    assert (problem["rule"], problem["value"]) == ("bulletin_previous", previous)
