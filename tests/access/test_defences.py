"""What stops a client that asks too much, and a page that is not ours."""

import httpx
import pytest

from services.access.api_keys import add_key
from tests.fix_counties import Counties
from tests.fix_service import BATCH, Service, new_database

pytestmark = pytest.mark.long


def test_a_client_that_sends_too_much_is_told_when_to_come_again(postgres: str, tmp_path_factory: object) -> None:
    folder = tmp_path_factory.mktemp("rates")  # type: ignore[attr-defined]  # pytest's
    with Service(folder, database_url=new_database(postgres), requests_per_second="2") as service:
        file = folder / "data" / "api-keys.json"
        keys = [{"authorization": f"Bearer {add_key(file, n, frozenset({'inspector'}), None)}"} for n in ("a", "b")]
        answers = [service.http.get("/v1/session", headers=keys[0]) for _ in range(40)]
        refused = [each for each in answers if each.status_code == 429]
        assert refused
        assert {each.status_code for each in answers} == {200, 429}
        assert int(refused[0].headers["retry-after"]) >= 1
        assert refused[0].json()["type"] == "urn:taizhang:problem:too-many-requests"
        assert service.http.get("/v1/session", headers=keys[1]).status_code == 200
        guesses = {service.http.get("/v1/session").status_code for _ in range(40)}
        assert guesses == {401, 429}


def test_a_history_is_brought_by_stewards_alone(counties: Counties) -> None:
    """Its sources' word counts for when it was learned. Nothing of what others send so is stored."""
    for caller, status in (("publisher", 403), ("all", 200)):
        headers = counties.keys[caller] | {"content-type": BATCH, "taizhang-import": "history"}
        answer = counties.service.http.post("/v1/events", content=b"[]", headers=headers)
        assert answer.status_code == status
        assert "steward" in answer.text or status == 200


def test_an_address_beyond_the_limit_is_414(counties: Counties) -> None:
    answer = counties.ask("all", "/v1/organizations", params={"q": "x" * 9_000})
    assert answer.status_code == 414
    assert answer.json()["type"] == "urn:taizhang:problem:address-too-long"


def test_without_sign_in_other_sites_get_nothing(service: Service) -> None:
    for headers in ({"origin": "https://evil.example"}, {"origin": "http://["}, {"sec-fetch-site": "cross-site"}):
        assert service.http.post("/v1/events", json=[], headers=headers).status_code == 403
    # A name of another site's that leads here, as DNS rebinding makes it.
    assert service.http.get("/v1/rates", headers={"host": f"evil.example:{service.port}"}).status_code == 403
    assert service.http.get("/v1/rates", headers={"host": f"localhost:{service.port}"}).status_code == 200


def test_every_answer_has_the_security_headers(counties: Counties) -> None:
    for path in ("/v1/session", "/v1/nothing", "/sign-in", "/health/live"):
        answer: httpx.Response = counties.ask("all", path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
