"""The pages' routers."""

from typing import Final

from api.pages import dossier, event, explain, ledger, overview, static_files

PAGES: Final = (static_files.router, overview.router, explain.router, ledger.router, dossier.router, event.router)
