"""Three users' tasks walked in a browser, each click counted: how much work a page asks for is part of what it is."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fix_service import Service

pytestmark = pytest.mark.pages


class Walk:
    """Clicks and filled fields of one task; a key pressed in a field counts as one."""

    def __init__(self, tab: Page) -> None:
        self.tab = tab
        self.actions = 0

    def click(self, target: Locator) -> None:
        self.actions += 1
        target.click()

    def fill(self, target: Locator, words: str) -> None:
        self.actions += 1
        target.fill(words)

    def press(self, key: str) -> None:
        self.actions += 1
        self.tab.keyboard.press(key)


def test_the_assessment_from_the_overview_to_a_sealed_report_and_its_workbook(tab: Page, city_service: Service) -> None:
    """24 actions before; at most 14."""
    tab.goto("/?as_of=2024-12-31&lang=en")
    walk = Walk(tab)
    walk.click(tab.locator(".targets a").first)
    expect(tab.get_by_role("heading", name="Assessment")).to_be_visible()
    walk.click(tab.get_by_role("link", name="Seal a report"))
    walk.fill(tab.get_by_label("Name of the report"), "walked")
    walk.fill(tab.get_by_label("Title"), "2024 年末考核")
    walk.click(tab.get_by_role("button", name="Preview"))
    expect(tab.locator("main")).to_contain_text("2024 年末考核")
    walk.click(tab.get_by_role("button", name="Seal for good"))
    expect(tab).to_have_url(re.compile("/assessment/reports/assessment:walked"))
    expect(tab.get_by_role("status").filter(has_text="exactly as it was sealed")).to_be_visible()
    with tab.expect_download() as download:
        walk.click(tab.locator(".exports").get_by_role("link", name="Excel workbook").first)
    assert download.value.suggested_filename.endswith(".xlsx")
    assert city_service.get("/v1/assessments/assessment:walked")["sealed"]["as_of"] == "2024-12-31"
    assert walk.actions <= 14


def test_a_suspicious_county_from_the_overview_to_the_bytes_that_were_received(tab: Page) -> None:
    """At most 8."""
    tab.goto("/?as_of=2024-12-31&lang=en")
    walk = Walk(tab)
    walk.click(tab.locator("table.groups tbody tr td:nth-of-type(1) .of a").first)
    expect(tab.locator(".figure")).to_be_visible()
    walk.click(tab.locator("a.event").first)
    expect(tab.get_by_role("region", name="Content, as received")).to_contain_text('"specversion"')
    assert walk.actions <= 8


def test_a_place_is_found_from_any_page_by_the_initials_of_its_name(tab: Page) -> None:
    tab.goto("/assessment?as_of=2024-12-31&lang=en")
    walk = Walk(tab)
    walk.press("/")
    expect(tab.locator(".find [type=search]")).to_be_focused()
    tab.keyboard.type("glq")
    walk.press("Enter")
    walk.click(tab.locator("[data-found=places] a").first)
    expect(tab).to_have_url(re.compile("region=880107"))
    assert walk.actions <= 3


def test_an_organization_and_an_event_are_found_from_any_page(tab: Page) -> None:
    tab.goto("/search?q=高朗&as_of=2024-12-31&lang=en")
    expect(tab.locator("[data-found=organizations] li")).to_have_count(10)
    expect(tab.locator("[data-found=places] a").first).to_have_text("Gaolang District")
    tab.goto("/search?q=%231&lang=en")
    tab.locator("[data-found=events] a").click()
    expect(tab).to_have_url(re.compile("/events/1"))


def test_a_name_stands_for_its_code_in_every_field_of_a_place(tab: Page) -> None:
    tab.goto("/ledger?as_of=2024-12-31&lang=en")
    tab.get_by_label("Region", exact=True).fill("高朗区")
    tab.get_by_role("button", name="Find", exact=True).click()
    expect(tab).to_have_url(re.compile("region=880107"))
    tab.goto("/ledger?as_of=2024-12-31&lang=zh&region=没有这样的地方")
    expect(tab.get_by_role("alert")).to_contain_text("这一天没有叫这个名字的区划")
    assert not re.search(r"[A-Za-z]{4,} [a-z]{2,} [a-z]{2,}", tab.get_by_role("alert").inner_text())
