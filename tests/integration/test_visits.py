"""Visits as a device sends them: the event that the form makes, once however often, and told to whoever entered it."""

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.acting import opened, samples
from tests.fix_service import Service, new_database
from tests.sending import envelope

TYPE = "taizhang.visit.made.v1"
OFFICE = "/office/dev"


@pytest.fixture(scope="module")
def office(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("visits"), "--dev", database_url=new_database(postgres)) as running:
        yield running


def sent(service: Service, visits: list[dict[str, Any]], lang: str = "zh") -> list[dict[str, Any]]:
    answer = service.http.post("/v1/visits", params={"lang": lang}, json={"visits": visits})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def visit(entries: dict[str, list[str]], id_: str, **more: str) -> dict[str, Any]:
    return {"id": id_, "source": OFFICE, "time": "2026-01-20T09:00:00.000+08:00", "entries": entries, **more}


@pytest.mark.parametrize("number", range(len(samples(TYPE))))
def test_the_event_is_byte_for_byte_the_one_that_the_form_previews(office: Service, number: int) -> None:
    form = opened(office.http, "visit.made")
    data = {**samples(TYPE)[number], "visit": f"visit:form-{number}"}
    preview = form.previewed(form.filled(data))
    filled = {name: values for name, values in form.filled(data).items() if name.startswith("data.") and values != [""]}
    shown = json.loads(preview.event())
    result = sent(office, [visit(filled, shown["id"], time=shown["time"])])[0]
    assert result["disposition"] == "accepted", result
    stored = office.get(f"/v1/events/{result['position']}")
    assert b64decode(stored["raw_base64"]).decode() == preview.event()
    # And any client of the API that says the same under the same name says it once more.
    again = envelope(shown["id"], "visit.made", data, OFFICE, time=shown["time"], subject=data["visit"])
    assert office.publish(again)[0]["disposition"] == "duplicate"


def entries(name: str, **more: str) -> dict[str, list[str]]:
    """A visit as a phone has it, in the words of its controls."""
    said = {
        "effective_on": "2026-01-20",
        "visit": f"visit:{name}",
        "survey": "survey:s",
        "grid": "g-1",
        "org": "group:a",
    }
    findings = ("operation", "employees", "members", "owner", "branch_work", "problems")
    clear = {f"findings.{each}.clear": "yes" for each in findings}
    return {f"data.{field}": [value] for field, value in {**said, **clear, **more}.items()}


def test_a_repeat_is_a_duplicate_and_another_word_under_its_name_is_set_aside(office: Service) -> None:
    first = visit(entries("once"), "device-once")
    assert [each["disposition"] for each in sent(office, [first, first])] == ["accepted", "duplicate"]
    other = visit(entries("once", effective_on="2026-01-21"), "device-once")
    (result,) = sent(office, [other])
    assert result["disposition"] == "quarantined"
    assert result["told"]


def test_one_that_is_refused_holds_up_no_other_and_is_told_in_the_page_s_language(office: Service) -> None:
    wrong = visit(entries("wrong", grid="河东 二"), "device-wrong")
    results = sent(office, [wrong, visit(entries("right"), "device-right")])
    assert [each["disposition"] for each in results] == ["quarantined", "accepted"]
    assert results[0]["quarantine_id"]
    zh, en = results[0]["told"], sent(office, [wrong], "en")[0]["told"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh[0])
    assert en[0].isascii()


@pytest.mark.parametrize("field", ["data.findings.owner.value", "data.owner_name", "token", "data.remark"])
def test_what_the_form_does_not_ask_is_not_taken_and_nothing_is_stored(office: Service, field: str) -> None:
    before = office.get("/v1/sources")["total"]["received"]
    some = [visit(entries("a"), "device-a"), visit({**entries("b"), field: ["member"]}, "device-b")]
    answer = office.http.post("/v1/visits", json={"visits": some})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["rule"] == "field"
    assert office.get("/v1/sources")["total"]["received"] == before


def test_a_clock_out_of_bounds_and_a_body_too_large_are_answered(office: Service) -> None:
    (result,) = sent(office, [visit(entries("late"), "device-late", time="9999-01-01T00:00:00+08:00")])
    assert result["disposition"] == "quarantined"
    many = [visit(entries(f"m{n}"), f"device-m{n}") for n in range(21)]
    assert office.http.post("/v1/visits", json={"visits": many}).status_code == 400
    assert sent(office, []) == []


def test_the_worker_is_of_the_page_s_content_and_no_address_of_it_is_kept_by_others(office: Service) -> None:
    worker = office.http.get("/daily/visits/worker.js")
    assert worker.headers["cache-control"] == "no-cache"
    assert worker.headers["service-worker-allowed"] == "/daily/visits"
    given = json.loads(worker.text.partition("const GIVEN = ")[2].partition(";\n")[0])
    assert worker.text == office.http.get("/daily/visits/worker.js").text
    for address in given["kept"]:
        answer = office.http.get(address)
        assert answer.is_success, address
        # The same for everybody, in whatever cookie's language and for whoever is signed in.
        assert answer.content == office.http.get(address, headers={"cookie": "taizhang-lang=en"}).content, address
    page = office.http.get("/daily/visits", params={"lang": "zh"})
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-security-policy"].endswith("; manifest-src 'self'")
    manifest = office.http.get("/daily/visits/manifest.webmanifest", params={"lang": "en"}).json()
    assert office.http.get(manifest["start_url"]).is_success
    assert office.http.get(manifest["icons"][0]["src"]).headers["content-type"] == "image/svg+xml"


def test_a_form_of_another_site_sends_nothing(office: Service) -> None:
    body = urlencode({"visits": "[]"})
    headers = {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"}
    assert office.http.post("/v1/visits", content=body, headers=headers).status_code == 403
