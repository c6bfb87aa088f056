"""Intake: the account by source, and the quarantine's workbench from a look at the bytes to a recorded end."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.fix_service import Service
from tests.pages.quarantined import HELD, SOURCE

pytestmark = pytest.mark.pages


def test_the_account_by_source_is_the_apis(tab: Page, city_service: Service) -> None:
    asked = city_service.get("/v1/sources")
    tab.goto("/intake")
    rows = [row.locator("td").all_inner_texts()[:4] for row in tab.locator("tbody tr").all()]
    tallies = [*asked["sources"], asked["total"]]
    names = ("received", "accepted", "duplicate", "quarantined")
    assert rows == [[f"{each[name]:,}" for name in names] for each in tallies]


def test_bytes_that_are_no_utf_8_are_shown_in_hex_and_read_by_a_guess(tab: Page) -> None:
    tab.goto("/intake/quarantine/1?lang=en")
    expect(tab.locator("main")).to_contain_text("Not UTF-8: it cannot be read from byte")
    expect(tab.locator("pre").first).to_contain_text("000000  7b 22 73 70 65 63")
    expect(tab.get_by_role("region", name="Read as gb18030, a guess")).to_contain_text("城西gb站")


def test_text_in_a_message_stays_text_and_what_does_not_show_is_written_out(tab: Page) -> None:
    tab.goto("/intake/quarantine/2")
    raw = tab.locator("pre").first
    expect(raw).to_contain_text("\\u{202e}<b>倒写</b>")
    assert tab.locator("pre b").count() == 0
    tab.get_by_text("按 JSON 解析").click()
    expect(tab.get_by_role("region", name="按 JSON 解析")).to_contain_text('"nmae": "\\u{202e}')


def test_a_group_is_tried_then_redriven_and_each_end_is_recorded(tab: Page, city_service: Service) -> None:
    """The steward's main path."""
    tab.goto("/intake?lang=en")
    tab.get_by_role("link", name="Quarantine", exact=True).click()
    tab.get_by_role("row", name=f"form {SOURCE}").get_by_role("link", name="Try a redrive").click()
    expect(tab.get_by_role("heading", name="Dry run: what a redrive would give now")).to_be_visible()
    head = city_service.get("/v1/log/proof/inclusion", position=1)["tree_size"]
    expect(tab.locator("[data-outcome=accepted]")).to_have_text(str(HELD))
    assert city_service.get("/v1/log/proof/inclusion", position=1)["tree_size"] == head
    tab.get_by_role("button", name=f"Redrive these {HELD}").click()
    expect(tab.get_by_role("heading", name="Redriven")).to_be_visible()
    expect(tab.locator("[data-outcome=accepted]")).to_have_text(str(HELD))
    ended = city_service.get("/v1/quarantine", rule="form")["quarantined"]
    assert {each["state"] for each in ended} == {"accepted"}
    assert city_service.get("/v1/log/proof/inclusion", position=1)["tree_size"] == head + HELD
    tab.get_by_role("link", name="The messages of this group").click()
    tab.locator("table").last.locator("tbody th a").first.click()
    expect(tab.get_by_role("status").last).to_contain_text("and accepted:")
    tab.locator("main a.event").first.click()
    expect(tab).to_have_url(re.compile(r"/events/\d+"))


def test_one_message_is_redriven_in_vain_and_then_discarded_with_a_reason(tab: Page, city_service: Service) -> None:
    tab.goto("/intake/quarantine?rule=date&lang=en")
    tab.locator("table").last.locator("tbody th a").first.click()
    number = int(tab.url.partition("/intake/quarantine/")[2].partition("?")[0])
    tab.get_by_role("button", name="Redrive").click()
    expect(tab.locator(".state")).to_contain_text("still refused; the message stays in quarantine")
    tab.get_by_role("button", name="Discard").click()
    # Without a reason the browser does not send it.
    assert tab.locator("#reason:invalid").count() == 1
    tab.get_by_label("Reason", exact=True).fill("旧系统的试发")
    tab.get_by_role("button", name="Discard").click()
    expect(tab.locator(".state")).to_contain_text("旧系统的试发")
    assert tab.get_by_role("button", name="Redrive").count() == 0
    steps = city_service.get(f"/v1/quarantine/{number}")["actions"]
    assert [(each["action"], each["by"], each["reason"]) for each in steps] == [
        ("still_refused", "dev", None),
        ("discarded", "dev", "旧系统的试发"),
    ]


def test_two_stewards_cannot_both_end_a_message(tab: Page, city_service: Service) -> None:
    tab.goto("/intake/quarantine?rule=date&lang=en")
    tab.locator("table").last.locator("tbody th a").first.click()
    number = tab.url.partition("/intake/quarantine/")[2].partition("?")[0]
    answer = city_service.http.post(f"/v1/quarantine/{number}/discard", json={"reason": "the other was quicker"})
    assert answer.status_code == 200
    tab.get_by_role("button", name="Redrive").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Already ended")
