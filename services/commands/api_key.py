"""`taizhang api-key`."""

import sys
from datetime import datetime
from typing import Annotated

import typer

from domain.events.access import ROLES
from services.access.api_keys import add_key
from services.commands.console import ERR, Data
from services.commands.language import zh_en
from services.system.settings import load


def api_key(  # noqa: PLR0917 - a key's own fields
    name: Annotated[
        str, typer.Argument(help=zh_en("持有者的名称，如 market-registry", "who will hold it, as market-registry"))
    ],
    role: Annotated[
        list[str],
        typer.Option(
            help=zh_en(f"角色，可重复：{', '.join(sorted(ROLES))}", f"role, may repeat: {', '.join(sorted(ROLES))}")
        ),
    ],
    source: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en("可发布的来源，可重复；不填则不限", "a source that it may publish; may repeat; left out: any")
        ),
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            help=zh_en(
                "可发布的事件类型，可重复；不填则不限", "an event type that it lets say; may repeat; left out: any"
            ),
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en(
                "限于此区划代码的地区，可重复；不填则不限",
                "a division code that it is limited to; may repeat; left out: all",
            )
        ),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help=zh_en("有效期的最后一天", "its last day"))
    ] = None,
    data: Data = None,
) -> None:
    """Make an API key; it is printed once, and only its hash is kept.

    生成接口密钥；密钥只显示一次，只留存其哈希。

    Example: taizhang api-key market-registry --role publisher --source /registry/market
    """
    settings = load(data=data)
    path = settings.api_keys_path
    sources, types, regions = (tuple(given) if given else None for given in (source, type_, region))
    key = add_key(path, name, frozenset(role), sources, regions, None if until is None else until.date(), types)
    ERR.print(
        zh_en(
            f"已写入 {path}。请妥善保存，密钥不会再次显示：", f"Added to {path}. Keep it safe, it is not shown again:"
        )
    )
    sys.stdout.write(f"{key}\n")
