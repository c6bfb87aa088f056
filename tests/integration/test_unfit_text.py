"""What is no text (NUL, half of a surrogate pair) is refused with 400 on every route, wherever it stands."""

import json
from itertools import product
from typing import Any

import httpx
import pytest

from api.app import calls
from tests.fix_service import Service

CALLS = [(each.method, each.path) for each in calls() if each.path not in ("/health/live", "/health/ready", "/metrics")]
# Percent-encoded: NUL, a high and a low surrogate alone (as CESU-8 writes them), and a byte that is no UTF-8 at all.
UNFIT = ("%00", "a%00b", "%ED%A0%80", "%ED%BF%BF", "%FF")
HOLES = {method_path for method_path in CALLS if "{" in method_path[1]}


def filled(path: str, value: str) -> str:
    for name in [part.split("}")[0] for part in path.split("{")[1:]]:
        path = path.replace(f"{{{name}}}", value)
    return path


def refused(service: Service, method: str, path: str, **given: Any) -> str | None:  # noqa: ANN401 - httpx's
    """None where the answer is a 400; else what it was."""
    answer: httpx.Response = service.http.request(method, path, **given)
    return None if answer.status_code == 400 else f"{method} {path} {given}: {answer.status_code} {answer.text[:200]}"


@pytest.mark.parametrize("unfit", UNFIT)
def test_in_a_query(service: Service, unfit: str) -> None:
    wrong = [refused(service, method, f"{filled(path, '1')}?q={unfit}") for method, path in CALLS]
    wrong += [refused(service, method, f"{filled(path, '1')}?{unfit}=1") for method, path in CALLS]
    assert [each for each in wrong if each] == []


@pytest.mark.parametrize("unfit", UNFIT)
def test_in_a_path(service: Service, unfit: str) -> None:
    assert [each for each in (refused(service, m, filled(p, unfit)) for m, p in sorted(HOLES)) if each] == []


@pytest.mark.parametrize("value", [b"a\xed\xa0\x80", b"a\xff"])
def test_in_a_header(service: Service, value: bytes) -> None:
    def given(name: bytes) -> dict[str, Any]:
        return {"headers": [(name, value)]}

    names = (b"x-request-id", b"last-event-id", b"taizhang-import", b"event-signature")
    for method, path in CALLS:
        for name in names:
            assert refused(service, method, filled(path, "1"), **given(name)) is None


UNTEXT = ("a\x00", "a\ud800")


def test_in_every_field_of_every_body_of_the_document(service: Service) -> None:
    """Intake of events keeps what it refuses (tests/integration/test_accepted_counts.py)."""
    document, tried = service.get("/openapi.json"), 0
    for path, calls_ in document["paths"].items():
        for method, call in calls_.items():
            told = call.get("requestBody", {}).get("content", {}).get("application/json")
            if told is None or path == "/v1/events":
                continue
            named = told["schema"].get("$ref", "").rpartition("/")[2]
            schema = document["components"]["schemas"].get(named, told["schema"])
            example = next(iter(schema.get("examples", [{}])))
            for field, value in product(schema.get("properties", {}), UNTEXT):
                body = json.dumps(example | {field: value})
                kind = {"content-type": "application/json"}
                assert refused(service, method, filled(path, "1"), content=body, headers=kind) is None
                tried += 1
    assert tried > 60


@pytest.mark.parametrize("path", ["/acts/policy.adopted", "/me/sessions", "/assessment/seal", "/daily/matches"])
def test_in_a_form(service: Service, path: str) -> None:
    secret = {"cookie": "taizhang-form=x", "content-type": "application/x-www-form-urlencoded"}
    assert refused(service, "POST", path, content="token=x&reason=a%00", headers=secret) is None
