"""Inspection: what changed since, the vintage table, signals and the trail say what the API says."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.fix_service import Service

pytestmark = pytest.mark.pages
AS_OF = "2024-12-31"


def shown(rate: dict[str, Any]) -> str:
    value = "–" if rate["value"] is None else f"{float(rate['value']) * 100:.2f}%"
    numerator = "–" if rate["numerator"] is None else f"{rate['numerator']:,}"
    return f"{value} {numerator} / {rate['denominator']:,}"


def points(difference: str | None) -> str:
    if difference is None:
        return "–"
    return f"+{difference}" if float(difference) > 0 else difference.replace("-", "−")


def words(text: str) -> str:
    return " ".join(text.split())


def rows(tab: Page, table: int) -> list[list[str]]:
    return [
        [words(each) for each in row.locator("td").all_inner_texts()]
        for row in tab.locator("table").nth(table).locator("tbody tr").all()
    ]


@pytest.mark.parametrize("more", [{}, {"region": "880107"}])
def test_what_changed_is_what_the_api_says(tab: Page, city_service: Service, more: dict[str, str]) -> None:
    since = str(city_service.get("/v1/log/proof/inclusion", position=1)["tree_size"] * 3 // 4)
    given = {"as_of": AS_OF, "since": since, **more}
    asked = city_service.get("/v1/changes", **given, group_by="region:6", limit=30)
    tab.goto("/inspection?" + "&".join(f"{name}={value}" for name, value in given.items()))

    def compared(sides: dict[str, Any], name: str) -> list[str]:
        both = ["–" if sides[side] is None else shown(sides[side]["rates"][name]) for side in ("before", "after")]
        return [*both, points(sides["difference"]["rates"][name])]

    assert rows(tab, 0) == [compared(asked["total"], name) for name in asked["total"]["after"]["rates"]]
    assert rows(tab, 1) == [compared(each, "organization_coverage") for each in asked["groups"]]
    late = [[each["events"], each["organizations"], *each["days_late"].values()] for each in asked["sources"]]
    assert [[int(n) for n in re.findall(r"-?\d+", " ".join(row))] for row in rows(tab, 2)] == late
    assert tab.locator("table").nth(3).locator("tbody th code").all_inner_texts() == [
        each["org"] for each in asked["organizations"]
    ]


def test_without_an_earlier_moment_the_end_of_the_date_is_taken(tab: Page) -> None:
    tab.goto(f"/inspection?as_of={AS_OF}&lang=en")
    expect(tab.locator(".lead").first).to_contain_text("as known at position")
    tab.get_by_label("Against what was known on a day").fill("2023-01-01")
    tab.get_by_role("button", name="Compare").click()
    expect(tab).to_have_url(re.compile("since=2023-01-01T23:59:59"))
    expect(tab.locator(".lead").first).to_contain_text("as known at position 0 and")


def test_the_vintage_tables_cells_are_the_apis(tab: Page, city_service: Service) -> None:
    tab.goto("/inspection/vintage?as_of=2025-01-31&from=2024-10-31&rate=eligible_coverage")
    known = [words(each).partition("#")[2].rstrip("*") for each in tab.locator("thead th.number").all_inner_texts()]
    asked = [
        city_service.get("/v1/rates", as_of=day, known_at=position)["total"]["rates"]["eligible_coverage"]
        for day in ("2024-10-31", "2025-01-31")
        for position in (known[0], known[-1])
    ]
    cells = [[words(each) for each in row] for row in rows(tab, 0)]
    assert len(cells) == 4
    assert cells[0][0] == shown(asked[0])
    assert cells[0][-1].startswith(shown(asked[1]))
    # What was known when October ended says nothing of a day in January.
    assert cells[-1][0] == "·"
    assert cells[-1][-1].startswith(shown(asked[3]))


def test_a_fall_in_the_vintage_table_leads_to_the_organizations_that_moved(tab: Page) -> None:
    tab.goto("/inspection/vintage?as_of=2025-01-31&from=2024-10-31")
    change = tab.locator(".change a").first
    difference = change.inner_text().split()[1]
    change.click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("从那以后变了什么")
    assert rows(tab, 0)[0][2] == difference


def test_signals_are_those_of_the_api_with_their_events(tab: Page, city_service: Service) -> None:
    asked = city_service.get("/v1/signals", as_of="2025-06-30", limit=30)
    tab.goto("/inspection/signals?as_of=2025-06-30")
    subjects = tab.locator("tbody th").all_inner_texts()
    assert [words(each) for each in subjects] == [each["subject"] for each in asked["hits"]]
    first = [int(each.removeprefix("#")) for each in tab.locator("tbody tr").first.locator(".event").all_inner_texts()]
    assert first == asked["hits"][0]["positions"][:6]
    tab.get_by_role("navigation", name="预警").get_by_role("link", name="所覆盖单位无党员").click()
    expect(tab).to_have_url(re.compile("signal=branch_without_members"))
    expect(tab.locator("table")).to_have_count(1)


def test_the_trail_is_found_by_type_and_date(tab: Page, city_service: Service) -> None:
    tab.goto("/inspection/events?lang=en")
    tab.get_by_label("Type").select_option("taizhang.organization.excluded.v1")
    tab.get_by_label("Effective from").fill("2024-11-01")
    tab.get_by_role("button", name="Find").click()
    expect(tab).to_have_url(re.compile("effective_from=2024-11-01"))
    asked = city_service.get(
        "/v1/audit", type="taizhang.organization.excluded.v1", effective_from="2024-11-01", limit=50
    )
    found = [int(each.split()[0].removeprefix("#")) for each in tab.locator("tbody th a").all_inner_texts()]
    assert found == [each["position"] for each in asked["events"]]


def test_an_event_is_verified_in_the_browser_down_to_the_signature(tab: Page, city_service: Service) -> None:
    """Inspection's main path ends here: from what changed to the event, and to the proof that it is in the log."""
    tab.goto(f"/inspection?as_of={AS_OF}")
    tab.locator("table").nth(3).locator("a.event").first.click()
    position = int(tab.url.partition("/events/")[2].partition("?")[0])
    tab.get_by_role("button", name="在这个浏览器里验证").click()
    expect(tab.locator("[data-outcome=good]")).to_be_visible()
    assert tab.locator("[data-check]").evaluate_all("all => all.map(each => each.dataset.state)") == ["good"] * 4
    shown_hashes = tab.locator("[data-check] code").all_inner_texts()
    asked = city_service.get(f"/v1/events/{position}")
    assert shown_hashes[0] == asked["raw_sha256"]
    assert bytes.fromhex(shown_hashes[1]) == base64.b64decode(asked["proof"]["leaf_hash"])


