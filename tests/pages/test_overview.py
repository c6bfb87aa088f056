"""The overview: its figures are the API's, its state is its address."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.fix_service import Service

pytestmark = pytest.mark.pages
AS_OF = "2024-12-31"


def shown(rate: dict[str, Any]) -> str:
    value = "–" if rate["value"] is None else f"{float(rate['value']) * 100:.2f}%"
    numerator = "–" if rate["numerator"] is None else f"{rate['numerator']:,}"
    return f"{value} {numerator} / {rate['denominator']:,}"


def cells(tab: Page, table: str) -> dict[str, list[str]]:
    """By row's head the texts of its cells, without the targets that stand below the figures."""
    rows = tab.locator(f"table.{table} tbody tr").all()
    return {
        row.locator("th").inner_text().strip(): [
            re.sub(r" [≥>].*", "", " ".join(each.split())) for each in row.locator("td").all_inner_texts()
        ]
        for row in rows
    }


@pytest.mark.parametrize(
    "query", ["as_of=2024-12-31", "as_of=2024-09-30&region=880107", "as_of=2024-12-31&known_at=5000"]
)
def test_the_figures_are_those_of_the_api_for_the_same_address(tab: Page, city_service: Service, query: str) -> None:
    tab.goto(f"/?{query}&sort=key")
    parameters = dict(pair.split("=") for pair in query.split("&"))
    asked = city_service.get("/v1/rates", **parameters, group_by="kind")
    rows = list(cells(tab, "kinds").values())
    expected = [[shown(rate) for rate in each["rates"].values()] for each in (*asked["groups"], asked["total"])]
    assert sorted(rows) == sorted(expected)
    digits = 9 if "region" in parameters else 6
    by_region = city_service.get("/v1/rates", **parameters, group_by=f"region:{digits}")["groups"]
    rates = [row[0] for row in cells(tab, "groups").values()]
    assert rates == [shown(each["rates"]["organization_coverage"]) for each in by_region]


def test_the_clocks_are_said_in_a_plain_sentence(tab: Page) -> None:
    tab.goto("/?as_of=2024-12-31&known_at=2025-01-05T09:00:00%2B08:00")
    expect(tab.locator(".sentence")).to_contain_text("截至 2024-12-31 · 数据时点 2025-01-05")


def test_one_goes_down_from_the_city_to_a_village_and_back_again(tab: Page) -> None:
    tab.goto(f"/?as_of={AS_OF}")
    for digits in (6, 9, 12):
        tab.locator("table.groups tbody th a").first.click()
        expect(tab).to_have_url(re.compile(rf"region=\d{{{digits}}}(&|$)"))
    address = tab.url
    tab.reload()
    assert tab.url == address
    tab.go_back()
    expect(tab).to_have_url(re.compile(r"region=\d{9}(&|$)"))
    expect(tab.locator(".crumbs [aria-current]")).to_have_count(1)


def test_a_form_leads_to_a_plain_address(tab: Page) -> None:
    tab.goto(f"/?as_of={AS_OF}&lang=en&kind=new_social")
    tab.locator(".clocks summary").click()
    tab.get_by_label("As known on a day").fill("2025-01-05")
    tab.locator(".clocks").get_by_role("button", name="Show").click()
    expect(tab).to_have_url(re.compile("known_at=2025-01-05T23:59:59.999999"))
    expect(tab).to_have_url(re.compile("kind=new_social"))
    assert "known_on" not in tab.url
    assert "lang=en" in tab.url


def test_the_slider_moves_the_date_by_keyboard(tab: Page) -> None:
    tab.goto(f"/?as_of={AS_OF}&lang=en")
    tab.locator(".clocks summary").click()
    tab.get_by_label("As-of date, slider").press("ArrowLeft")
    expect(tab).to_have_url(re.compile("as_of=2024-12-30"))


def test_the_trend_says_how_each_rate_moved_as_the_api_does(tab: Page, city_service: Service) -> None:
    asked = city_service.get(
        "/v1/rates/series", **{"from": "2024-06-30", "to": AS_OF}, group_by="kind", kind="new_social"
    )
    tab.goto(f"/trend?as_of={AS_OF}&kind=new_social&lang=en")
    rows = tab.locator("tbody tr").all()[: len(asked["points"])]
    shown = [re.findall(r"[+\-−]?[0-9]+\.[0-9]{2}(?!%)|–", row.locator(".moved").first.inner_text()) for row in rows]
    expected = [
        [point[name]["total"]["organization_coverage"]["points"] for name in ("month_on_month", "year_on_year")]
        for point in reversed(asked["points"])
    ]
    assert [[each.replace("+", "").replace("−", "-") for each in row] for row in shown] == expected


