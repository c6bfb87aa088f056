"""Detached signatures on events: what the source's keys make of one.

A signature is a JWS in compact form whose payload is left out (RFC 7515 appendix F), with the payload's base64url as
usual or without it (RFC 7797, `b64` false). The payload is the event exactly as received. The algorithm is that of the
registered key, whatever the signature's own header asks for.
"""

from base64 import urlsafe_b64decode
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key

from domain.access.signing_keys import SigningKey
from domain.events.envelope import EVENT_BYTES_MAX
from domain.values.ed25519 import is_weak
from domain.values.reasons import Reason
from services.log.messages import Message

# By the curve of the key: RFC 8037 and RFC 9864, RFC 7518 section 3.4.
ALGORITHMS: Final = {"Ed25519": ("EdDSA", "Ed25519"), "P-256": ("ES256",)}
HEADERS: Final = frozenset(("alg", "kid", "typ", "b64", "crit"))


class _Registry(jws.JWSRegistry):
    """The library's rules, with room for the longest event."""

    max_payload_length = 2 * EVENT_BYTES_MAX


def fault(registered: Sequence[SigningKey], message: Message, day: date) -> Reason | None:
    """What is wrong with the signature of a message whose source has these keys, on a day in Asia/Shanghai."""
    signature = message.signature
    if not registered:
        rule = (
            "no key is registered for the source, so its signature says nothing; have one registered, or leave it out"
        )
        return Reason("signature_key_unknown", "", None, rule)
    if signature is None:
        return Reason("signature_missing", "", None, "events of this source are signed: send a detached JWS (RFC 7515)")
    if message.attributes is not None:
        rule = "a signed event comes in structured mode: in binary mode its attributes would not be signed"
        return Reason("signature_binary_mode", "", None, rule)
    try:
        kid = _check_header(signature)
    except (JoseError, ValueError, TypeError) as error:
        return Reason("signature_invalid", "", None, f"it is no detached JWS in compact form ({error})")
    in_force = [each for each in registered if each.holds(day)]
    if any(
        _verifies(signature, message.raw, each)
        for each in in_force
        if kid in (None, thumbprint(each), each.key.get("kid"))
    ):
        return None
    rule = "no key in force for the source verifies it over the bytes received; sign exactly what is sent"
    return Reason("signature_invalid", "", kid, rule)


def _check_header(signature: str) -> str | None:
    """The key that a detached signature names, if any.

    Raises:
        JoseError, ValueError: it is none, or says in its header what is not understood here.
    """
    _, payload, _ = signature.split(".")
    if payload:
        raise ValueError("the payload stands in it: leave it out")
    told = jws.extract_compact(signature.encode("ascii"), b"-").headers()
    if unknown := told.keys() - HEADERS:
        raise ValueError(f"header {', '.join(sorted(unknown))} is not understood")
    kid = told.get("kid")
    if not isinstance(kid, str | None):
        raise TypeError("kid is a string")
    return kid


def _verifies(signature: str, payload: bytes, registered: SigningKey) -> bool:
    registry = _Registry(algorithms=ALGORITHMS[registered.key["crv"]])
    try:
        found = jws.extract_compact(signature.encode("ascii"), payload, registry)
        return jws.validate_compact(found, _key(registered), registry=registry)
    except (JoseError, ValueError, TypeError):
        return False


def thumbprint(registered: SigningKey) -> str:
    """The name by which a signature's `kid` may name the key: its JWK thumbprint (RFC 7638, SHA-256)."""
    return _key(registered).thumbprint()


def check_key(key: dict[str, str]) -> None:
    """Whether a public JWK is a point on its curve.

    Raises:
        ValueError: it is not.
    """
    try:
        import_key(dict(key))
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError(f"this is no public key: {error}") from error
    if key.get("crv") == "Ed25519" and is_weak(urlsafe_b64decode(key["x"] + "==")):
        raise ValueError("this is no public key: a point of small order, under which anything seems signed")


def _key(registered: SigningKey) -> Key:
    return _imported(tuple(sorted(registered.key.items())))


@lru_cache(maxsize=1_024)
def _imported(members: Iterable[tuple[str, str]]) -> Key:
    return import_key(dict(members))
