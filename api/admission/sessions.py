"""A browser's session: begun by a provider's word or by a link, ended on the server."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from api.web.browsers import cookie_name, keep
from api.web.cookies import cookie
from api.web.parts import Parts
from services.access.sessions import Way
from services.system.logs import logger

# Where people see who they are here, their sessions, and what to do without a role.
ME: Final = "/me"


def begin_session(response: Response, parts: Parts, request: Request, holder: str, way: Way) -> None:
    """Begin a session in this browser; one that it had is over (a token is never used for another sign-in)."""
    name = cookie_name(parts)
    before = cookie(request, name)
    if before:
        parts.sessions.sign_out(before)
    logger().info("signed in", caller=holder, way=way)
    keep(response, parts, name, parts.sessions.begin(holder, way), int(parts.sessions.whole.total_seconds()))
