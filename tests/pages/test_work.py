"""Work lists: the same measures, offices and due dates as the API's."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.fix_service import Service

pytestmark = pytest.mark.pages


def test_a_work_list_is_the_apis_and_narrows_to_what_is_overdue(tab: Page, city_service: Service) -> None:
    given = {"as_of": "2025-02-28", "region": "880124"}
    tab.goto("/daily?as_of=2025-02-28&region=880124&lang=en")
    for state in (None, "overdue"):
        asked = city_service.get("/v1/measures", **given, state=state, limit=30)
        assert asked["total"] > 0
        offices, items = (tab.locator("table").nth(n).locator("tbody tr").all() for n in (0, 1))
        tallies = [[f"{each[name]:,}" for name in ("open", "due", "overdue")] for each in asked["offices"]]
        assert [row.locator("td.number").all_inner_texts() for row in offices] == tallies
        assert [row.locator("th code").inner_text() for row in items] == [each["org"] for each in asked["items"]]
        if state is None:
            tab.get_by_role("navigation", name="State").get_by_role("link", name="overdue").click()
            expect(tab).to_have_url(re.compile("state=overdue"))


def test_reminders_are_the_apis_and_none_was_sent_where_the_command_never_ran(tab: Page, city_service: Service) -> None:
    asked = city_service.get("/v1/measures/reminders", as_of="2025-02-28", region="880124")["reminders"]
    tab.goto("/daily/reminders?as_of=2025-02-28&region=880124&lang=en")
    expect(tab.locator("caption")).to_contain_text(f"{len(asked):,} in all")
    rows = tab.locator("tbody tr")
    expect(rows).to_have_count(min(30, len(asked)))
    assert rows.locator("th code").all_inner_texts() == [each["subject"] for each in asked[:30]]
    assert set(rows.locator("td[data-label=Sent]").all_inner_texts()) == {"not yet"}
    overdue = [each for each in asked if each["type"] == "taizhang.reminder.overdue.v1"]
    tab.get_by_role("navigation", name="State").get_by_role("link", name="overdue").click()
    expect(tab.locator("caption")).to_contain_text(f"{len(overdue):,} in all")
