"""What only this service can make or read: the cookie of a sign-in under way, persons' pseudonyms, cursors' marks."""

import hashlib
import hmac
import time
from pathlib import Path
from typing import Any, Final

import orjson
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from services.system.files import load_or_create_secret

COOKIE_LENGTH_MAX: Final = 4_096
_HEADER: Final = {"alg": "dir", "enc": "A256GCM"}
_ALGORITHMS: Final = ["dir", "A256GCM"]
_PSEUDONYM_BYTES: Final = 16
MARK_BYTES: Final = 16


class Seal:
    """Its keys are in files of `folder`, made where they are missing."""

    def __init__(self, folder: Path) -> None:
        secret = load_or_create_secret(folder / "session.key")
        self._key = OctKey.import_key(secret)
        self._mark_key = hmac.digest(secret, b"taizhang marks", hashlib.sha256)
        self._pseudonym_key = load_or_create_secret(folder / "pseudonym.key")

    def pseudonym(self, issuer: str, subject: str) -> str:
        """The name of a person in the log, the trail of reading and the service's log; only this key links the two."""
        text = f"{issuer}\n{subject}".encode()
        return f"user:{hmac.digest(self._pseudonym_key, text, hashlib.sha256)[:_PSEUDONYM_BYTES].hex()}"

    def mark(self, content: bytes) -> bytes:
        """16 bytes that only this service can add to what it hands out in the open, as cursors."""
        return hmac.digest(self._mark_key, content, hashlib.sha256)[:MARK_BYTES]

    def close(self, purpose: str, content: dict[str, Any], seconds: int) -> str:
        """A cookie's value that holds `content` for so long, for one purpose (RFC 7516, `dir` with A256GCM)."""
        whole = {**content, "purpose": purpose, "until": int(time.time()) + seconds}
        return jwe.encrypt_compact(_HEADER, orjson.dumps(whole), self._key, algorithms=_ALGORITHMS)

    def open(self, purpose: str, value: str) -> dict[str, Any] | None:
        """What a cookie holds; None where it is not ours, for another purpose, or over."""
        if not value or len(value) > COOKIE_LENGTH_MAX:
            return None
        try:
            plain = jwe.decrypt_compact(value, self._key, algorithms=_ALGORITHMS).plaintext
            content = orjson.loads(plain or b"")
        except (JoseError, ValueError):
            return None
        if content["purpose"] != purpose or content["until"] <= time.time():
            return None
        return dict(content)
