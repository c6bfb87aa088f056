"""Acts in a browser: from the page where the need arises to a form, its preview, and the ledger after it."""

import json
import re
from base64 import b64decode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.fix_browser import NARROW
from tests.fix_service import Service

pytestmark = pytest.mark.pages
DAY = "2025-02-28"
SERIOUS = {"serious", "critical"}


def sound(tab: Page) -> None:
    """No serious fault by axe-core, and nothing wider than a narrow screen."""
    found = Axe().run(tab).response["violations"]
    assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in SERIOUS] == []
    assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def without_instructor(service: Service) -> str:
    asked = {"as_of": DAY, "limit": 1, "work_covered": "false"}
    found: str = service.get("/v1/organizations", **asked)["organizations"][0]["org"]
    return found


def test_an_instructor_is_assigned_and_withdrawn_from_the_organizations_page(tab: Page, city_service: Service) -> None:
    org = without_instructor(city_service)
    tab.set_viewport_size({"width": NARROW, "height": 900})
    tab.goto(f"/ledger/{org}?as_of={DAY}&lang=en")
    tab.get_by_role("link", name="Instructor assigned").click()
    expect(tab.get_by_label("Organization")).to_have_value(org)
    expect(tab.get_by_label("Effective on")).to_have_value(DAY)
    tab.get_by_role("button", name="Preview").click()
    # Nothing was said of whom: the fault stands beside its field, and what was entered is kept.
    expect(tab.locator("[aria-invalid=true]")).to_have_attribute("name", "data.instructor")
    expect(tab.get_by_label("Organization")).to_have_value(org)
    sound(tab)
    tab.get_by_label("Instructor").fill("person:browser-1")
    tab.get_by_role("button", name="Preview").click()
    expect(tab.locator("pre")).to_contain_text('"instructor": "person:browser-1"')
    sound(tab)
    tab.get_by_role("button", name="Confirm and publish").click()
    expect(tab.get_by_role("status").filter(has_text="position")).to_be_visible()
    sound(tab)
    tab.get_by_role("link", name="See the organization's file").click()
    expect(tab.locator("main")).to_contain_text("person:browser-1")
    tab.get_by_role("link", name="Instructor withdrawn").click()
    tab.get_by_role("button", name="Preview").click()
    tab.get_by_role("button", name="Confirm and publish").click()
    tab.get_by_role("link", name="See the organization's file").click()
    expect(tab.locator("main")).not_to_contain_text("person:browser-1")


def test_what_was_found_otherwise_becomes_an_exclusion(tab: Page, city_service: Service) -> None:
    tab.goto("/daily/surveys/survey:880107-2024/discrepancies?as_of=2024-11-30&lang=en")
    tab.locator(".acts a", has_text="Organization excluded").first.click()
    org = tab.get_by_label("Organization").input_value()
    expect(tab.get_by_label("Reason")).to_have_value("not_operating")
    tab.get_by_role("button", name="Preview").click()
    tab.get_by_role("button", name="Confirm and publish").click()
    expect(tab).to_have_url(re.compile(r"done=\d+"))
    position = int(re.findall(r"done=(\d+)", tab.url)[0])
    said = json.loads(b64decode(city_service.get(f"/v1/events/{position}")["raw_base64"]))
    assert said["type"] == "taizhang.organization.excluded.v1"
    assert said["data"] == {"effective_on": "2024-11-30", "org": org, "reason": "not_operating"}


def test_a_visit_with_its_findings_is_entered_without_scripts(browser: Browser, city_service: Service) -> None:
    context = browser.new_context(
        base_url=city_service.url, java_script_enabled=False, viewport={"width": NARROW, "height": 900}
    )
    tab = context.new_page()
    org = without_instructor(city_service)
    tab.goto(f"/acts/visit.made?as_of=2024-11-30&with=org:{org}&with=survey:survey:880107-2024&lang=en")
    tab.locator("[name='data.grid']").fill("grid:browser")
    for finding in ("operation", "employees", "members", "owner", "branch_work", "problems"):
        tab.locator(f"[name='data.findings.{finding}.clear']").select_option("yes")
    tab.locator("[name='data.findings.employees.value']").fill("45")
    assert tab.locator("[name='data.findings.owner.value']").count() == 0
    tab.get_by_role("button", name="Preview").click()
    expect(tab.locator("dl").first).to_contain_text("45")
    tab.get_by_role("button", name="Change it").click()
    expect(tab.locator("[name='data.findings.employees.value']")).to_have_value("45")
    tab.get_by_role("button", name="Preview").click()
    tab.get_by_role("button", name="Confirm and publish").click()
    expect(tab.locator("h2", has_text="Done")).to_be_visible()
    context.close()
