"""What browsers are given and believed: the session's cookie, and requests of other sites."""

from typing import Final, Literal
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from api.web.parts import Parts
from api.web.problems import Problem


def is_https(parts: Parts) -> bool:
    """Whether people reach this service over https, by its public address."""
    return (parts.settings.public_url or "").startswith("https://")


def cookie_name(parts: Parts, name: str = "taizhang") -> str:
    """What a cookie is called, the session's if none is named; over https its prefix keeps it to this very host.

    RFC 6265bis section 4.1.3: no other host of the domain can plant or overwrite it.
    """
    return f"__Host-{name}" if is_https(parts) else name


def keep(  # noqa: PLR0917 - a cookie's own
    response: Response, parts: Parts, name: str, value: str, seconds: int | None, sent: Literal["lax", "strict"] = "lax"
) -> None:
    """Have the browser keep a cookie: sent back to this service alone, out of reach of scripts.

    Args:
        response: the answer that tells the browser.
        parts: the service's.
        name: as `cookie_name` gives it.
        value: what is kept.
        seconds: for how long; None for as long as the browser runs.
        sent: whether with a link from another site too (`lax`).
    """
    response.set_cookie(name, value, max_age=seconds, path="/", secure=is_https(parts), httponly=True, samesite=sent)


def forget(response: Response, parts: Parts, name: str) -> None:
    """Have the browser forget it; what lacks one of the properties that its name asks for, browsers do not heed."""
    response.delete_cookie(name, path="/", secure=is_https(parts), httponly=True, samesite="lax")


def own_address(parts: Parts) -> str:
    """Where browsers reach this service: as it is set, or else where it listens; never what a request's Host says."""
    given = parts.settings
    host = f"[{given.host}]" if ":" in given.host else given.host
    return given.public_url or f"http://{host}:{given.port}"


SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS"))


def same_origin(request: Request) -> None:
    """Refuse a request that changes something and comes from a page of another origin.

    Browsers say where a request comes from, in `Sec-Fetch-Site` or at least in `Origin`; what says neither is no
    browser's, and carries no cookie of one.

    Raises:
        Problem: 403.
    """
    if request.method in SAFE_METHODS:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_own = site in ("same-origin", "none")
    else:
        is_own = origin is None or _host_of(origin) == request.headers.get("host")
    if not is_own:
        detail = "this request comes from a page of another site; send it from this service's own"
        raise Problem("from-another-site", detail)


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # brackets that hold no address
        return None