def test_a_choice_changes_the_page_where_one_is_and_keeps_the_focus(tab: Page) -> None:
    tab.goto(f"/?as_of={AS_OF}&lang=en")
    tab.evaluate("window.stays = true")
    choice = tab.locator(".choices").get_by_role("link", name="Work coverage")
    choice.scroll_into_view_if_needed()
    before = tab.evaluate("scrollY")
    choice.focus()
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile("rate=work_coverage"))
    expect(tab.locator(".choices").get_by_role("link", name="Work coverage")).to_be_focused()
    assert tab.evaluate("window.stays")
    assert abs(tab.evaluate("scrollY") - before) < 40
    tab.go_back()
    expect(tab).not_to_have_url(re.compile("rate=work_coverage"))
    expect(tab.locator(".choices [aria-current]").first).to_have_text("Organization coverage")


def test_a_language_once_chosen_is_the_next_page_s(tab: Page) -> None:
    tab.goto(f"/?as_of={AS_OF}")
    expect(tab.locator("html")).to_have_attribute("lang", "zh-CN")
    tab.get_by_role("link", name="English").click()
    expect(tab.locator("html")).to_have_attribute("lang", "en")
    tab.goto("/daily")
    expect(tab.locator("html")).to_have_attribute("lang", "en")


def test_the_chart_tells_its_values_where_lines_end_and_where_one_points(tab: Page) -> None:
    tab.goto(f"/trend?as_of={AS_OF}&lang=en")
    ends = tab.locator("svg.lines.wide .line .value").all_text_contents()
    newest = tab.locator("tbody tr").first.locator(".rate").all_inner_texts()
    shown, exact = ([float(each.rstrip("%")) for each in values] for values in (ends, newest))
    # One digit less, rounded from the rate itself and not from the two digits of the table.
    assert sorted(shown) == pytest.approx(sorted(exact), abs=0.0551)
    stop = tab.locator("svg.lines.wide .stop").first
    expect(stop.locator(".told")).to_be_hidden()
    stop.locator(".field").hover()
    expect(stop.locator(".told")).to_be_visible()
    oldest = tab.locator("tbody tr").last.locator("th").inner_text()
    expect(stop).to_contain_text(oldest)


@pytest.mark.parametrize("as_of", ["1900-01-01", "2199-12-31"])
def test_a_date_far_away_breaks_no_chart(tab: Page, as_of: str) -> None:
    for path in ("/", "/trend", "/inspection/vintage", "/assessment/compare?other_as_of=1900-01-01"):
        answer = tab.goto(f"{path}{'&' if '?' in path else '?'}as_of={as_of}")
        assert answer is not None
        assert answer.ok, path
    tab.goto("/trend?as_of=2199-12-31")
    expect(tab.locator("svg.lines.wide .grid text").last).to_have_text(re.compile("^20[0-4]"))


def test_the_table_is_in_the_order_of_any_column_and_its_widest_gap_comes_first(tab: Page) -> None:
    tab.goto(f"/?as_of={AS_OF}&lang=en")

    def column(at: int) -> list[float]:
        texts = tab.locator(f"table.groups tbody tr td:nth-of-type({at})").all_inner_texts()
        return [float(each.split()[0].rstrip("%").replace(",", "").replace("−", "-")) for each in texts]

    heads = tab.locator("table.groups thead")
    assert column(3) == sorted(column(3))
    heads.get_by_role("link", name="Not in it").click()
    expect(tab).to_have_url(re.compile("sort=missing"))
    expect(heads.locator("[aria-sort=ascending]")).to_have_text("Not in it")
    assert column(2) == sorted(column(2))
    heads.get_by_role("link", name="Not in it").click()
    expect(tab).to_have_url(re.compile("sort=-missing"))
    assert column(2) == sorted(column(2), reverse=True)


def test_what_a_rate_misses_leads_to_as_many_organizations(tab: Page) -> None:
    tab.goto(f"/?as_of={AS_OF}&lang=en&sort=key")
    link = tab.locator("table.groups tbody tr td:nth-of-type(2) a").first
    count = link.inner_text()
    link.click()
    expect(tab.locator(".figure")).to_have_text(count)
    rows = tab.locator("tbody tr").count()
    while tab.locator("a[rel=next]").count():
        tab.locator("a[rel=next]").click()
        rows += tab.locator("tbody tr").count()
    assert rows == int(count.replace(",", ""))


def test_the_map_says_what_the_table_says_and_is_walked_by_keyboard(tab: Page) -> None:
    tab.goto(f"/?as_of={AS_OF}&lang=en&kind=new_economic&beside=2024-06-30")
    assert tab.locator("svg.places").count() == 2
    rates = {
        row.locator("th").inner_text(): row.locator(".rate").first.inner_text()
        for row in tab.locator("table.groups tbody tr").all()
    }
    places = tab.locator("svg.places").last.locator("a")
    assert places.count() == len(rates) > 5
    for place in places.all():
        name, figure = place.locator("text").all_text_contents()
        assert rates[name] == figure
        under = rates[name] < "70.00%"
        assert ("p-under" in (place.locator("path").get_attribute("class") or "")) == under
    places.first.focus()
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile("region=88"))
