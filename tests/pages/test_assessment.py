"""The assessment office's path: from a target to its report, another date beside this one, another policy."""

import re
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import pytest
from playwright.sync_api import Page, expect

from tests.fix_service import Service
from tests.pages.sealed import REPORT

pytestmark = pytest.mark.pages
CAMPAIGN = "campaign:2024-coverage"
SEALED = {
    "assessment": "assessment:2024-end", "title": "2024 年末考核", "office": "office:assessment",
    "campaign": CAMPAIGN, "as_of": "2024-12-31", "group_by": ["kind"],
}  # fmt: skip


def sides(rate: dict[str, Any]) -> str:
    value = "–" if rate["value"] is None else f"{float(rate['value']) * 100:.2f}%"
    numerator = "–" if rate["numerator"] is None else f"{rate['numerator']:,}"
    return f"{value} {numerator} / {rate['denominator']:,}"


def column(tab: Page, table: int, number: int) -> list[str]:
    found = tab.locator("table").nth(table).locator(f"tbody tr td:nth-of-type({number})").all_inner_texts()
    return [" ".join(each.split()) for each in found]


def test_targets_stand_as_the_api_says(tab: Page, city_service: Service) -> None:
    asked = city_service.get(f"/v1/campaigns/{CAMPAIGN}", as_of="2024-11-30")["targets"]
    tab.goto("/assessment?as_of=2024-11-30")
    assert column(tab, 0, 2) == [sides(each["now"]) for each in asked]
    missing = [int(re.sub(r"[^0-9]", "", each) or 0) for each in column(tab, 0, 4)]
    assert missing == [each["missing"] for each in asked]
    paces = [next(iter(re.findall(r"[0-9.]+", each)), None) for each in column(tab, 0, 6)]
    assert paces == [each["pace_needed"] and each["pace_needed"]["per_day"] for each in asked]
    assert any(paces)


def test_a_target_leads_down_to_the_organizations_that_miss_it(tab: Page) -> None:
    tab.goto("/assessment?as_of=2024-11-30&lang=en")
    tab.locator("table").first.locator(".of a").first.click()
    expect(tab.get_by_role("heading", level=1)).to_contain_text("Behind the figure")
    assert "kind=new_economic" in tab.url


def test_a_sealed_report_says_whether_the_log_still_gives_the_same(tab: Page, city_service: Service) -> None:
    answer = city_service.http.post("/v1/assessments", json=SEALED)
    assert answer.status_code == 201, answer.text
    tab.goto("/assessment?as_of=2025-01-31")
    tab.get_by_role("link", name="2024 年末考核").click()
    expect(tab.get_by_role("status").filter(has_text="完全一致")).to_be_visible()
    tab.get_by_role("link", name="在同样的两个时钟下看总览").click()
    expect(tab).to_have_url(re.compile("as_of=2024-12-31"))


def test_the_figures_of_the_overview_are_taken_away_as_a_workbook(tab: Page) -> None:
    tab.goto("/?as_of=2024-12-31")
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Excel 工作簿").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    with ZipFile(download.value.path()) as workbook:
        assert "xl/workbook.xml" in workbook.namelist()


def test_two_dates_side_by_side_differ_as_the_api_says(tab: Page, city_service: Service) -> None:
    given = {"as_of": "2024-12-31", "other_as_of": "2024-09-30", "group_by": "region:6"}
    asked = city_service.get("/v1/rates/compare", **given)
    tab.goto("/assessment/compare?as_of=2024-12-31&other_as_of=2024-09-30")
    points = [each.replace("+", "").replace("−", "-") for each in column(tab, 1, 3)]
    assert points == [each["differences"]["rates"]["organization_coverage"] for each in asked["groups"]]
    moved = city_service.get("/v1/rates/contributions", **given)
    parts = {each["key"]["region:6"]: each["points"] for each in moved["groups"]}
    shown = [each.replace("+", "").replace("−", "-") for each in column(tab, 1, 4)]
    assert shown == [parts[each["key"]["region:6"]] for each in asked["groups"]]
    assert sum(Decimal(each) for each in shown) == Decimal(moved["points"])


def test_a_report_is_sealed_on_the_page_and_superseded_by_another(tab: Page, city_service: Service) -> None:
    """The assessment office's main path ends here: both clocks chosen, the report sealed, opened and put right."""
    for name, supersedes in (("on-the-page", None), ("put-right", "assessment:on-the-page")):
        tab.goto("/assessment?as_of=2025-01-31&lang=en")
        tab.get_by_role("link", name="Seal a report").click()
        tab.get_by_label("Name of the report").fill(name)
        tab.get_by_label("Title").fill(f"考核 {name}")
        if supersedes:
            tab.get_by_label("Supersedes an earlier report").select_option(supersedes)
            tab.get_by_label("The reason, where it supersedes one").fill("口径更正")
        tab.get_by_role("button", name="Preview").click()
        assert city_service.http.get(f"/v1/assessments/assessment:{name}").status_code == 404
        tab.get_by_role("button", name="Seal for good").click()
        expect(tab).to_have_url(re.compile(f"/assessment/reports/assessment:{name}"))
        expect(tab.get_by_role("status").filter(has_text="exactly as it was sealed")).to_be_visible()
    tab.goto("/assessment/reports/assessment:on-the-page?lang=en")
    expect(tab.locator("main")).to_contain_text("This report is superseded by assessment:put-right: 口径更正")
    sealed = city_service.get("/v1/assessments/assessment:on-the-page")["sealed"]
    assert (sealed["as_of"], sealed["group_by"]) == ("2025-01-31", ["kind", "region:6"])


def test_the_page_of_a_report_shows_what_its_event_holds(tab: Page, city_service: Service) -> None:
    asked = city_service.get(f"/v1/assessments/{REPORT}")
    tab.goto(f"/assessment/reports/{REPORT}")
    assert column(tab, 0, 2) == [sides(with_value(each["now"])) for each in asked["sealed"]["targets"]]
    verdicts = [bool(each["as_known_then"]["reached"]) for each in asked["sealed"]["targets"] if each["as_known_then"]]
    assert [each.startswith("达到") for each in column(tab, 0, 4) if each != "未到期"] == verdicts
    since = asked["since"]
    assert since["sources"]
    assert [row.inner_text() for row in tab.locator("table").nth(3).locator("tbody th").all()] == [
        each["source"] for each in since["sources"]
    ]


def with_value(rate: dict[str, Any]) -> dict[str, Any]:
    return {**rate, "value": str(rate["numerator"] / rate["denominator"])}


def test_another_policy_is_asked_by_a_form_and_stands_in_the_address(tab: Page, city_service: Service) -> None:
    tab.goto("/assessment/what-if?as_of=2024-12-31&lang=en")
    tab.get_by_label("Full members for a branch").fill("5")
    tab.get_by_label("Joint").uncheck()
    tab.get_by_role("button", name="Count").click()
    expect(tab).to_have_url(re.compile("full_members_for_branch=5"))
    expect(tab.get_by_label("Joint")).not_to_be_checked()
    asked = city_service.get(
        "/v1/rates/what-if", as_of="2024-12-31", full_members_for_branch=5,
        formations_counted=["standalone", "affiliated"],
    )  # fmt: skip
    expected = [sides(each) for each in asked["total"]["supposed"]["rates"].values()]
    assert column(tab, 0, 1)[: len(expected)] == expected
