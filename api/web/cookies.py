"""The cookie of a person's session."""

from typing import Final

from api.web.parts import Parts

SESSION: Final = "session"


def is_https(parts: Parts) -> bool:
    """Whether people reach this service over https, by its public address."""
    return (parts.settings.public_url or "").startswith("https://")


def cookie_name(parts: Parts) -> str:
    """The session's cookie; over https its prefix keeps it to this very host (RFC 6265bis section 4.1.3)."""
    return "__Host-taizhang" if is_https(parts) else "taizhang"
