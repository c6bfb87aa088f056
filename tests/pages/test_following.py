"""A figure followed down to its event and back; the ledger found, read and stepped through."""

import re
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect

from services.demo_city.groups import COURIER_GROUP
from services.demo_city.plan import LATE_COUNTY
from tests.fix_service import Service

pytestmark = pytest.mark.pages
AS_OF = "2024-12-31"


def number(text: str) -> int:
    return int(re.sub(r"[^0-9]", "", text))


def test_a_figure_leads_down_to_its_event_and_back(tab: Page) -> None:
    tab.goto(f"/?as_of={AS_OF}&rate=eligible_coverage")
    row = tab.locator("table").nth(1).get_by_role("row", name="霁川县")
    addresses = [tab.url]
    denominator = row.locator(".of a").nth(1)
    figure = number(denominator.inner_text())
    denominator.click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("溯源：应建")
    assert number(tab.locator(".figure").inner_text()) == figure
    addresses.append(tab.url)
    tab.locator("tbody th a").first.click()
    expect(tab.get_by_role("heading", name="登记信息")).to_be_visible()
    addresses.append(tab.url)
    position = tab.locator("a.event").first.inner_text().removeprefix("#")
    tab.locator("a.event").first.click()
    expect(tab).to_have_url(re.compile(f"/events/{position}"))
    assert "taizhang." in tab.locator("pre").inner_text()
    for address in reversed(addresses):
        tab.go_back()
        expect(tab).to_have_url(address)


def test_the_organizations_behind_a_figure_are_as_many_as_it_says(tab: Page, city_service: Service) -> None:
    given = {"as_of": AS_OF, "kind": "new_economic", "region:6": LATE_COUNTY, "count": "eligible"}
    asked = city_service.get("/v1/rates/explain", **given, limit=200)
    tab.goto(f"/explain?as_of={AS_OF}&kind=new_economic&region:6={LATE_COUNTY}&count=eligible&limit=200")
    names = [each["row"]["attributes"]["name"] for each in asked["organizations"]]
    assert tab.locator("tbody th a").all_inner_texts() == names
    assert number(tab.locator(".figure").inner_text()) == len(names)


def test_an_organization_is_found_by_a_part_of_its_name(tab: Page, city_service: Service) -> None:
    tab.goto(f"/ledger?as_of={AS_OF}")
    tab.get_by_label("名称或代码").fill("高朗")
    tab.get_by_label("类型", exact=True).select_option("private_enterprise")
    tab.get_by_label("排序").select_option("employees")
    tab.get_by_role("button", name="查询").click()
    expect(tab).to_have_url(re.compile("category=private_enterprise"))
    assert "measure" not in tab.url
    asked = city_service.get(
        "/v1/organizations", as_of=AS_OF, q="高朗", category="private_enterprise", sort="employees", limit=30
    )
    shown = tab.locator("tbody th code").all_inner_texts()
    assert shown == [each["org"] for each in asked["organizations"]]


def test_the_ledgers_pages_follow_one_another_without_gap(tab: Page, city_service: Service) -> None:
    tab.goto(f"/ledger?as_of={AS_OF}&limit=20")
    seen = tab.locator("tbody th code").all_inner_texts()
    tab.locator("a[rel=next]").click()
    expect(tab).to_have_url(re.compile("cursor="))
    seen += tab.locator("tbody th code").all_inner_texts()
    asked = city_service.get("/v1/organizations", as_of=AS_OF, limit=40)
    assert seen == [each["org"] for each in asked["organizations"]]


def test_a_history_is_stepped_by_keyboard_and_the_step_is_in_the_address(tab: Page) -> None:
    tab.goto(f"/ledger/{COURIER_GROUP}/history?as_of={AS_OF}")
    current = tab.locator(".steps [aria-current=step] a")
    last = current.inner_text()
    tab.keyboard.press("ArrowLeft")
    expect(tab).to_have_url(re.compile(r"step=\d+"))
    assert current.inner_text() != last
    address = tab.url
    tab.reload()
    expect(tab).to_have_url(address)
    tab.keyboard.press("ArrowRight")
    expect(current).to_have_text(last)


def test_every_page_can_be_reached_and_left_by_keyboard(tab: Page) -> None:
    tab.goto(f"/?as_of={AS_OF}")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "content"
    tab.keyboard.press("Tab")
    outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_a_form_works_without_scripts(browser: Browser, city_service: Service) -> None:
    with closing(browser.new_context(base_url=city_service.url, java_script_enabled=False)) as context:
        tab = context.new_page()
        tab.goto(f"/ledger?as_of={AS_OF}&lang=en")
        tab.get_by_label("Name or code").fill("高朗")
        tab.get_by_role("button", name="Find").click()
        assert "q=%E9%AB%98%E6%9C%97" in tab.url
        assert "measure=" not in tab.url
        assert all("高朗" in each for each in tab.locator("tbody th a").all_inner_texts())
        assert tab.locator("tbody tr").count() > 0


def test_a_printed_page_is_not_wider_than_its_sheet(tab: Page) -> None:
    tab.set_viewport_size({"width": 794, "height": 1123})  # A4 at 96 dots an inch
    tab.goto(f"/?as_of={AS_OF}")
    tab.emulate_media(media="print")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 794
    assert not tab.locator("form").first.is_visible()
