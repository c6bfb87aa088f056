"""A provider of OpenID Connect: discovery, its keys as they change, tokens checked, the code flow with PKCE.

Sources: OpenID Connect Core 1.0 and Discovery 1.0, RFC 7519 (JWT), RFC 7636 (PKCE), RFC 8725 (best practices for JWT),
RFC 9068 (access tokens as JWT), RFC 9207 (issuer in the answer).
"""

import threading
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from services.system.errors import TaizhangError
from services.system.logs import logger
from services.system.settings import LOOPBACK

# RFC 8725 section 3.1: named here, never taken from a token; none of them is symmetric.
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
# RFC 8725 section 3.11: what a token may say that it is.
TYPES: Final = frozenset(("JWT", "AT+JWT", "APPLICATION/AT+JWT"))
# RFC 7518 sections 3.3 and 3.5.
RSA_BITS_MIN: Final = 2_048
LEEWAY_S: Final = 60
TIMEOUT_S: Final = 10.0
TOKEN_LENGTH_MAX: Final = 16_384
ANSWER_BYTES_MAX: Final = 1 << 20
# A token that names a key not known makes the keys be fetched again, at most so often.
REFETCH_S: Final = 0.5
# So many checks at once may wait for that; the others are told to come again, so that forged tokens take no more.
LOOKING_MAX: Final = 8
# Keys are fetched again by themselves, so that one that was withdrawn ends. While the provider is away they stay.
KEYS_S_MAX: Final = 3_600.0
SCOPE: Final = "openid"

Key = RSAKey | ECKey | OKPKey


class TokenError(TaizhangError):
    """A token that proves nothing here; the message says why, and never holds the token."""


class ProviderError(TaizhangError):
    """The provider does not answer, or not as it should."""


class Metadata(NamedTuple):
    """What discovery told."""

    end_session_endpoint: str | None
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


_NEEDED: Final = Metadata._fields[1:]


