"""What is believed of those who come through a front: their address, their host, their header, a cursor of theirs."""

import base64
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from ipaddress import ip_address
from typing import NamedTuple

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.admission.gate import client_of
from services.access.api_keys import add_key
from services.access.sessions import Sessions
from services.postgres.database import open_pool
from tests.fix_counties import Counties
from tests.fix_service import BATCH, Service, new_database

pytestmark = pytest.mark.long

PUBLIC = "https://taizhang.example"
TOKEN = "measures-are-for-us"  # noqa: S105 - made up
AT_ONCE, RESERVE, OF_ONE = 12, 4, 5
PROXY, STRANGER = "127.0.0.1", "127.0.0.2"
EVIL = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example;proto=http"}


class Front(NamedTuple):
    """A service behind a proxy of ours, with https outside; the headers of callers by name, a session's with them."""

    service: Service
    keys: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def front(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder, database = tmp_path_factory.mktemp("front"), new_database(postgres)
    settings = {
        "database_url": database, "public_url": PUBLIC, "metrics_token": TOKEN, "proxies": PROXY,
        "requests_at_once_max": str(AT_ONCE), "requests_for_operators": str(RESERVE), "requests_per_second": "5",
        "requests_of_one_max": str(OF_ONE), "oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": "taizhang",
    }  # fmt: skip
    with Service(folder, **settings) as service:
        file = folder / "data" / "api-keys.json"
        keys = {
            f"{role}{n}": {"authorization": f"Bearer {add_key(file, f'{role}{n}', frozenset({role}), None)}"}
            for n in range(3)
            for role in ("publisher", "inspector", "operator", "administrator")
        }
        with open_pool(database, "sessions") as pool:
            token = Sessions(pool, timedelta(hours=1), timedelta(hours=1)).begin("user:a", "provider")
        keys["session"] = {"cookie": f"__Host-taizhang={token}"}
        yield Front(service, keys)


@pytest.mark.parametrize("path", ["/v1/nothing", "/health/live", "/v1/rates", "/sign-out"])
def test_with_https_outside_every_answer_holds_browsers_to_it(front: Front, path: str) -> None:
    assert front.service.http.get(path).headers["strict-transport-security"] == "max-age=31536000"


def test_with_https_outside_every_cookie_is_this_hosts_alone(front: Front) -> None:
    """RFC 6265bis, 4.1.3: no other host of the domain plants one, and browsers heed no such name without `Secure`."""
    ask, key = front.service.http, front.keys["administrator2"] | {"accept": "text/html"}
    given = [ask.get("/me?lang=en", headers=key)]
    given += [ask.post("/sign-out", headers={"cookie": "__Host-taizhang=none", "sec-fetch-site": "same-origin"})]
    kept = [each for answer in given for each in answer.headers.get_list("set-cookie")]
    assert {each.partition("=")[0] for each in kept} == {
        "__Host-taizhang", "__Host-taizhang-form", "__Host-taizhang-lang",
    }  # fmt: skip
    for each in kept:
        assert {"secure", "httponly", "path=/"} <= set(each.lower().split("; ")), each
        assert "domain=" not in each.lower()
    (gone,) = [each for each in kept if each.startswith("__Host-taizhang=")]
    assert "max-age=0" in gone.lower()
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    told = [
        ask.post("/me/sessions", content="token=x&session=none", headers=key | form | {"cookie": f"{name}=x"})
        for name in ("taizhang-form", "__Host-taizhang-form")
    ]
    assert [each.status_code for each in told] == [403, 404], [each.text[-2000:] for each in told]


def test_without_https_nothing_is_said_of_it(counties: Counties) -> None:
    """RFC 6797, 7.2: over plain HTTP the header is not sent."""
    assert "strict-transport-security" not in counties.ask("all", "/v1/session").headers


def test_measures_are_told_to_whoever_has_their_token_and_to_nobody_else(front: Front) -> None:
    ask, token = front.service.http.get, TOKEN
    for sent in ("", "Bearer", f"Bearer {token}x", f"bearer{token}", token, f"Basic {token}"):
        answer = ask("/metrics", headers={"authorization": sent})
        assert (answer.status_code, "www-authenticate" in answer.headers) == (401, True), sent
        assert "taizhang_" not in answer.text
    assert ask("/metrics").status_code == ask("/metrics", headers=front.keys["operator0"]).status_code == 401
    assert "taizhang_position" in ask("/metrics", headers={"authorization": f"Bearer {token}"}).text


@pytest.mark.parametrize("empty", ["", "Bearer", "bearer", "Basic", "Negotiate x"])
def test_a_word_without_a_credential_is_none_and_hides_no_other_site(front: Front, empty: str) -> None:
    def ask(method: str, path: str, **headers: str) -> httpx.Response:
        """Once its share is there again: all these questions are one caller's."""
        while (answer := front.service.http.request(method, path, headers=headers)).status_code == 429:
            time.sleep(float(answer.headers["retry-after"]))
        return answer

    cookie = front.keys["session"]
    session = cookie | {"authorization": empty}
    nobody = {"authorization": empty, "x-forwarded-for": f"192.0.2.{len(empty) + 10}"}
    assert ask("GET", "/v1/session", **nobody).status_code == 401
    assert ask("GET", "/v1/session", **session).json()["holder"] == "user:a"
    for site in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}):
        answer = ask("POST", "/sign-out", **session, **site)
        assert answer.status_code == 403, (empty, site)
        assert answer.json()["type"] == "urn:taizhang:problem:from-another-site"
    assert ask("GET", "/v1/session", **cookie).status_code == 200


