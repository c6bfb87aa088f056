"""What a browser sends back of its cookies, read in time that grows as the header does."""

from typing import Final

from starlette.requests import Request

_HEADER: Final = "cookie"


def cookie(request: Request, name: str) -> str | None:
    """A cookie's value as it was sent; of several of one name the last, None where there is none.

    Not `request.cookies`: that undoes quotes by the standard library, which until Python 3.11.10 takes the square of
    the header's length (CVE-2024-7592), from anybody. No cookie of ours has quotes (RFC 6265, 4.1.1).
    """
    found = None
    for line in request.headers.getlist(_HEADER):
        for pair in line.split(";"):
            given, _, value = pair.partition("=")
            if given.strip() == name:
                found = value.strip()
    return found