class Provider:
    """One provider; any number of threads may ask."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None, audience: str | None) -> None:
        self.issuer, self.client_id, self.audience = issuer.rstrip("/"), client_id, audience
        self._secret = client_secret
        # trust_env: the provider is named in the settings, not by a proxy of the machine's.
        self._http = httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)
        self._lock = threading.Lock()
        self._looking = threading.BoundedSemaphore(LOOKING_MAX)
        self._metadata: Metadata | None = None
        self._keys: list[Key] = []
        self._fetched = -KEYS_S_MAX
        self._tried = -KEYS_S_MAX

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    def metadata(self) -> Metadata:
        """What discovery tells, asked for once.

        Raises:
            ProviderError: it does not answer, speaks for another issuer, or names an address that is not safe.
        """
        if self._metadata is None:
            told = self._json("GET", _safe(f"{self.issuer}/.well-known/openid-configuration"))
            if str(told.get("issuer", "")).rstrip("/") != self.issuer:
                raise ProviderError(f"the provider at {self.issuer} speaks for another issuer; correct the setting")
            leave = told.get("end_session_endpoint")
            needed = (_safe(str(told.get(name, ""))) for name in _NEEDED)
            self._metadata = Metadata(None if leave is None else _safe(str(leave)), *needed)
        return self._metadata

    def _json(self, method: str, url: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's
        try:
            answer = self._http.request(method, url, **arguments)
        except httpx.HTTPError as error:
            raise ProviderError(f"the sign-in provider does not answer ({type(error).__name__})") from error
        if answer.status_code != httpx.codes.OK or len(answer.content) > ANSWER_BYTES_MAX:
            raise ProviderError(f"the sign-in provider answered {answer.status_code} at {urlsplit(url).path}")
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise ProviderError(f"the sign-in provider answered no JSON object at {urlsplit(url).path}")
        return told

    def address(self, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Where a person signs in (RFC 7636 section 4.3: S256)."""
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": redirect_uri, "scope": SCOPE,
            "state": state, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        endpoint = self.metadata().authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def sign_out_address(self, back: str) -> str | None:
        """Where a person ends the provider's own session, and comes back from; None where it offers no such address.

        OpenID Connect RP-Initiated Logout 1.0, section 2. The ID token that it recommends as a hint is not kept, since
        it names the person: the provider knows us by `client_id`, and may ask the person first.

        Raises:
            ProviderError: as `metadata`.
        """
        endpoint = self.metadata().end_session_endpoint
        if endpoint is None:
            return None
        asked = {"client_id": self.client_id, "post_logout_redirect_uri": back}
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def person(self, code: str, verifier: str, redirect_uri: str, nonce: str) -> str:
        """Redeem a code; the subject who signed in.

        Raises:
            ProviderError: the provider does not redeem it.
            TokenError: its ID token proves nothing.
        """
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
            "client_id": self.client_id, "code_verifier": verifier,
        }  # fmt: skip
        auth = None if self._secret is None else httpx.BasicAuth(self.client_id, self._secret)
        told = self._json("POST", self.metadata().token_endpoint, data=form, auth=auth)
        claims = self._claims(str(told.get("id_token", "")), self.client_id)
        _for_us_alone(claims, self.client_id)
        if claims.get("nonce") != nonce:
            raise TokenError("the ID token answers another sign-in; begin again")
        return str(claims["sub"])

    def machine(self, token: str) -> str:
        """The subject of an access token for this service.

        Raises:
            TokenError: it proves nothing here.
            ProviderError: the provider's keys cannot be had, and none are known.
        """
        if self.audience is None:
            raise TokenError("this service takes no access tokens; use an API key")
        return str(self._claims(token, self.audience)["sub"])

    def _claims(self, token: str, audience: str) -> Mapping[str, Any]:
        """The claims of a token, checked: signature, algorithm, type, issuer, audience, times."""
        if not token or len(token) > TOKEN_LENGTH_MAX:
            raise TokenError("there is no token, or it is too long")
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
        except (JoseError, ValueError) as error:
            raise TokenError("this is no signed token (RFC 7515)") from error
        algorithm, type_ = header.get("alg"), str(header.get("typ", "JWT")).upper()
        if algorithm not in ALGORITHMS or type_ not in TYPES:
            raise TokenError(f"a token is signed by one of {', '.join(ALGORITHMS)}, and is of type JWT or at+jwt")
        verified = self._verified(token, header)
        rules = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        try:
            rules.validate({**verified, "iss": str(verified.get("iss", "")).rstrip("/")})
        except (JoseError, ValueError, TypeError) as error:
            raise TokenError(f"the token is not for here and now ({error}); sign in again") from error
        return verified

    def _verified(self, token: str, header: Mapping[str, Any]) -> dict[str, Any]:
        """The claims once a key of the provider's has verified them; new keys are looked for once."""
        for fresh in (False, True):
            for key in self._candidates(header, fresh=fresh):
                try:
                    return jwt.decode(token, key, algorithms=[str(header["alg"])]).claims
                except (JoseError, ValueError):
                    continue
        raise TokenError("no key of the sign-in provider has signed this token; sign in again")

    def _candidates(self, header: Mapping[str, Any], *, fresh: bool) -> list[Key]:
        """The keys that the token names; where it names none, all that fit its algorithm."""
        named, algorithm = header.get("kid"), header["alg"]
        return [
            key
            for key in self._known_keys(fresh=fresh)
            if (named is None or key.kid is None or key.kid == named) and (key.alg is None or key.alg == algorithm)
        ]

    def _known_keys(self, *, fresh: bool) -> list[Key]:
        asked = time.monotonic()
        if not fresh and self._keys and asked - self._fetched < KEYS_S_MAX:
            return self._keys
        if not self._looking.acquire(blocking=False):
            raise ProviderError("the sign-in provider's keys are being looked for; try again")
        try:
            with self._lock:
                # Whoever waited while another fetched them has what was wanted.
                if self._tried < asked:
                    time.sleep(max(0.0, self._tried + REFETCH_S - time.monotonic()))
                    self._fetch()
        finally:
            self._looking.release()
        return self._keys

    def _fetch(self) -> None:
        self._tried = time.monotonic()
        try:
            self._keys = _signing_keys(self._json("GET", self.metadata().jwks_uri))
            self._fetched = self._tried
        except ProviderError as error:
            if not self._keys:
                raise
            logger().warning("sign-in provider's keys not fetched, those known stay", fault=str(error))


def _for_us_alone(claims: Mapping[str, Any], client_id: str) -> None:
    """OpenID Connect Core 3.1.3.7, 3 to 5: no audience beside us, and where the token says for whom it is, for us.

    Raises:
        TokenError: it is for others too, or was given to another client.
    """
    audience = claims.get("aud")
    others = {audience} if isinstance(audience, str) else set(audience or ())
    if others - {client_id} or claims.get("azp", client_id) != client_id:
        raise TokenError("the ID token was made for another client too; this service trusts none beside itself")


def _signing_keys(told: Mapping[str, Any]) -> list[Key]:
    """The keys of a JWK set (RFC 7517) that sign, are not symmetric and long enough; the rest is left out."""
    keys: list[Key] = []
    for each in told.get("keys", ()):
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        try:
            key = import_key(each)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey) and key.public_key.key_size < RSA_BITS_MIN:
            logger().warning("a key of the sign-in provider is too short and verifies nothing", kid=key.kid)
        elif isinstance(key, RSAKey | ECKey | OKPKey):
            keys.append(key)
    return keys


def _safe(url: str) -> str:
    """An address that is encrypted, or on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ProviderError(f"the sign-in provider's address {url[:200]!r} is not https")
    return url
