"""The pages' routers."""

from typing import Final

from api.pages import overview, static_files

PAGES: Final = (static_files.router, overview.router)
