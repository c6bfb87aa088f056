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
