"""`taizhang api-key`."""

import sys
from datetime import datetime
from typing import Annotated

import typer

from domain.events.access import ROLES
from services.access.api_keys import add_key
from services.commands.console import ERR, Data
from services.system.settings import load


def api_key(  # noqa: PLR0917 - a key's own fields
    name: Annotated[str, typer.Argument(help="持有者 who will hold it, as market-registry")],
    role: Annotated[list[str], typer.Option(help=f"角色 may repeat: {', '.join(sorted(ROLES))}")],
    source: Annotated[
        list[str] | None, typer.Option(help="来源 a source that it may publish; may repeat; left out: any")
    ] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="类型 an event type that it lets say; may repeat; left out: any")
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(help="地区 a division code that it is limited to; may repeat; left out: all")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="有效期 its last day")] = None,
    data: Data = None,
) -> None:
    """接口密钥 Make an API key; it is printed once, and only its hash is kept.

    Example: taizhang api-key market-registry --role publisher --source /registry/market
    """
    settings = load(data=data)
    path = settings.api_keys_path
    sources, types, regions = (tuple(given) if given else None for given in (source, type_, region))
    key = add_key(path, name, frozenset(role), sources, regions, None if until is None else until.date(), types)
    ERR.print(f"已写入 Added to {path}. 请妥善保存, 不会再显示 Keep it safe, it is not shown again:")
    sys.stdout.write(f"{key}\n")
