"""Supervision orders over HTTP: who may say what of one, who sees it, and one answer in all its forms."""

import io
import re
from collections.abc import Iterator
from typing import Any

import httpx
import openpyxl
import pytest

from services.access.api_keys import add_key
from tests.acting import HTML, opened, told
from tests.exporting import HEADING
from tests.fix_service import Service, new_database, shell
from tests.sending import envelope

Json = dict[str, Any]
EVERY = frozenset(("publisher", "steward", "inspector", "operator"))
PLACES: dict[str, tuple[str, ...] | None] = {"city": None, "here": ("990101",), "there": ("990202",)}
ORDER: Json = {
    "effective_on": "2024-03-01", "order": "order:1", "office": "office:here", "region": "990101",
    "by": "office:city", "by_region": None, "ground": "measures_overdue", "asks": "尽快建立党组织",
    "due_on": "2024-03-10", "rises_to": ["office:city"], "rise_days": 5,
}  # fmt: skip
ABOUT = {"order": "order:1", "region": "990101"}


class Offices:
    """A service, and a browser for each office; `key` is the city's."""

    def __init__(self, service: Service, keys: dict[str, str]) -> None:
        self.service, self.key = service, keys["city"]
        self.browsers = {
            name: httpx.Client(
                base_url=service.url, headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=30
            )
            for name, key in keys.items()
        }
        self.last = 0

    def say(self, who: str, id_: str, name: str, data: Json) -> Json:
        event = envelope(id_, name, data, f"/office/{who}")
        (result,) = self.browsers[who].post("/v1/events", json=[event], headers=BATCH).json()["results"]
        self.last = max(self.last, result.get("position") or 0)
        return dict(result)

    def orders(self, who: str, **asked: Any) -> Json:  # noqa: ANN401 - parameters of the query
        answer = self.browsers[who].get("/v1/orders", params={"min_position": self.last, **asked})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


BATCH = {"content-type": "application/cloudevents-batch+json"}


