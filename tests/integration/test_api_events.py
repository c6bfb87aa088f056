"""`POST /v1/events`: every message gets one disposition, and is answered once it is durable."""

import base64
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.fix_service import BATCH, SINGLE, Service
from tests.sending import envelope, removed


def post(service: Service, body: bytes, content_type: str = SINGLE, **headers: str) -> httpx.Response:
    return service.http.post("/v1/events", content=body, headers={"content-type": content_type, **headers})


def kept(service: Service, quarantine_id: int) -> dict[str, Any]:
    return service.get(f"/v1/quarantine/{quarantine_id}")


def kept_bytes(service: Service, quarantine_id: int) -> bytes:
    return base64.b64decode(kept(service, quarantine_id)["raw_base64"])


def test_an_event_is_accepted_and_its_repeat_is_a_duplicate_at_the_same_position(service: Service, source: str) -> None:
    event = removed("e1", source)
    (first,) = service.publish(event)
    assert first == {"id": "e1", "source": source, "disposition": "accepted", "position": first["position"]}
    again = dict(reversed(event.items()))
    assert service.publish(again) == [{**first, "disposition": "duplicate"}]


def test_another_content_under_a_known_name_is_quarantined(service: Service, source: str) -> None:
    service.publish(removed("e1", source))
    (result,) = service.publish(removed("e1", source, member="member:other"))
    assert result["disposition"] == "quarantined"
    assert result["reasons"][0]["rule"] == "conflict"
    assert "position" not in result


def test_a_batch_is_answered_in_order_with_one_disposition_each(service: Service, source: str) -> None:
    bad = removed("e2", source) | {"data": {"effective_on": "2024-13-01", "member": "member:m"}}
    results = service.publish([removed("e1", source), bad, removed("e1", source), removed("e3", source)])
    assert [each["disposition"] for each in results] == ["accepted", "quarantined", "duplicate", "accepted"]
    assert [each["id"] for each in results] == ["e1", "e2", "e1", "e3"]
    assert results[3]["position"] == results[0]["position"] + 1
    assert results[1]["reasons"][0]["at"] == "/data/effective_on"


def test_an_empty_batch_is_fine(service: Service) -> None:
    assert service.publish([]) == []


def test_each_element_of_a_batch_keeps_its_bytes(service: Service, source: str) -> None:
    odd = f'{{ "id":"x",\t"source" : "{source}",\n "名" : 1e2 }}'.encode()
    answer = post(service, b"[\n" + odd + b" , {}]", BATCH)
    assert kept_bytes(service, answer.json()["results"][0]["quarantine_id"]) == odd


@pytest.mark.parametrize("body", [b'{"specversion": "1.0", ', b"", b"\xff\xfe{}", b"hello", b"[1, 2"])
@pytest.mark.parametrize("content_type", [SINGLE, BATCH, "application/json"])
def test_a_body_that_is_no_json_is_400_and_kept(service: Service, body: bytes, content_type: str) -> None:
    answer = post(service, body, content_type)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert problem["type"] == "urn:taizhang:problem:not-json"
    assert str(problem["quarantine_id"]) in problem["detail"]
    assert kept_bytes(service, problem["quarantine_id"]) == body


@pytest.mark.parametrize(("body", "content_type"), [(b'[{"a": 1}]', SINGLE), (b'{"a": 1}', BATCH), (b'"a"', BATCH)])
def test_a_body_in_the_other_form_is_quarantined_whole(service: Service, body: bytes, content_type: str) -> None:
    (result,) = post(service, body, content_type).json()["results"]
    assert result["disposition"] == "quarantined"
    assert result["reasons"][0]["rule"] == "form"
    assert kept_bytes(service, result["quarantine_id"]) == body


