"""`/`: where to begin, for whoever opens the address in a browser."""

from importlib import resources
from typing import Final

from fastapi import APIRouter
from starlette.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_PAGE: Final = (resources.files("api") / "pages" / "home.html").read_bytes()


@router.get("/", response_class=HTMLResponse)
def home() -> HTMLResponse:
    """Links to what there is; no script, no style, nothing from outside."""
    return HTMLResponse(_PAGE)
