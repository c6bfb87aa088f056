"""Instructors over HTTP: load, organizations without contact and the signal, on both clocks and by place."""

import io
from collections.abc import Iterator
from typing import Any

import httpx
import openpyxl
import pytest

from services.access.api_keys import add_key
from tests.acting import HTML, told
from tests.exporting import HEADING
from tests.fix_service import BATCH, Service, new_database, shell
from tests.sending import envelope

Json = dict[str, Any]
EVERY = frozenset(("publisher", "steward", "inspector", "operator"))
PLACES: dict[str, tuple[str, ...] | None] = {"city": None, "here": ("990101",), "there": ("990202",)}
AS_OF = "2024-06-30"


def story() -> list[Json]:
    about = {"effective_on": "2024-01-01", "kind": "new_employment_group", "category": "courier"}
    told_: list[tuple[str, Json]] = [
        ("organization.registered", {**about, "name": f"站{org}", "org": f"group:{org}", "region": region})
        for org, region in (("a", "990101001"), ("b", "990101001"), ("c", "990202001"), ("alone", "990101001"))
    ]
    told_ += [
        ("instructor.assigned", {"effective_on": "2024-02-01", "org": f"group:{org}", "instructor": f"person:{person}"})
        for org, person in (("a", "p"), ("b", "p"), ("b", "q"), ("c", "p"))
    ]
    told_ += [
        ("contact.made", {"effective_on": on, "org": f"group:{org}", "instructor": f"person:{person}", "kind": kind})
        for org, person, on, kind in (
            ("a", "p", "2024-06-01", "visit"), ("b", "q", "2024-03-01", "call"), ("c", "q", "2024-06-20", "call"),
        )
    ]  # fmt: skip
    return [envelope(f"i{n}", name, data, "/office/city") for n, (name, data) in enumerate(told_)]


class Offices:
    """A service, and a browser for each office, all of which wait for what was told last."""

    def __init__(self, service: Service, keys: dict[str, str]) -> None:
        self.url, self.key = service.url, keys["city"]
        self.browsers = {
            name: httpx.Client(
                base_url=service.url, headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=30
            )
            for name, key in keys.items()
        }
        self.last = 0
        self.tell("city", story())

    def tell(self, who: str, events: list[Json]) -> list[Json]:
        results = self.browsers[who].post("/v1/events", json=events, headers={"content-type": BATCH}).json()["results"]
        self.last = max([self.last, *(each.get("position") or 0 for each in results)])
        return list(results)

    def ask(self, who: str, path: str, **asked: Any) -> Json:  # noqa: ANN401 - parameters of the query
        answer = self.browsers[who].get(path, params={"as_of": AS_OF, "min_position": self.last, **asked})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="module")
def offices(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    folder = tmp_path_factory.mktemp("instructors")
    with Service(folder, database_url=new_database(postgres), requests_per_second="1000") as service:
        file = folder / "data" / "api-keys.json"
        made = Offices(service, {name: add_key(file, name, EVERY, None, places) for name, places in PLACES.items()})
        assert made.last == len(story())
        yield made
        for browser in made.browsers.values():
            browser.close()


def loads(offices: Offices, who: str, **asked: object) -> dict[str, tuple[int, int, int, str | None]]:
    found = offices.ask(who, "/v1/instructors", **asked)["instructors"]
    return {
        each["instructor"]: (each["organizations"], each["quiet"], each["contacts"], each["last_contact"])
        for each in found
    }


def test_each_instructor_has_a_load_and_its_contacts_on_both_clocks(offices: Offices) -> None:
    assert loads(offices, "city") == {
        "person:p": (3, 2, 1, "2024-06-01"),
        "person:q": (1, 1, 1, "2024-03-01"),
    }
    assert loads(offices, "city", as_of="2024-03-15")["person:p"] == (3, 0, 0, None)
    # As known before any contact was told of.
    assert loads(offices, "city", known_at=8)["person:p"] == (3, 3, 0, None)
    assert loads(offices, "city", as_of="2024-01-31") == {}


def test_organizations_without_contact_are_those_that_none_of_their_instructors_reached(offices: Offices) -> None:
    found = offices.ask("city", "/v1/instructors/uncontacted")
    shown = [(each["org"], each["last_contact"], each["quiet_days"]) for each in found["organizations"]]
    # Somebody who is not assigned there does not break the silence at c.
    assert shown == [("group:b", "2024-03-01", 121), ("group:c", None, 150)]
    assert found["uncontacted_days"] == 90
    first = offices.ask("city", "/v1/instructors/uncontacted", limit=1)
    then = offices.ask("city", "/v1/instructors/uncontacted", limit=1, cursor=first["next"])
    assert [each["org"] for each in first["organizations"] + then["organizations"]] == ["group:b", "group:c"]


def test_the_signal_names_whom_nobody_was_told_to_have_reached_at_all(offices: Offices) -> None:
    found = offices.ask("city", "/v1/signals", signal="assigned_on_paper")
    [hit] = found["hits"]
    assert (hit["subject"], hit["detail"]["instructors"], hit["detail"]["days"]) == ("group:c", ["person:p"], 150)
    assert [found["events"][str(each)]["type"] for each in hit["positions"]] == ["taizhang.instructor.assigned.v1"]
    page = offices.browsers["city"].get("/inspection/signals", params={"as_of": AS_OF, "lang": "en"}, headers=HTML)
    assert "in 150 days no contact was told" in told(page)
    assert offices.ask("here", "/v1/signals", signal="assigned_on_paper")["hits"] == []
    there = offices.ask("there", "/v1/signals", signal="assigned_on_paper")["hits"]
    assert [each["subject"] for each in there] == ["group:c"]
    # Before any contact was told of, nobody is told to have made none.
    assert offices.ask("city", "/v1/signals", signal="assigned_on_paper", known_at=8)["hits"] == []


def test_an_office_sees_and_says_what_lies_in_its_place(offices: Offices) -> None:
    assert loads(offices, "here") == {"person:p": (2, 1, 1, "2024-06-01"), "person:q": (1, 1, 1, "2024-03-01")}
    assert loads(offices, "there") == {"person:p": (1, 1, 0, None)}
    data = {"effective_on": "2024-06-25", "org": "group:a", "instructor": "person:p", "kind": "meeting"}
    (refused,) = offices.tell("there", [envelope("x", "contact.made", data, "/office/there")])
    assert (refused["disposition"], refused["reasons"][0]["rule"]) == ("quarantined", "organization_of_another_office")


def test_the_page_the_workbook_and_the_shell_say_the_same(offices: Offices) -> None:
    page = offices.browsers["city"].get("/daily/instructors", params={"as_of": AS_OF, "lang": "en"}, headers=HTML)
    assert "person:q 1 1 1 2024-03-01" in told(page)
    quiet = "/daily/instructors/uncontacted"
    page = offices.browsers["city"].get(quiet, params={"as_of": AS_OF, "lang": "en"}, headers=HTML)
    assert "group:c" in told(page)
    asked = {"as_of": AS_OF, "format": "xlsx"}
    book = openpyxl.load_workbook(io.BytesIO(offices.browsers["city"].get("/v1/instructors", params=asked).content))
    rows = list(book["清单"].iter_rows(min_row=HEADING + 1, values_only=True))
    assert [row[:4] for row in rows] == [("person:p", 3, 2, 1), ("person:q", 1, 1, 1)]
    printed = shell("ask", "instructors/uncontacted", f"as_of={AS_OF}", url=offices.url, api_key=offices.key)
    assert printed.returncode == 0, printed.stderr
    assert "group:b" in printed.stdout
