"""What a browser sends back of its cookies, read in time that grows as the header does.

The framework undoes quotes by the standard library, which until Python 3.11.10 takes the square of the header's length
(CVE-2024-7592), of every request and from anybody. No cookie of ours has quotes (RFC 6265, 4.1.1).
"""

from typing import Final

from starlette.requests import Request
from starlette.types import Scope

_HEADER: Final = "cookie"


def plain_cookies(scope: Scope) -> None:
    """Leave no cookie in a request that has a quote or a backslash: such are other tools' of this host."""
    scope["headers"] = [
        (name, b";".join(each for each in value.split(b";") if b'"' not in each and b"\\" not in each))
        if name == _HEADER.encode()
        else (name, value)
        for name, value in scope["headers"]
    ]


def cookie(request: Request, name: str) -> str | None:
    """A cookie's value as it was sent; of several of one name the last, None where there is none."""
    found = None
    for line in request.headers.getlist(_HEADER):
        for pair in line.split(";"):
            given, _, value = pair.partition("=")
            if given.strip() == name:
                found = value.strip()
    return found
