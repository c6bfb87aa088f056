"""Tokens of a provider on loopback: which prove something, and which never do."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from services.access.oidc import LOOKING_MAX, Provider, ProviderError, TokenError

pytestmark = pytest.mark.long

AUDIENCE = "https://ledger.example/api"


class Issuer:
    """Discovery and a set of keys over HTTP; it signs what it is told to."""

    def __init__(self) -> None:
        self.keys = [RSAKey.generate_key(2048, {"kid": "k1"})]
        self.away = False
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"  # each answer ends its connection

            def do_GET(self) -> None:
                told: dict[str, Any] = {"keys": [key.as_dict(private=False) for key in issuer.keys]}
                if "openid-configuration" in self.path:
                    ends = {name: f"{issuer.url}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
                    told = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/jwks", **ends}
                body = json.dumps(told).encode()
                self.send_response(503 if issuer.away else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def claims(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any claim; None leaves it out
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "machine-1", "iat": now, "exp": now + 300, **changes}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, **changes: Any) -> str:  # noqa: ANN401 - as above
        key = self.keys[-1]
        return jwt.encode({"alg": "RS256", "kid": key.kid, **(header or {})}, self.claims(**changes), key)


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token as no library makes it."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


@pytest.fixture
def provider(issuer: Issuer) -> Iterator[Provider]:
    made = Provider(issuer.url, "taizhang", None, AUDIENCE)
    yield made
    made.close()


def test_a_token_of_the_provider_names_its_subject(issuer: Issuer, provider: Provider) -> None:
    assert provider.machine(issuer.token()) == "machine-1"
    assert provider.machine(issuer.token({"typ": "at+jwt"}, aud=["other", AUDIENCE])) == "machine-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1_000_000_000}, {"exp": None}, {"aud": "taizhang"}, {"aud": None}, {"iss": "https://evil.example"},
        {"iss": None}, {"sub": None}, {"iat": None}, {"nbf": 4_000_000_000}, {"iat": 4_000_000_000},
    ],
)  # fmt: skip
def test_a_token_for_another_time_place_or_reader_is_refused(
    issuer: Issuer, provider: Provider, changes: dict[str, Any]
) -> None:
    with pytest.raises(TokenError, match="not for here and now"):
        provider.machine(issuer.token(None, **changes))


def test_a_token_that_nobody_signed_is_refused(issuer: Issuer, provider: Provider) -> None:
    head, body, signature = issuer.token().split(".")
    none = forged({"alg": "none"}, issuer.claims())
    for token in (none, f"{none.split('.')[0]}.{body}.", f"{none.split('.')[0]}.{body}.{signature}"):
        with pytest.raises(TokenError, match="signed by one of"):
            provider.machine(token)
    for token in (
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}",
        "a.b.c",
        "",
        "x" * 20_000,
    ):
        with pytest.raises(TokenError):
            provider.machine(token)


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(issuer: Issuer, provider: Provider) -> None:
    for form in (issuer.keys[0].as_pem(private=False), json.dumps(issuer.keys[0].as_dict(private=False)).encode()):
        header = {"alg": "HS256", "kid": "k1"}
        text = forged(header, issuer.claims()).rpartition(".")[0].encode()
        token = forged(header, issuer.claims(), hmac.digest(form, text, hashlib.sha256))
        with pytest.raises(TokenError, match="signed by one of"):
            provider.machine(token)


def test_a_key_of_another_kind_or_another_owner_s_verifies_nothing(issuer: Issuer, provider: Provider) -> None:
    elliptic, other = ECKey.generate_key("P-256", {"kid": "k1"}), RSAKey.generate_key(2048, {"kid": "k1"})
    claims = issuer.claims()
    for token in (
        jwt.encode({"alg": "ES256", "kid": "k1"}, claims, elliptic),
        jwt.encode({"alg": "RS256", "kid": "k1"}, claims, other),
        jwt.encode({"alg": "RS256", "kid": "k9"}, claims, other),
        # The key that a token brings along, or says where to fetch, proves nothing.
        jwt.encode({"alg": "RS256", "jwk": other.as_dict(private=False)}, claims, other),
        jwt.encode({"alg": "RS256", "kid": "k1", "jku": "https://evil.example/jwks"}, claims, other),
    ):
        with pytest.raises(TokenError, match=r"no key of the sign-in provider|no signed token"):
            provider.machine(token)


def test_an_id_token_is_no_access_token(issuer: Issuer) -> None:
    without = Provider(issuer.url, "taizhang", None, None)
    with pytest.raises(TokenError, match="takes no access tokens"):
        without.machine(issuer.token(None, aud="taizhang"))
    without.close()


def test_keys_change_under_load_and_no_good_token_is_refused(issuer: Issuer, provider: Provider) -> None:
    """As providers do it: a key is withdrawn once no token that it signed is under way."""
    faults: list[BaseException] = []
    checked = [0] * 4
    done = threading.Event()

    def load(number: int) -> None:
        try:
            while not done.is_set():
                assert provider.machine(issuer.token()) == "machine-1"
                checked[number] += 1
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            faults.append(error)

    def each_has_begun_and_ended_another() -> None:
        before = list(checked)
        while not faults and not all(now >= then + 2 for now, then in zip(checked, before, strict=True)):
            time.sleep(0.005)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(len(checked))]
    for thread in threads:
        thread.start()
    for number in range(2, 5):
        issuer.keys = [*issuer.keys, RSAKey.generate_key(2048, {"kid": f"k{number}"})]
        each_has_begun_and_ended_another()
        issuer.keys = issuer.keys[-1:]
        each_has_begun_and_ended_another()
    done.set()
    for thread in threads:
        thread.join()
    assert not faults


def test_tokens_of_unknown_keys_hold_up_a_few_threads_and_no_good_token(issuer: Issuer, provider: Provider) -> None:
    good = issuer.token()
    assert provider.machine(good) == "machine-1"
    refused: list[type[Exception]] = []

    def forge() -> None:
        try:
            provider.machine(issuer.token({"kid": "unknown"}))
        except (TokenError, ProviderError) as error:
            refused.append(type(error))

    threads = [threading.Thread(target=forge) for _ in range(LOOKING_MAX * 3)]
    for thread in threads:
        thread.start()
    assert provider.machine(good) == "machine-1"
    for thread in threads:
        thread.join()
    assert len(refused) == len(threads)
    assert refused.count(TokenError) >= 1
    # Whoever finds too many looking is told to come again, not that the token is bad.
    assert refused.count(ProviderError) >= 1


def test_a_withdrawn_key_verifies_nothing_once_the_keys_are_fetched(issuer: Issuer, provider: Provider) -> None:
    old = issuer.token()
    assert provider.machine(old) == "machine-1"
    issuer.keys = [RSAKey.generate_key(2048, {"kid": "k2"})]
    assert provider.machine(issuer.token()) == "machine-1"
    with pytest.raises(TokenError):
        provider.machine(old)


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_a_key_too_short_to_be_safe_verifies_nothing(issuer: Issuer, provider: Provider) -> None:
    """RFC 7518, 3.3: 2,048 bits or more."""
    issuer.keys = [RSAKey.generate_key(1024, {"kid": "k1"}), RSAKey.generate_key(2048, {"kid": "k2"})]
    assert provider.machine(issuer.token()) == "machine-1"
    del issuer.keys[1]
    with pytest.raises(TokenError, match="no key of the sign-in provider"):
        provider.machine(issuer.token())


def test_while_the_provider_is_away_known_keys_go_on(issuer: Issuer, provider: Provider) -> None:
    assert provider.machine(issuer.token()) == "machine-1"
    issuer.away = True
    assert provider.machine(issuer.token()) == "machine-1"
    with pytest.raises(TokenError):
        provider.machine(issuer.token({"kid": "k7"}))


def test_a_provider_that_speaks_for_another_or_in_the_open_is_refused(issuer: Issuer) -> None:
    for address in (f"{issuer.url}/realm", "http://provider.example"):
        wrong = Provider(address, "taizhang", None, AUDIENCE)
        with pytest.raises(ProviderError):
            wrong.metadata()
        wrong.close()


@pytest.mark.parametrize(
    ("claims", "is_ours"),
    [
        ({"aud": "taizhang"}, True), ({"aud": ["taizhang"]}, True), ({"aud": "taizhang", "azp": "taizhang"}, True),
        ({"aud": ["taizhang", "other"]}, False), ({"aud": ["taizhang", "other"], "azp": "taizhang"}, False),
        ({"aud": ["taizhang"], "azp": "other"}, False), ({"aud": "taizhang", "azp": None}, False),
        ({"aud": "taizhang", "azp": ["taizhang"]}, False),
    ],
)  # fmt: skip
def test_an_id_token_is_for_this_client_alone(
    issuer: Issuer,
    provider: Provider,
    claims: dict[str, Any],
    is_ours: bool,  # noqa: FBT001 - a parameter
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OpenID Connect Core 3.1.3.7, 3 to 5."""
    signed = jwt.encode({"alg": "RS256", "kid": "k1"}, {**issuer.claims(nonce="n"), **claims}, issuer.keys[-1])
    monkeypatch.setattr(provider, "_json", _answering(provider, {"id_token": signed}))
    if is_ours:
        assert provider.person("c", "v", "http://127.0.0.1/back", "n") == "machine-1"
    else:
        with pytest.raises(TokenError):
            provider.person("c", "v", "http://127.0.0.1/back", "n")


def _answering(provider: Provider, told: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """The provider's own way to ask, but for its token endpoint."""
    ask = provider._json

    def answer(method: str, url: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's
        return told if method == "POST" else ask(method, url, **arguments)

    return answer
