"""What waits today: each number is the length of its own list for the same caller, and no list means no number."""

from collections.abc import Callable
from typing import Any

import pytest

from services.access.callers import ROLES
from services.desk.today import ITEMS
from tests.fix_counties import Counties

DAY = {"as_of": "2024-12-31"}
SINCE = "40"


def length(counties: Counties, who: str, path: str, key: str, **given: str) -> int | None:
    """How many a list has for a caller, all pages of it; None for whoever may not ask for it."""
    count = 0
    asked: dict[str, str] = given
    while True:
        answer = counties.ask(who, path, params={**asked, "limit": "100"})
        if answer.status_code == 403:
            return None
        assert answer.status_code == 200, answer.text
        count += len(answer.json()[key])
        if answer.json()["next"] is None:
            return count
        asked = {"cursor": answer.json()["next"]}


def lists(told: dict[str, Any]) -> dict[str, Callable[[Counties, str], int | None]]:
    """By item its own question, at the very clocks."""
    at = {**DAY, "known_at": str(told["known_at"]["position"])}
    due, since = {"state": "due", "due_until": told["due_until"]}, {"since": SINCE}
    return {
        "measures_overdue": lambda all_, who: length(all_, who, "/v1/measures", "items", **at, state="overdue"),
        "measures_due": lambda all_, who: length(all_, who, "/v1/measures", "items", **at, **due),
        "orders": lambda all_, who: all_.ask(who, "/v1/orders", params=at).json().get("unanswered"),
        "changes": lambda all_, who: length(all_, who, "/v1/changes", "organizations", **at, **since),
        "signals": lambda all_, who: length(all_, who, "/v1/signals", "hits", **at),
        "quarantine": lambda all_, who: length(all_, who, "/v1/quarantine", "quarantined", state="open"),
    }


CALLERS = [*sorted(ROLES), *(f"{role} here" for role in sorted(ROLES)), "here", "there", "all", "by body", "township"]


@pytest.mark.parametrize("who", CALLERS)
def test_each_number_is_the_length_of_its_list_for_the_same_caller(counties: Counties, who: str) -> None:
    answer = counties.ask(who, "/v1/today", params={**DAY, "since": SINCE})
    if who.partition(" ")[0] in {"publisher", "administrator", "auditor"}:
        assert answer.status_code == 403
        return
    assert answer.status_code == 200, answer.text
    told = answer.json()
    found = {each["item"]: each for each in told["items"]}
    expected = {item: count(counties, who) for item, count in lists(told).items()}
    assert {item: each["total"] for item, each in found.items()} == {
        item: count for item, count in expected.items() if count is not None
    }
    if "signals" in found:
        at = {**DAY, "known_at": str(told["known_at"]["position"]), "since": SINCE}
        assert found["signals"]["new"] == length(counties, who, "/v1/signals", "hits", **at)
    page = counties.service.http.get(
        "/today", params={**DAY, "since": SINCE}, headers=counties.keys[who] | {"accept": "text/html"}
    )
    assert page.status_code == 200
    assert all((f'data-item="{item}"' in page.text) == (item in found) for item in expected)


@pytest.mark.parametrize("item", ITEMS)
def test_one_item_is_told_as_among_all(counties: Counties, item: str) -> None:
    whole, one = (
        counties.ask("all", "/v1/today", params={**DAY, "since": SINCE, **only}).json()["items"]
        for only in ({}, {"item": item})
    )
    assert one == [each for each in whole if each["item"] == item]


def test_there_is_something_to_count(counties: Counties) -> None:
    found = counties.ask("all", "/v1/today", params={**DAY, "since": "0"}).json()["items"]
    totals = {each["item"]: each["total"] for each in found}
    assert totals["changes"] > 0
    assert set(totals) == {"measures_overdue", "measures_due", "orders", "changes", "signals", "quarantine"}


def test_where_a_reader_has_looked_is_kept_by_the_browser(counties: Counties) -> None:
    """An earlier position than the page's is refused nothing; a later one than the log's is the log's end."""
    ask = counties.service.http
    page = ask.get("/today", params=DAY, headers=counties.keys["all"] | {"accept": "text/html"})
    name = next(each for each in page.cookies if each.endswith("taizhang-form"))
    token = page.text.partition('name="token" value="')[2].partition('"')[0]
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    cookie = {"cookie": f"{name}={page.cookies[name]}"}
    body = f"token={token}&position=77"
    done = ask.post("/today", content=body, headers=counties.keys["all"] | form | cookie)
    assert done.status_code == 303, done.text
    kept = next(each for each in done.cookies if each.endswith("taizhang-looked"))
    assert done.cookies[kept] == "77"
    for value in ("77", "99999999", "x", "9" * 5_000):
        answer = ask.get("/v1/today", params=DAY, headers=counties.keys["all"] | {"cookie": f"{kept}={value}"})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        end, since = told["known_at"]["position"], told["since"]["position"]
        assert not value.isdecimal() or len(value) > 20 or since == min(int(value), end)
    refused = ask.post("/today", content=f"token={token}&position=-1", headers=counties.keys["all"] | form | cookie)
    assert refused.status_code == 400