def test_plain_json_is_judged_by_its_content(service: Service, source: str) -> None:
    one, two = json.dumps(removed("e1", source)).encode(), json.dumps([removed("e2", source)]).encode()
    answers = [post(service, body, "application/json; charset=UTF-8").json() for body in (one, two)]
    assert [each["results"][0]["disposition"] for each in answers] == ["accepted", "accepted"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", f"{SINGLE}; charset=gbk", "", "nonsense"])
def test_other_content_types_are_refused(service: Service, content_type: str) -> None:
    answer = post(service, b"{}", content_type)
    assert answer.status_code == 415
    assert SINGLE in answer.headers["accept-post"]


def test_a_packed_body_is_unpacked(service: Service, source: str) -> None:
    packed = gzip.compress(json.dumps(removed("e1", source)).encode())
    answer = post(service, packed, **{"content-encoding": "gzip"})
    assert answer.json()["results"][0]["disposition"] == "accepted"


def test_a_body_that_does_not_unpack_is_kept_as_it_came(service: Service) -> None:
    packed = gzip.compress(b"{}")[:-3]
    problem = post(service, packed, **{"content-encoding": "gzip"}).json()
    assert problem["status"] == 400
    assert kept_bytes(service, problem["quarantine_id"]) == packed


@pytest.mark.parametrize("encoding", [{}, {"content-encoding": "gzip"}])
def test_a_body_beyond_the_limit_is_413_and_nothing_is_stored(service: Service, encoding: dict[str, str]) -> None:
    body = b"[" + b" " * (16 << 20) + b"]"
    answer = post(service, gzip.compress(body) if encoding else body, BATCH, **encoding)
    assert answer.status_code == 413
    assert "16777216 bytes" in answer.json()["detail"]


def test_the_limit_holds_for_a_body_of_unknown_length(service: Service) -> None:
    chunk = b" " * (1 << 20)
    answer = service.http.post("/v1/events", content=(chunk for _ in range(64)), headers={"content-type": BATCH})
    assert answer.status_code == 413


def test_a_batch_beyond_the_limit_is_413_and_nothing_is_stored(service: Service, source: str) -> None:
    events = [removed(f"e{number}", source) for number in range(10_001)]
    answer = post(service, json.dumps(events).encode(), BATCH)
    assert answer.status_code == 413
    assert service.publish(events[0])[0]["disposition"] == "accepted"


def test_an_event_beyond_its_limit_is_quarantined_whole(service: Service, source: str) -> None:
    event = removed("e1", source) | {"note": "x" * (1 << 20)}
    (result,) = service.publish(event)
    assert [each["rule"] for each in result["reasons"]] == ["event_size"]
    assert len(kept_bytes(service, result["quarantine_id"])) > 1 << 20


def test_names_that_json_can_only_just_hold_are_answered_and_kept(service: Service) -> None:
    for body in (b'{"id": "\\ud800"}', b'{"a": 1, "a": 2}', b"[" * 2000 + b"]" * 2000, b'{"n": ' + b"9" * 5000 + b"}"):
        answer = post(service, body, "application/json")
        assert answer.status_code in (200, 400), body[:20]
        shown = answer.json()
        number = shown.get("quarantine_id") or shown["results"][0]["quarantine_id"]
        assert kept_bytes(service, number) in (body, body[1:-1])


def test_the_request_id_is_recorded_with_each_event(service: Service, source: str) -> None:
    answer = post(service, json.dumps([{}, {"source": source}]).encode(), BATCH, **{"x-request-id": "feed-7.a"})
    assert answer.headers["x-request-id"] == "feed-7.a"
    numbers = [each["quarantine_id"] for each in answer.json()["results"]]
    assert [kept(service, number)["intake"] for number in numbers] == [
        {"channel": "http", "request": "feed-7.a", "index": 0},
        {"channel": "http", "request": "feed-7.a", "index": 1},
    ]


def test_many_publishers_at_once_get_each_their_own_answer(service: Service, source: str) -> None:
    def publish(number: int) -> dict[str, Any]:
        return service.publish(removed(f"e{number}", source))[0]

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(publish, range(200)))
    assert [each["id"] for each in results] == [f"e{number}" for number in range(200)]
    assert len({each["position"] for each in results}) == 200


def test_a_warning_does_not_keep_an_event_out(service: Service, source: str) -> None:
    data = {
        "effective_on": "2024-01-05", "org": "uscc:9151010452601815XG", "kind": "new_economic",
        "category": "private_enterprise", "name": "甲", "region": "510104", "industry": "A99",
    }  # fmt: skip
    (result,) = service.publish(envelope("e1", "organization.registered", data, source))
    assert result["disposition"] == "accepted"
    assert result["warnings"]
