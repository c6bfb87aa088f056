"""Every answer has its form: problems, request ids, security headers, the OpenAPI document."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import calls
from api.asking.questions import Not
from api.web.problems import ProblemDetails
from services.access.api_keys import add_key
from tests.fix_service import Service, new_database
from tests.sending import removed


def problem(answer: httpx.Response) -> ProblemDetails:
    assert answer.headers["content-type"] == "application/problem+json"
    found = ProblemDetails.model_validate_json(answer.content)
    assert found.status == answer.status_code
    assert found.request_id == answer.headers["x-request-id"]
    return found


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/events/", 404),
        ("PUT", "/v1/events", 405),
        ("GET", "/v1/quarantine/0", 400),
        ("GET", "/v1/quarantine/999999999", 404),
        ("GET", "/v1/quarantine/x", 400),
        ("GET", "/v1/quarantine?limit=0", 400),
        ("GET", "/v1/quarantine?limit=5&limit=6", 400),
        ("GET", "/v1/quarantine?limt=5", 400),
        ("GET", "/v1/quarantine?source=%00", 400),
        ("GET", "/v1/receipts", 400),
        ("GET", "/v1/receipts?source=/a", 400),
        ("GET", "/v1/receipts?source=/a&id=b&quarantine_id=1", 400),
        ("GET", "/v1/receipts?source=/a&id=%00", 400),
        ("GET", "/v1/receipts?quarantine_id=999999999", 404),
        ("GET", "/v1/rates?as_of=2024-02-30", 400),
        ("GET", "/v1/rates?as_of=0000-01-01", 400),
        ("GET", "/v1/rates?known_at=yesterday", 400),
        ("GET", "/v1/rates?known_at=-1", 400),
        ("GET", "/v1/rates?known_at=99999999999999999999", 400),
        ("GET", "/v1/rates?known_at=9999999", 400),
        ("GET", "/v1/rates?min_position=1.5", 400),
        ("GET", "/v1/rates?group_by=colour", 400),
        ("GET", "/v1/rates?group_by=kind&group_by=kind", 400),
        ("GET", "/v1/rates?kind=economic", 400),
        ("GET", "/v1/rates?region=", 400),
        ("GET", "/v1/rates?region=51x", 400),
        ("GET", "/v1/rates?industry=Z", 400),
        ("GET", "/v1/rates?eligible=maybe", 400),
        ("GET", "/v1/rates?categroy=courier", 400),
    ],
)
def test_every_error_is_a_problem_that_says_what_to_do(service: Service, method: str, path: str, status: int) -> None:
    answer = service.http.request(method, path)
    assert answer.status_code == status
    found = problem(answer)
    assert found.detail
    if status == 400:
        assert found.errors[0].rule
        assert found.errors[0].message


def test_a_misspelt_parameter_gets_the_nearest_and_all_that_there_are(service: Service) -> None:
    detail = problem(service.http.get("/v1/rates", params={"categroy": "courier"})).detail
    assert "did you mean category?" in detail
    assert "group_by" in detail


def test_a_method_that_is_not_there_names_those_that_are(service: Service) -> None:
    assert service.http.put("/v1/events").headers["allow"] == "POST"


def test_a_body_beyond_what_a_reason_needs_is_413(service: Service) -> None:
    service.publish([{"id": "half"}])
    answer = service.http.post("/v1/quarantine/1/discard", json={"reason": "x" * 70_000})
    assert answer.status_code == 413
    assert problem(answer).type == "urn:taizhang:problem:too-large"


@pytest.mark.parametrize("given", ["a b", "x" * 65, "ü", "13800138000", ""])
def test_a_request_id_that_cannot_be_kept_is_replaced(service: Service, given: str) -> None:
    answer = service.http.get("/health/live", headers=[(b"x-request-id", given.encode())])
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/health/live", "/v1/rates", "/v1/nothing", "/openapi.json", "/metrics"])
def test_every_answer_carries_the_security_headers(service: Service, path: str) -> None:
    headers = service.http.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_waiting_for_a_position_that_does_not_come_ends_with_503(service: Service) -> None:
    answer = service.http.get("/v1/rates", params={"min_position": "900000000"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert "900000000" in problem(answer).detail


def test_ready_says_that_it_is_and_metrics_count(service: Service, source: str) -> None:
    # One of the busiest sources, which are the ones shown: others of this run have published here too.
    service.publish([removed("e1", source, member="member:not-counted-by-name")] * 200)
    assert service.get("/health/ready")["status"] == "ready"
    text = service.http.get("/metrics").text
    assert f'taizhang_messages_total{{disposition="accepted",source="{source}"}} 1.0' in text
    assert 'taizhang_position{part="projections"}' in text
    assert 'taizhang_http_events_total{disposition="accepted"}' in text
    assert "not-counted-by-name" not in text


def test_the_log_shows_no_query_and_no_body(service: Service, source: str) -> None:
    service.publish(removed("e1", source, member="member:secret-in-body"))
    service.http.get("/v1/audit", params={"subject": "member:secret-in-query"})
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    line = next(each for each in lines if each.get("source") == source)
    assert line.items() >= {"route": "/v1/events", "status": 200, "accepted": 1}.items()
    assert line["position"] > 0
    assert line["request_id"]
    assert "secret-in" not in service.log.read_text()


def test_a_body_that_does_not_arrive_in_time_is_408(database: str, tmp_path: Path) -> None:
    with Service(tmp_path, "--dev", database_url=database, body_seconds_max="0.5") as service:
        lines = ("POST /v1/events HTTP/1.1", "host: localhost", "content-type: application/json", "content-length: 9")
        head = "\r\n".join((*lines, "", "["))
        with socket.create_connection(("127.0.0.1", service.port), timeout=30) as slow:
            slow.sendall(head.encode())
            assert slow.recv(64).startswith(b"HTTP/1.1 408 ")
        assert service.publish([]) == []


def test_the_openapi_document_names_no_answer_that_is_not_given(service: Service) -> None:
    document = service.get("/openapi.json")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert "422" not in operation["responses"], path
            assert operation.get("summary"), path
            for code, response in operation["responses"].items():
                if code in ("400", "401", "403", "404"):
                    assert list(response["content"]) == ["application/problem+json"], path
    assert "10,000 events" in document["info"]["description"]


def test_the_openapi_examples_work_when_pasted(service: Service) -> None:
    document = service.get("/openapi.json")
    body = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    for content_type, media in body.items():
        for example in media["examples"].values():
            content = json.dumps(example["value"])
            answer = service.http.post("/v1/events", content=content, headers={"content-type": content_type})
            assert {each["disposition"] for each in answer.json()["results"]} <= {"accepted", "duplicate"}
    for path, operations in document["paths"].items():
        if "get" in operations:
            pasted, query = _pasted(path, operations["get"].get("parameters", []))
            # One of them is a stream that does not end, so no more than its beginning is read.
            with service.http.stream("GET", pasted, params=query) as answer:
                assert answer.status_code in (200, 303, 404), (path, query)
                assert _is_named(answer, operations["get"]), (path, query, answer.headers)


def test_every_form_that_a_call_has_is_named_in_the_openapi_document(service: Service) -> None:
    paths = service.get("/openapi.json")["paths"]
    found = [(each.path, each.question) for each in calls() if each.method == "GET" and each.path in paths]
    formed = [(path, said.forms) for path, said in found if said is not None and not isinstance(said.forms, Not)]
    assert len(formed) > 30
    for path, forms in formed:
        operation = paths[path]["get"]
        pasted, query = _pasted(path, operation["parameters"])
        for form in forms:
            answer = service.http.get(pasted, params=query | {"format": form})
            assert answer.status_code in (200, 404), (path, query, answer.text)
            assert _is_named(answer, operation), (path, form, answer.headers)


def _is_named(answer: httpx.Response, operation: dict[str, Any]) -> bool:
    """Whether the operation's entry names this answer's status and media type."""
    named = operation["responses"].get(str(answer.status_code))
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    return named is not None and (media_type in named.get("content", ()) or not media_type)


def _pasted(path: str, parameters: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """A call's path and query, filled with the first example of each parameter that has one."""
    query: dict[str, Any] = {}
    for parameter in parameters:
        examples = parameter["schema"].get("examples") or parameter.get("examples")
        if examples and parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(examples[0]))
        elif examples:
            query[parameter["name"]] = examples[0]
    assert "{" not in path, f"{path} has a parameter without an example"
    return path, query


def test_without_dev_nobody_calls_without_a_key(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("keys")
    with Service(folder, database_url=new_database(postgres)) as service:
        refused = service.http.get("/v1/rates")
        assert problem(refused).type == "urn:taizhang:problem:sign-in-needed"
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert service.http.get("/health/live").status_code == 200

        keys = folder / "data" / "api-keys.json"
        key = add_key(keys, "market", frozenset({"publisher"}), ("/registry/market",))
        assert key not in keys.read_text()
        bearer = {"authorization": f"Bearer {key}"}
        assert service.http.get("/v1/rates", headers={"authorization": "Bearer tz_guess"}).status_code == 401
        assert service.http.get("/v1/rates", headers=bearer).status_code == 403
        own = service.http.post("/v1/events", json=removed("e1", "/registry/market"), headers=bearer)
        other = service.http.post("/v1/events", json=removed("e2", "/registry/civil"), headers=bearer)
        assert own.json()["results"][0]["disposition"] == "accepted"
        assert other.json()["results"][0]["disposition"] == "quarantined"

        keys.write_text("[]")
        assert service.http.post("/v1/events", json=[], headers=bearer).status_code == 401
