"""`taizhang projector`, which `taizhang serve` starts."""

from typing import Annotated

import typer

from services.system import logs
from services.system.settings import load
from services.system.supervision import die_with


def projector(parent: Annotated[int | None, typer.Option(help="end when this process ends")] = None) -> None:
    """投影 Keep the projections up to date; `serve` starts this itself."""
    if parent is not None:
        die_with(parent)
    from services.ledger.projector import main as run  # noqa: PLC0415 - a parent that ends meanwhile must not be missed

    settings = load()
    logs.configure(settings.log_format, settings.log_level)
    run(settings)
