"""Forms that change something are believed only where a page of this service sent them."""

import re
from typing import Final

import httpx
import pytest

from tests.fix_service import SINGLE, Service

HTML: Final = {"accept": "text/html"}
SAME: Final = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def open_message(service: Service) -> int:
    """The number of a message that was set aside."""
    answer = service.http.post("/v1/events", content=b"{", headers={"content-type": SINGLE})
    number: int = answer.json()["quarantine_id"]
    return number


def opened(service: Service, number: int) -> tuple[str, httpx.Cookies]:
    """The secret in a message's page, and the cookie that came with it."""
    page = httpx.get(f"{service.url}/intake/quarantine/{number}", headers=HTML, trust_env=False)
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found is not None
    return found[1], page.cookies


def send(
    service: Service, number: int, fields: dict[str, str], cookies: httpx.Cookies | None, headers: dict[str, str]
) -> httpx.Response:
    with httpx.Client(cookies=cookies, trust_env=False) as browser:
        return browser.post(f"{service.url}/intake/quarantine/{number}", data=fields, headers={**HTML, **headers})


def state(service: Service, number: int) -> str:
    return str(service.get(f"/v1/quarantine/{number}")["state"])


def test_a_form_of_our_own_page_is_taken(service: Service, open_message: int) -> None:
    token, cookies = opened(service, open_message)
    fields = {"token": token, "action": "discard", "reason": "a test"}
    answer = send(service, open_message, fields, cookies, {"origin": service.url})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/intake/quarantine/{open_message}")
    assert state(service, open_message) == "discarded"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://elsewhere.example"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
    ],
)
def test_a_form_from_elsewhere_changes_nothing(service: Service, open_message: int, headers: dict[str, str]) -> None:
    token, cookies = opened(service, open_message)
    fields = {"token": token, "action": "discard", "reason": "a test"}
    answer = send(service, open_message, fields, cookies, headers)
    assert answer.status_code == 403
    assert "不是从本站页面发来的" in answer.text
    assert state(service, open_message) == "open"


@pytest.mark.parametrize("given", ["", "another"])
def test_a_form_without_the_browsers_secret_changes_nothing(service: Service, open_message: int, given: str) -> None:
    _, cookies = opened(service, open_message)
    fields = {"token": given, "action": "discard", "reason": "a test"}
    assert send(service, open_message, fields, cookies, SAME).status_code == 403
    assert send(service, open_message, fields, None, SAME).status_code == 403
    assert state(service, open_message) == "open"


@pytest.mark.parametrize("fields", [{"action": "burn"}, {"action": "discard", "reason": " "}, {"more": "x"}])
def test_a_form_with_a_wrong_field_is_told_so_on_a_page(
    service: Service, open_message: int, fields: dict[str, str]
) -> None:
    token, cookies = opened(service, open_message)
    answer = send(service, open_message, {"token": token, **fields}, cookies, SAME)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert state(service, open_message) == "open"


def test_the_secret_is_kept_from_scripts_and_from_other_sites(service: Service, open_message: int) -> None:
    page = httpx.get(f"{service.url}/intake/quarantine/{open_message}", headers=HTML, trust_env=False)
    cookie = page.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
