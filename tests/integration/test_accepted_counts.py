"""What is accepted can be counted, over HTTP: the spellings that the standards allow, and what is refused in words."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fix_service import BATCH, SINGLE, Service, shell
from tests.sending import as_bytes, envelope, removed

CASES = Path(__file__).parents[1] / "data" / "cases" / "events"


def case(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text("utf-8"))
    return found


def deliveries(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = case(name).get("deliveries") or [case(name)]
    return found


def post(service: Service, body: bytes, kind: str = SINGLE, **headers: str) -> httpx.Response:
    return service.http.post("/v1/events", content=body, headers={"content-type": kind, **headers})


def result(service: Service, event: dict[str, Any] | bytes) -> dict[str, Any]:
    found: dict[str, Any] = post(service, as_bytes(event)).json()["results"][0]
    return found


def registered(source: str, org: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    data = {
        "effective_on": "2024-01-05", "org": f"group:{org}", "kind": "new_employment_group", "category": "courier",
        "name": "甲", "region": "880102", **fields,
    }  # fmt: skip
    return envelope(org, "organization.registered", data, source)


def row(service: Service, org: str, position: int) -> dict[str, Any]:
    service.get("/v1/rates", min_position=position)
    found: dict[str, Any] = service.get(f"/v1/organizations/{org}", as_of="2026-11-29")["row"]
    return found


def test_the_cases_have_their_right_values(fresh_service: Service) -> None:
    # 01: all of these speak at no time at which a registry spoke.
    for name, rule in (("01-times-at-the-bounds", "time"), ("03-extension-integer", "json_not_kept"),
                       ("06-campaign-at-the-first-day", "date"), ("08-dataschema", "dataschema")):  # fmt: skip
        for event in deliveries(name):
            found = result(fresh_service, event)
            assert (found["disposition"], found["reasons"][0]["rule"]) == ("quarantined", rule), name
    (found,) = fresh_service.publish(deliveries("07-datacontenttype"))
    assert found["disposition"] == "accepted"
    found = result(fresh_service, case("13-lower-case-z"))
    assert found["disposition"] == "accepted"
    assert row(fresh_service, case("13-lower-case-z")["data"]["org"], found["position"])["attributes"]["name"] == "甲"
    results = fresh_service.publish(deliveries("04-fraction-decides-order"))
    assert {each["disposition"] for each in results} == {"accepted"}
    org = deliveries("04-fraction-decides-order")[0]["data"]["org"]
    assert row(fresh_service, org, results[-1]["position"])["attributes"]["employees"] == 2
    verified = fresh_service.http.get("/health/ready").json()
    assert verified["status"] == "ready"


def test_the_later_correction_has_the_last_word_to_the_nanosecond(service: Service, source: str) -> None:
    org = source.rpartition("/")[2]
    first = service.publish(registered(source, org, employees=1))[0]
    # Two nanoseconds past midnight in UTC, and one: the second to come is the earlier.
    words = [("2024-03-01T00:00:00.000000002Z", 2), ("2024-03-01T08:00:00.000000001+08:00", 3)]
    for number, (time, employees) in enumerate(words):
        replacement = {**registered(source, org)["data"], "employees": employees}
        data = {"corrects": {"source": source, "id": org}, "replacement": replacement, "reason": "typing error"}
        word = envelope(f"w{number}", "event.corrected", data, source, time=time)
        first = service.publish(word)[0]
        assert first["disposition"] == "accepted", first
    assert row(service, f"group:{org}", first["position"])["attributes"]["employees"] == 2


@pytest.mark.parametrize(
    "attributes",
    [
        {"datacontenttype": "application/json; charset=utf-8"}, {"datacontenttype": "APPLICATION/JSON"},
        {"datacontenttype": "application/vnd.taizhang+json;v=1"}, {"datacontenttype": "text/json"},
        {"a" * 64: "x"}, {"sequence": 2**31 - 1}, {"flag": True}, {"nothing": None}, {"dataschema": "urn:taizhang:v1"},
        {"time": "2024-05-01t01:00:00z"}, {"time": "2016-12-31T23:59:60Z"},
        {"time": "2024-05-01T09:00:00.123456789-00:00"},
    ],
)  # fmt: skip
def test_what_the_standards_allow_is_taken_and_counted(
    service: Service, source: str, attributes: dict[str, Any]
) -> None:
    org = source.rpartition("/")[2]
    (found,) = service.publish(registered(source, org) | attributes)
    assert found["disposition"] == "accepted", found
    assert row(service, f"group:{org}", found["position"])["attributes"]["name"] == "甲"


@pytest.mark.parametrize("number", ["100", "100.0", "1e2", "1E+2", "1000e-1"])
def test_a_whole_number_is_taken_however_it_is_written(service: Service, source: str, number: str) -> None:
    org = source.rpartition("/")[2]
    raw = as_bytes(registered(source, org, employees=12345)).replace(b"12345", number.encode())
    found = result(service, raw)
    assert row(service, f"group:{org}", found["position"])["attributes"]["employees"] == 100
    again = result(service, as_bytes(registered(source, org, employees=100)))
    assert (again["disposition"], again["position"]) == ("duplicate", found["position"])


@pytest.mark.parametrize(
    ("attributes", "rule"),
    [
        ({"big": 2**31}, "extension"), ({"half": 0.5}, "extension"), ({"list": []}, "extension"),
        ({"a" * 65: "x"}, "attribute_unknown"), ({"dataschema": "schemas/v1"}, "dataschema"),
        ({"dataschema": ""}, "dataschema"),
        ({"dataschema": 5}, "dataschema"), ({"datacontenttype": "application/xml"}, "datacontenttype"),
        ({"x": "a\u202eb"}, "text"), ({"x": "\u200ba"}, "text"), ({"id": "a\u0085"}, "text"),
        ({"subject": "a\n"}, "text"),
        ({"time": "2024-05-01T12:00:60Z"}, "time"), ({"time": "2200-01-01T00:00:00Z"}, "time"),
        ({"source": "http://[::z]/"}, "source"), ({"source": "a[b"}, "source"),
    ],
)  # fmt: skip
def test_what_a_later_reader_could_not_hold_is_refused_with_rule_value_and_remedy(
    service: Service, source: str, attributes: dict[str, Any], rule: str
) -> None:
    found = result(service, removed("e", source) | attributes)
    assert found["disposition"] == "quarantined"
    reason = next(each for each in found["reasons"] if each["rule"] == rule)
    assert len(reason["message"]) > 20


@pytest.mark.parametrize("field", ["name", "supervisor", "address"])
@pytest.mark.parametrize("text", ["甲\u200e", "\u200b甲", "甲\ufeff", "甲\u2067乙", "甲\r\n乙", "甲\u0001"])
def test_texts_in_which_something_hides_are_refused_in_every_field(
    service: Service, source: str, field: str, text: str
) -> None:
    found = result(service, registered(source, "x", **{field: text}))
    assert [each["at"] for each in found["reasons"] if each["rule"] == "text"] == [f"/data/{field}"]


def test_gzip_of_several_members_and_its_older_name_are_understood(service: Service, source: str) -> None:
    body = as_bytes(removed("e1", source))
    packed = gzip.compress(body[:20]) + gzip.compress(b"") + gzip.compress(body[20:])
    for encoding in ("gzip", "x-gzip", "X-GZIP"):
        answer = post(service, packed, **{"content-encoding": encoding})
        assert answer.json()["results"][0]["disposition"] in ("accepted", "duplicate"), answer.text
    for broken in (packed[:-4], packed + b"more", zlib.compress(body)):
        assert post(service, broken, **{"content-encoding": "gzip"}).status_code == 400


def test_unpacking_stops_at_the_limit_whatever_the_members(service: Service) -> None:
    bomb = gzip.compress(b" " * (1 << 20)) * 40
    assert post(service, bomb, **{"content-encoding": "gzip"}).status_code == 413


def test_binary_mode_over_http_is_refused_in_one_sentence(service: Service, source: str) -> None:
    event = removed("e1", source)
    headers = {f"ce-{name}": str(event[name]) for name in ("specversion", "id", "source", "type", "time")}
    answer = post(service, as_bytes(event["data"]), "application/json", **headers)
    assert answer.status_code == 415
    assert "binary mode" in answer.json()["detail"]
    assert "application/cloudevents+json" in answer.json()["detail"]
    # Beside a whole event such headers say nothing (HTTP protocol binding, 3).
    assert post(service, as_bytes(event), **headers).json()["results"][0]["disposition"] == "accepted"


@pytest.mark.parametrize("bad", [b"[" * 40_000 + b"]" * 40_000, b"1" * 9_000, b'{"a":1,"a":2}', b"NaN", b'"\\ud800"'])
def test_one_element_beyond_the_reader_does_not_take_the_others_down(service: Service, source: str, bad: bytes) -> None:
    body = b"[" + as_bytes(removed("e1", source)) + b"," + bad + b"," + as_bytes(removed("e2", source)) + b"]"
    answer = post(service, body, BATCH)
    assert [each["disposition"] for each in answer.json()["results"]] == ["accepted", "quarantined", "accepted"]


def test_head_is_answered_wherever_get_is(service: Service) -> None:
    paths = [
        "/health/live", "/health/ready", "/metrics", "/openapi.json", "/v1/rates", "/v1/organizations", "/", "/intake",
        "/v1/ledger/stream", "/v1/contract/asyncapi.json", "/v1/log/checkpoint", "/v1/measures/calendar",
    ]  # fmt: skip
    for path in paths:
        answer = service.http.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path
    assert service.http.head("/nothing").status_code == 404
    assert service.http.head("/v1/events").status_code == 405
    refused = service.http.head("/v1/rates", params={"as_of": "0001-01-01"})
    assert (refused.status_code, refused.content) == (400, b"")
    same = service.http.get("/v1/contract/asyncapi.json").headers["content-length"]
    assert service.http.head("/v1/contract/asyncapi.json").headers["content-length"] == same


def test_a_mark_beyond_the_log_is_an_error_in_words(service: Service) -> None:
    head = service.http.get("/health/ready").json()["position"]
    for mark in (f"{head + 1_000}", f"{head + 1_000}@2024-01-01", "0@2199-12-31", "0@9999-12-31", "9" * 30, "x"):
        answer = service.http.get("/v1/ledger/stream", params={"after": mark})
        assert answer.status_code == 400, mark
        assert len(answer.json()["detail"]) > 30


def test_uids_of_a_calendar_differ_by_its_filters_and_stay_the_same(service: Service, source: str) -> None:
    org = source.rpartition("/")[2]
    deadlines = envelope("d", "measure.deadlines_adopted", {"effective_on": "2024-01-01", "instruct_days": 30}, source)
    results = service.publish([registered(source, org), deadlines])
    service.get("/v1/rates", min_position=results[-1]["position"])

    def uids(**filters: str) -> set[str]:
        text = service.http.get("/v1/measures/calendar", params=filters).text.replace("\r\n ", "")
        return {line for line in text.splitlines() if line.startswith("UID:")}

    whole = uids()
    assert whole
    assert uids() == whole
    assert uids(as_of="2024-02-01") & whole
    for filters in ({"region": "8801"}, {"kind": "new_employment_group"}, {"region": "88"}):
        assert uids(**filters)
        assert not uids(**filters) & whole


@pytest.mark.parametrize(("before", "pretty"), [(b"\xef\xbb\xbf", False), (b"", True), (b"\xef\xbb\xbf\r\n\n", True)])
def test_publish_reads_a_byte_order_mark_and_events_over_many_lines(
    service: Service,
    source: str,
    tmp_path: Path,
    before: bytes,
    pretty: bool,  # noqa: FBT001 - a case
) -> None:
    events = [removed("e1", source), removed("e2", source)]
    shapes = {
        "array": json.dumps(events, indent=2 if pretty else None),
        "after": "\n".join(json.dumps(event, indent=2 if pretty else None) for event in events),
        "one": json.dumps(events[0], indent=4 if pretty else None),
    }
    for name, text in shapes.items():
        (tmp_path / name).write_bytes(before + text.encode())
        done = shell("publish", str(tmp_path / name), url=service.url)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"received {1 if name == 'one' else 2} " in done.stdout