@pytest.mark.parametrize("position", ["first", "last"])
def test_every_shape_of_path_is_verified(tab: Page, city_service: Service, position: str) -> None:
    size = city_service.get("/v1/log/proof/inclusion", position=1)["tree_size"]
    tab.goto(f"/events/{1 if position == 'first' else size}?lang=en")
    tab.get_by_role("button", name="Verify in this browser").click()
    expect(tab.locator("[data-outcome=good]")).to_be_visible()


def _turned(text: str) -> str:
    """Base64 of the same length with its first character exchanged."""
    return ("B" if text[0] == "A" else "A") + text[1:]


@pytest.mark.parametrize("broken", ["raw", "path", "signature"])
def test_what_was_tampered_with_is_found_in_the_browser(tab: Page, broken: str) -> None:
    def event(route: Route) -> None:
        answer = route.fetch().json()
        route.fulfill(json={**answer, "raw_base64": _turned(answer["raw_base64"])})

    def proof(route: Route) -> None:
        answer = route.fetch().json()
        first, *rest = answer["hashes"]
        route.fulfill(json={**answer, "hashes": [_turned(first), *rest]})

    def note(route: Route) -> None:
        text, dash, line = route.fetch().text().rpartition("\u2014 ")
        name, signature = line.split()
        # The first four bytes name the key.
        route.fulfill(body=f"{text}{dash}{name} {signature[:8]}{_turned(signature[8:])}\n")

    addresses: dict[str, tuple[str, Callable[[Route], None]]] = {
        "raw": ("**/v1/events/*", event), "path": ("**/v1/log/proof/inclusion*", proof),
        "signature": ("**/v1/log/checkpoint", note),
    }  # fmt: skip
    tab.goto("/events/7?lang=en")
    tab.route(*addresses[broken])
    tab.get_by_role("button", name="Verify in this browser").click()
    expect(tab.locator("[data-outcome=bad]")).to_be_visible()
    bad = tab.locator("[data-state=bad]").evaluate_all("all => all.map(each => each.dataset.check)")
    assert bad == [broken]