def test_where_a_redirect_leads_is_never_what_host_says(front: Front, counties: Counties) -> None:
    page = {"accept": "text/html"} | EVIL
    found = [front.service.http.get(path, headers=page) for path in ("/ledger?kind=x", "/sign-in?next=//evil.example")]
    found += [front.service.http.post("/sign-out", headers=page | front.keys["session"] | {"sec-fetch-site": "none"})]
    asked = counties.keys["all"] | page
    for path in (
        "/v1/rates/",
        "/ledger/",
        "/?as_of=2024-01-01&region=",
        "/ledger?region=不在",
        "//evil.example/",
        "/rates",
    ):
        found.append(counties.service.http.get(path, headers=asked))
    assert sum(300 <= each.status_code < 400 for each in found) >= 2
    for each in found:
        location = each.headers.get("location", "/")
        assert location.startswith("/"), location
        assert not location.startswith("//"), location
        assert "evil" not in location.partition("next=")[0]


def _forged(cursor: str) -> Iterator[tuple[str, str]]:
    whole = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for at in range(0, len(whole), 5):
        changed = bytearray(whole)
        changed[at] ^= 1
        yield f"byte {at} changed", base64.urlsafe_b64encode(bytes(changed)).decode().rstrip("=")
    yield "its mark left away", base64.urlsafe_b64encode(whole[64:]).decode().rstrip("=")
    yield "a mark of zeros", base64.urlsafe_b64encode(bytes(64) + whole[64:]).decode().rstrip("=")
    yield "cut", cursor[:-4]
    yield "of a word", "first"
    yield "of Chinese", "下一页"
    yield "without end", "A" * 5_000
    yield "nested", base64.urlsafe_b64encode(b"[" * 700).decode()


def test_a_cursor_that_nobody_gave_is_refused_and_one_of_another_question_too(counties: Counties) -> None:
    asked = {"limit": 2, "as_of": "2024-12-31"}
    first = counties.ask("all", "/v1/organizations", params=asked).json()
    cursor = first["next"]
    assert counties.ask("all", "/v1/organizations", params=asked | {"cursor": cursor}).status_code == 200
    for what, text in _forged(cursor):
        answer = counties.ask("all", "/v1/organizations", params=asked | {"cursor": text})
        assert answer.status_code == 400, (what, answer.text)
        assert answer.json()["type"] == "urn:taizhang:problem:invalid-cursor", what
    for path, more in (("/v1/organizations", {"kind": "new_social"}), ("/v1/anomalies", {})):
        answer = counties.ask("all", path, params=asked | more | {"cursor": cursor})
        assert answer.status_code == 400, path
    # It opens no more than whoever brings it may see.
    told = counties.ask("here", "/v1/organizations", params=asked | {"cursor": cursor}).text
    assert "group:there-" not in told


ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "192.0.2.7", "2001:db8::1", "::1"])


