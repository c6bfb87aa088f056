"""Daily work in the browser: surveys, full lists from file to ledger, weak branches, matching, changing regions."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from services.demo_city import divisions, stories
from services.demo_city.chance import credit_code
from tests.fix_service import Service
from tests.full_lists import as_csv, as_xlsx, saved, stock
from tests.pages.views import SERIOUS
from tests.sending import envelope
from tests.versions import wait_until

pytestmark = pytest.mark.pages
SURVEY = "survey:880107-2024"


def test_a_surveys_progress_is_the_apis_by_every_level(tab: Page, city_service: Service) -> None:
    tab.goto("/daily/surveys?as_of=2024-10-12&lang=en")
    tab.locator("tbody a").click()
    for by, name in (("9", "Township"), ("12", "Village"), ("grid", "Grid")):
        tab.get_by_role("navigation", name="By", exact=True).get_by_role("link", name=name).click()
        asked = city_service.get(f"/v1/surveys/{SURVEY}/progress", as_of="2024-10-12", by=by)
        rows = tab.locator("table").first.locator("tbody tr:not(.total)")
        expect(rows).to_have_count(len(asked["groups"]))
        shown = [row.locator("td[data-label=Visited]").inner_text().split()[0] for row in rows.all()]
        assert shown == [f"{each['visited']:,}" for each in asked["groups"]]
    accuracy = city_service.get(f"/v1/surveys/{SURVEY}/accuracy", as_of="2024-11-30")["accuracy"][0]
    tab.goto(f"/daily/surveys/{SURVEY}?as_of=2024-11-30&lang=en")
    first = tab.get_by_role("table", name="Accuracy").locator("tbody tr").first
    assert f"{accuracy['agreed']} / {accuracy['revisited']}" in first.inner_text()
    assert f"{accuracy['low'] * 100:.1f}% – {accuracy['high'] * 100:.1f}%" in first.inner_text()


def send(tab: Page, path: Path, source: str, date: str) -> None:
    tab.goto("/daily/lists?lang=en")
    tab.get_by_label("Source").fill(source)
    tab.get_by_label("As of").fill(date)
    tab.get_by_label("The list").set_input_files(path)
    tab.get_by_role("button", name="Compare").click()


def differences(tab: Page) -> dict[str, str]:
    names = ("registered", "changed", "deregistered", "unchanged")
    return {name: tab.locator(f"[data-difference={name}]").inner_text() for name in names}


def test_a_list_goes_from_the_file_to_the_ledger_and_a_second_time_changes_nothing(
    tab: Page, city_service: Service, tmp_path: Path, source: str
) -> None:
    rows = stock(40)
    for number, row in enumerate(rows):
        # Of another city than the demo's.
        row[0], row[3] = credit_code("private_enterprise", "990101", number).removeprefix("uscc:"), "990101"
    (tmp_path / "一月.csv").write_bytes(as_csv(rows, "gb18030"))
    send(tab, tmp_path / "一月.csv", source, "2025-01-31")
    assert differences(tab) == {"registered": "40", "changed": "0", "deregistered": "0", "unchanged": "0"}
    faults = [each["id"] for each in Axe().run(tab).response["violations"] if each["impact"] in SERIOUS]
    assert faults == []
    tab.get_by_role("button", name="Publish 40").click()
    expect(tab.locator("[data-outcome=accepted]")).to_have_text("40")
    tab.get_by_role("link", name="Compare again").click()
    expect(tab.get_by_role("heading", name="The list agrees")).to_be_visible()
    assert differences(tab)["unchanged"] == "40"
    found = city_service.get("/v1/organizations", as_of="2025-01-31", region="990101", limit=100)
    assert len(found["organizations"]) == 40

    rows[0][5] = "77"
    (tmp_path / "二月.xlsx").write_bytes(saved(as_xlsx(rows[:30])))
    send(tab, tmp_path / "二月.xlsx", source, "2025-02-28")
    assert differences(tab) == {"registered": "0", "changed": "1", "deregistered": "10", "unchanged": "29"}
    expect(tab.locator("[data-held]")).to_contain_text("10 of 40")
    tab.get_by_label("Number of deregistrations").fill("9")
    tab.get_by_role("button", name="Confirm and publish").click()
    expect(tab.locator("[data-held]")).to_contain_text("9 is not the number")
    tab.get_by_label("Number of deregistrations").fill("10")
    tab.get_by_role("button", name="Confirm and publish").click()
    expect(tab.locator("[data-outcome=accepted]")).to_have_text("11")


def test_a_file_that_cannot_be_read_says_where_and_what_to_do(tab: Page, tmp_path: Path, source: str) -> None:
    rows = stock(5)
    rows[2][0] = "9.1330106E+17"
    (tmp_path / "list.csv").write_bytes(as_csv(rows))
    send(tab, tmp_path / "list.csv", source, "2025-01-31")
    row = tab.get_by_role("table", name="Rows that cannot be read").locator("tbody tr")
    expect(row).to_contain_text("9.1330106E+17")
    expect(row.locator("th")).to_have_text("4")
    assert tab.get_by_role("button", name="Publish").count() == 0
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    send(tab, tmp_path / "picture.csv", source, "2025-01-31")
    expect(tab.get_by_role("heading", name="This file cannot be read as a list")).to_be_visible()


def test_the_parks_eight_firms_are_shown_with_their_rectification(tab: Page) -> None:
    tab.goto("/daily/branches?as_of=2024-11-30&region=880107&weakness=could_stand_alone&limit=100&lang=en")
    park = tab.locator("tbody tr", has=tab.locator(f"code:text-is('{stories.PARK_BRANCH}')"))
    expect(park).to_contain_text("8 firms")
    expect(park).to_contain_text("under way, due 2025-06-30")
    tab.goto("/daily/branches?as_of=2025-07-01&lang=en")
    expect(tab.get_by_role("table", name="Rectifications")).to_contain_text("overdue")


def test_a_person_decides_a_match_and_undoes_it(tab: Page, city_service: Service) -> None:
    found = city_service.get("/v1/organizations", as_of="2025-06-30", region="880105", kind="new_social")
    original = found["organizations"][0]
    attributes = {name: value for name, value in original["attributes"].items() if value is not None}
    twin = {**attributes, "org": "group:page-twin", "kind": "new_employment_group", "category": "other_group"}
    event = envelope("page-twin", "organization.registered", {"effective_on": "2025-01-01", **twin}, "/registry/twin")
    position = city_service.publish([event])[0]["position"]
    tab.goto(f"/daily/matches?as_of=2025-06-30&region=880105&limit=100&lang=en&min_position={position}")
    twin_code, own_code = (tab.locator(f"code:text-is('{org}')") for org in ("group:page-twin", original["org"]))
    candidates = tab.get_by_role("table", name=re.compile("pairs that may be"))
    pair = candidates.locator("tbody tr").filter(has=twin_code).filter(has=own_code)
    pair.get_by_label("Reason").fill("同址同人")
    pair.get_by_role("button", name="the same", exact=True).click()
    decisions = tab.get_by_role("table", name="Decisions")
    expect(decisions.locator("tbody tr")).to_have_count(1)
    expect(decisions).to_contain_text("同址同人")
    expect(pair).to_have_count(0)
    decisions.get_by_label("Reason").fill("弄错了")
    decisions.get_by_role("button", name="Undo").click()
    expect(decisions).to_contain_text("undone on 2025-06-30")
    expect(pair).to_have_count(1)


def test_a_merged_county_is_one_region_after_and_two_before(tab: Page) -> None:
    for regions_at, there in (("2025-12-31", 0), ("2024-12-31", 1)):
        tab.goto(f"/daily/regions?as_of=2025-12-31&regions_at={regions_at}&compare_with=2024-12-31&lang=en")
        table = tab.get_by_role("table", name=f"By the regions of {regions_at}")
        expect(table.locator(f"code:text-is('{divisions.MERGED}')")).to_have_count(there)
        expect(table.locator(f"code:text-is('{divisions.INTO}')")).to_have_count(1)
    changes = tab.get_by_role("table", name="Changes")
    expect(changes).to_contain_text(re.compile(f"{divisions.MERGED}.*merged.*{divisions.INTO}", re.DOTALL))


def test_what_waits_today_is_counted_beside_the_link_and_counted_on_from_a_look(
    tab: Page, city_service: Service
) -> None:
    told = {each["item"]: each for each in city_service.get("/v1/today")["items"]}
    tab.goto("/?lang=en")
    link = tab.get_by_role("navigation", name="Main").locator("[data-waits]")
    waits = [told["measures_overdue"]["total"], told["measures_due"]["total"], told["orders"]["total"]]
    waits.append(told["quarantine"]["new"])
    expect(link.locator("span")).to_have_text(str(sum(waits)))
    tab.goto("/today?lang=en")
    overdue = tab.locator("[data-item=measures_overdue] td a").first
    assert overdue.inner_text() == f"{told['measures_overdue']['total']:,}"
    tab.get_by_role("button", name="I have looked").click()
    # What others set aside meanwhile may be new again; what stood there at the look is not.
    expect(tab.locator("[data-item=changes] td a").first).to_have_text("0")
    tab.locator("[data-item=measures_overdue] th a").click()
    tab.wait_for_url("**/daily?**state=overdue**")


def test_a_page_tells_that_newer_events_came_in_and_asks_anew(tab: Page, city_service: Service, source: str) -> None:
    tab.goto("/today?lang=en")
    bar = tab.locator("[data-newer]")
    expect(bar).to_be_hidden()
    body = {"effective_on": "2025-01-01", "body": "body:newer", "kind": "park", "name": "园区"}
    (done,) = city_service.publish([envelope("newer", "body.created", body, source)])
    assert done["disposition"] == "accepted", done
    city_service.get("/v1/rates", min_position=done["position"])

    def told() -> bool:
        tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        return bar.is_visible()

    wait_until(told, "no word of what came in")
    expect(bar).to_contain_text("newer events have come in")
    bar.get_by_role("link", name="Refresh this page").click()
    expect(tab.locator("footer")).to_contain_text(f"{done['position']:,}")
    expect(tab.locator("[data-newer]")).to_be_hidden()
    tab.goto(f"/today?lang=en&known_at={done['position']}")
    expect(tab.locator("[data-newer]")).to_have_count(0)
