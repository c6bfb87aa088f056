"""People sign in with a provider of OpenID Connect, a program of its own on loopback."""

from collections.abc import Iterator
from contextlib import closing
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from services.access.api_keys import add_key
from tests.access.provider import provider
from tests.fix_service import Service, free_port, new_database

pytestmark = pytest.mark.long

PERSON = "zhang.san@example.org"


def sign_in(service: Service, person: str = PERSON) -> httpx.Client:
    """A browser with the session of a person."""
    browser = httpx.Client(base_url=service.url, trust_env=False, timeout=30, headers={"accept": "text/html"})
    asked = browser.get("/v1/session?lang=zh")
    assert asked.headers["location"] == "/sign-in?next=%2Fv1%2Fsession%3Flang%3Dzh"
    to_provider = browser.get("/sign-in", params={"next": "/v1/session"})
    assert "code_challenge_method=S256" in to_provider.headers["location"]
    back = browser.post(to_provider.headers["location"], data={"sub": person})
    ended = browser.get(back.headers["location"])
    assert ended.headers["location"] in ("/v1/session", "/me"), ended.text  # who was granted nothing is told so
    cookie = SimpleCookie(next(each for each in ended.headers.get_list("set-cookie") if each.startswith("taizhang=")))
    assert cookie["taizhang"]["httponly"]
    assert cookie["taizhang"]["samesite"] == "lax"
    assert person not in cookie["taizhang"].value
    return browser


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def asking(postgres: str, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Path]]:
    folder = tmp_path_factory.mktemp("oidc")
    settings = {"oidc_issuer": f"http://127.0.0.1:{port}", "oidc_client_id": "taizhang", "oidc_client_secret": "s"}
    with Service(folder, database_url=new_database(postgres), **settings) as service:
        yield service, folder


def test_a_person_signs_in_is_granted_roles_and_stays_while_the_provider_is_away(
    asking: tuple[Service, Path], port: int
) -> None:
    service, folder = asking
    key = add_key(folder / "data" / "api-keys.json", "admin", frozenset({"administrator"}), None)
    with provider(port):
        browser = sign_in(service)
        session = browser.get("/v1/session").json()
        assert session["holder"].startswith("user:")
        assert session["roles"] == []
        assert browser.get("/v1/rates").status_code == 403
        body = {"holder": session["holder"], "roles": ["inspector"], "regions": ["990101"], "key": False}
        granted = service.http.post("/v1/access", json=body, headers={"authorization": f"Bearer {key}"})
        assert granted.status_code == 201
        assert granted.json()["key"] is None
        assert browser.get("/v1/session").json()["regions"] == ["990101"]
    # The provider has ended; the session goes on.
    assert browser.get("/v1/rates").status_code == 200
    with provider(port):  # with another key
        again = sign_in(service)
        assert again.get("/v1/session").json()["holder"] == session["holder"]
        out = again.post("/sign-out")
        assert out.headers["location"] == "/signed-out?at=provider"
        page = again.get(out.headers["location"])
        back = "post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A" + f"{service.port}%2Fsigned-out"
        assert page.headers["refresh"] == f"0; url=http://127.0.0.1:{port}/oauth2/end_session?client_id=taizhang&{back}"
        assert again.get("/v1/session", headers={"accept": "application/json"}).status_code == 401
    # Neither the service's log nor its database has heard of the person.
    assert PERSON not in service.log.read_text()
    browser.close()
    again.close()


def test_another_site_cannot_use_the_session(asking: tuple[Service, Path], port: int) -> None:
    service, _ = asking
    with provider(port), closing(sign_in(service, "li.si")) as browser:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
            refused = browser.post("/v1/quarantine/redrive", json={}, headers=headers)
            assert refused.status_code == 403
            assert "another site" in refused.json()["detail"]
        own = browser.post("/v1/quarantine/redrive", json={}, headers={"origin": service.url})
        assert "another site" not in own.json()["detail"]


def test_a_sign_in_that_was_not_begun_here_ends_nowhere(asking: tuple[Service, Path], port: int) -> None:
    service, _ = asking
    with provider(port), httpx.Client(base_url=service.url, trust_env=False) as browser:
        assert browser.get("/sign-in/callback", params={"code": "c", "state": "s"}).status_code == 401
        begun = browser.get("/sign-in", params={"next": "//evil.example/"})
        assert browser.get("/sign-in/callback", params={"code": "c", "state": "s"}).status_code == 401
        state = httpx.URL(begun.headers["location"]).params["state"]
        assert browser.get("/sign-in/callback", params={"code": "guessed", "state": state}).status_code == 401
        back = browser.post(begun.headers["location"], data={"sub": "wang.wu"})
        assert browser.get(back.headers["location"]).headers["location"] == "/me"


def test_a_cookie_that_this_service_did_not_make_opens_nothing(asking: tuple[Service, Path]) -> None:
    service, _ = asking
    for value in ("", "x", "a.b.c.d.e", "A" * 5000):
        answer = httpx.get(f"{service.url}/v1/session", cookies={"taizhang": value}, trust_env=False)
        assert answer.status_code == 401


def test_every_page_of_somebody_signed_in_can_end_the_session(asking: tuple[Service, Path], port: int) -> None:
    service, _ = asking
    with provider(port), closing(sign_in(service, "no-roles@example.org")) as browser:
        page = browser.get("/ledger")
    assert page.status_code == 403
    assert 'method="post" action="/sign-out"' in page.text
    assert "/sign-out" not in service.http.get("/ledger?lang=xx", headers={"accept": "text/html"}).text