@pytest.fixture(scope="module")
def offices(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    folder = tmp_path_factory.mktemp("orders")
    with Service(folder, database_url=new_database(postgres), requests_per_second="1000") as service:
        file = folder / "data" / "api-keys.json"
        keys = {name: add_key(file, name, EVERY, None, places) for name, places in PLACES.items()}
        made = Offices(service, keys)
        for n, (who, name, data) in enumerate(
            [
                ("city", "order.issued", ORDER),
                ("city", "order.issued", {**ORDER, "order": "order:2", "region": "990202", "office": "office:there"}),
                ("here", "order.acknowledged", {"effective_on": "2024-03-02", **ABOUT}),
                ("here", "order.answered", {"effective_on": "2024-03-12", **ABOUT, "says": "done", "remark": "已建"}),
            ]
        ):
            assert made.say(who, f"e{n}", name, data)["disposition"] == "accepted", name
        yield made
        for browser in made.browsers.values():
            browser.close()


def test_an_order_is_told_on_both_clocks(offices: Offices) -> None:
    def state(**asked: object) -> tuple[str, str, int]:
        first = next(each for each in offices.orders("city", **asked)["orders"] if each["order"] == "order:1")
        return first["state"], first["held_by"], first["overdue_days"]

    assert state(as_of="2024-03-01") == ("issued", "office:here", 0)
    assert state(as_of="2024-03-10") == ("acknowledged", "office:here", 0)
    assert state(as_of="2024-03-11") == ("acknowledged", "office:city", 1)
    assert state(as_of="2024-03-12") == ("answered", "office:city", 0)
    # As known before it was acknowledged and answered.
    assert state(as_of="2024-03-12", known_at=2) == ("issued", "office:city", 2)
    assert offices.orders("city", as_of="2024-02-29")["orders"] == []


def test_each_office_sees_the_orders_of_its_own_place(offices: Offices) -> None:
    def seen(who: str) -> set[str]:
        return {each["order"] for each in offices.orders(who, as_of="2024-03-12")["orders"]}

    assert [seen(who) for who in PLACES] == [{"order:1", "order:2"}, {"order:1"}, {"order:2"}]
    trail = offices.browsers["there"].get("/v1/audit", params={"limit": 100}).text
    assert "order:2" in trail
    assert "order:1" not in trail
    assert "已建" not in trail


def test_what_waits_for_an_office_is_chosen_by_whom_it_is_with(offices: Offices) -> None:
    found = offices.orders("city", as_of="2024-03-11", office="office:city")
    assert {each["order"] for each in found["orders"]} == {"order:1", "order:2"}
    assert (found["unanswered"], found["overdue"]) == (2, 2)
    assert offices.orders("city", as_of="2024-03-11", office="office:here")["orders"] == []
    found = offices.orders("city", as_of="2024-03-12", state="answered", by="office:city")
    assert [each["order"] for each in found["orders"]] == ["order:1"]
    page = offices.browsers["city"].get("/daily", params={"as_of": "2024-03-11", "lang": "en"}, headers=HTML)
    assert "2 to be answered, 2 of them overdue" in told(page)


def test_an_answer_goes_by_the_form_that_the_page_leads_to_and_only_its_issuer_closes(offices: Offices) -> None:
    order = {**ORDER, "order": "order:form"}
    assert offices.say("city", "form", "order.issued", order)["disposition"] == "accepted"
    where: Json = {"as_of": "2024-03-05", "lang": "en", "min_position": offices.last}
    page = offices.browsers["here"].get("/daily/orders", params=where, headers=HTML)
    assert page.status_code == 200, page.text
    [link] = re.findall(r'href="(/acts/order\.answered\?[^"]*order:form[^"]*)"', page.text.replace("%3A", ":"))
    assert "990101" in link
    given = [f"order:{order['order']}", f"region:{order['region']}"]
    form = opened(offices.browsers["here"], "order.answered", given=given)
    data = {"effective_on": "2024-03-05", "order": "order:form", "region": "990101", "says": "under_way"}
    preview = form.previewed(form.filled(data))
    sent = preview.send("publish", preview.held)
    assert sent.status_code == 303, told(sent)
    offices.last = int(httpx.URL(sent.headers["location"]).params["done"])
    closing = {"effective_on": "2024-03-06", "order": "order:form", "region": "990101", "outcome": "done"}
    refused = offices.say("here", "closing", "order.closed", closing)
    assert (refused["disposition"], refused["reasons"][0]["rule"]) == ("quarantined", "organization_of_another_office")
    assert offices.say("city", "closing", "order.closed", closing)["disposition"] == "accepted"
    found = {each["order"]: each for each in offices.orders("here", as_of="2024-03-06")["orders"]}["order:form"]
    assert (found["state"], found["outcome"], found["said"]) == ("closed", "done", "under_way")


def test_what_has_no_effect_is_told_with_its_event(offices: Offices) -> None:
    again = offices.say("here", "again", "order.acknowledged", {"effective_on": "2024-03-13", **ABOUT})
    found = offices.orders("here", as_of="2024-03-13")["contradictions"]
    assert {"order": "order:1", "region": "990101", "contradiction": "already_acknowledged",
            "position": again["position"]} in found  # fmt: skip
    assert not [each for each in offices.orders("there", as_of="2024-03-13")["contradictions"] if each]


def test_the_workbook_and_the_shell_say_what_the_answer_says(offices: Offices) -> None:
    asked = {"as_of": "2024-03-12", "state": "answered"}
    found = offices.orders("city", **asked)["orders"]
    book = openpyxl.load_workbook(
        io.BytesIO(offices.browsers["city"].get("/v1/orders", params={**asked, "format": "xlsx"}).content)
    )
    rows = list(book["清单"].iter_rows(min_row=HEADING + 1, values_only=True))
    assert [row[0] for row in rows] == [each["order"] for each in found] == ["order:1"]
    printed = shell("ask", "orders", "as_of=2024-03-12", "state=answered", url=offices.service.url, api_key=offices.key)
    assert printed.returncode == 0, printed.stderr
    assert "order:1" in printed.stdout