@given(ADDRESSES, st.lists(ADDRESSES | st.text("0123456789.:,x", max_size=8), max_size=6), st.sets(ADDRESSES))
def test_an_address_is_the_first_from_the_right_that_is_no_proxy_of_ours(
    peer: str, forwarded: list[str], proxies: set[str]
) -> None:
    scope = {
        "type": "http", "client": (peer, 1),
        "headers": [(b"x-forwarded-for", ", ".join(forwarded).encode())] if forwarded else [],
    }  # fmt: skip
    found = client_of(scope, frozenset(proxies))
    if peer not in proxies:
        assert found == peer
        return
    # What stands left of the last one that is none of ours is anybody's word, and changes nothing.
    told = ["192.0.2.99", *forwarded]
    more = {**scope, "headers": [(b"x-forwarded-for", ", ".join(told).encode())]}
    if found not in proxies:
        assert client_of(more, frozenset(proxies)) == found
    assert found in {peer, *_addresses(forwarded)}


def _addresses(told: list[str]) -> Iterator[str]:
    """Each address in what was told, as Python writes it; one element may hold several, or none."""
    for part in ",".join(told).split(","):
        with suppress(ValueError):
            yield str(ip_address(part.strip()))


@contextmanager
def _coming_from(front: Front, address: str) -> Iterator[Callable[..., int]]:
    """What attempts without a credential are answered, from an address, with X-Forwarded-For as it says."""
    with httpx.Client(base_url=front.service.url, transport=httpx.HTTPTransport(local_address=address)) as client:
        yield lambda *told: client.get("/v1/session", headers={"x-forwarded-for": ", ".join(told)}).status_code


def test_attempts_are_counted_by_the_address_that_our_proxy_names_and_no_other(front: Front) -> None:
    with _coming_from(front, PROXY) as attempt:
        # What the proxy itself was told counts for nothing.
        assert {attempt(f"198.51.100.{n}", "192.0.2.1") for n in range(100)} == {401, 429}
        assert attempt("192.0.2.2") == 401
    with _coming_from(front, STRANGER) as attempt:
        # Whoever comes by another way than our proxy says so in vain.
        assert {attempt(f"198.51.100.{n}") for n in range(100)} == {401, 429}


def test_what_anyone_may_have_is_counted_by_address_too(front: Front) -> None:
    for path in ("/openapi.json", "/signed-out", "/v1/contract/asyncapi.json"):
        headers = {"x-forwarded-for": f"203.0.113.{len(path)}"}
        assert {front.service.http.get(path, headers=headers).status_code for _ in range(60)} == {200, 429}, path


def test_places_are_kept_for_operators_and_administrators(front: Front) -> None:
    """Whoever fills all others, with bodies half sent, does not keep an operator from looking."""
    service = front.service
    with ExitStack() as stack:

        def hold(number: int, who: str) -> None:
            held = stack.enter_context(socket.create_connection((PROXY, service.port), timeout=30))
            bearer = front.keys[who]["authorization"]
            head = (
                "POST /v1/events HTTP/1.1", "host: h", f"content-type: {BATCH}", "content-length: 9",
                f"x-forwarded-for: 192.0.2.{number + 20}", f"authorization: {bearer}", "", "[",
            )  # fmt: skip
            held.sendall("\r\n".join(head).encode())

        # Two have several places each; the last one goes to somebody who has none.
        for number in range(AT_ONCE - RESERVE - 1):
            hold(number, f"publisher{number % 2}")
        _until_taken(front, AT_ONCE - RESERVE - 1)
        hold(AT_ONCE, "publisher2")
        _until_taken(front, AT_ONCE - RESERVE)
        full = service.http.get("/v1/session", headers=front.keys["inspector0"])
        assert full.status_code == 503, full.text
        assert full.json()["type"] == "urn:taizhang:problem:not-ready"
        assert full.headers["retry-after"]
        for _ in range(3):
            for role in ("operator", "administrator"):
                answer = service.http.get("/v1/session", headers=front.keys[f"{role}1"])
                assert answer.status_code == 200, answer.text
            assert service.http.get("/v1/session", headers=front.keys["inspector1"]).status_code == 503
            # What anyone may have takes none of theirs either; health is answered always.
            assert service.http.get("/signed-out").status_code == 503
        assert service.http.get("/health/live").status_code == 200
    assert service.http.get("/v1/session", headers=front.keys["inspector0"]).status_code == 200


def _until_taken(front: Front, places: int) -> None:
    measured = ""
    for _ in range(100):
        measured = front.service.http.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).text
        if f'taizhang_places{{kind="requests"}} {places:.1f}' in measured:
            return
        time.sleep(0.2)
    pytest.fail(measured)
