"""`taizhang explain`: the organizations behind a number, and the events that decide it."""

from typing import Annotated, Any, Final

import typer
from rich.table import Table

from domain.ledger.rates import Counts
from services.commands.asking import Parameters, filtered
from services.commands.client import Client
from services.commands.console import ERR, AsJson, AsOf, KnownAt, shanghai, show
from services.system.errors import InvalidValueError
from services.system.settings import load

PAGE_MAX: Final = 200


@filtered
def explain(  # noqa: PLR0917 - typer reads options from parameters
    as_of: AsOf = None,
    known_at: KnownAt = None,
    count: Annotated[
        str | None, typer.Option(help=f"计数 only those that add to this count: {', '.join(Counts._fields)}")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="组键 a group's key by region, may repeat: region:6=990101")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="最多列出 how many organizations at most")] = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
    *,
    filters: Parameters,
) -> None:
    """溯源 The organizations behind a number, each with the positions of the events that decide it.

    Example: taizhang explain --as-of 2024-12-31 --kind new_economic --key region:6=990101 --count organization_covered
    """
    parameters: Parameters = {
        "as_of": as_of, "known_at": known_at, "count": count, **_keys(key or []),
        **filters,
    }  # fmt: skip
    with Client(load()) as client:
        answer = client.get("/v1/rates/explain", {**parameters, "limit": min(limit, PAGE_MAX)})
        listed = list(answer["organizations"])
        while answer["next"] and len(listed) < limit:
            wanted = min(limit - len(listed), PAGE_MAX)
            answer = client.get("/v1/rates/explain", {**parameters, "limit": wanted, "cursor": answer["next"]})
            listed += answer["organizations"]
    answer["organizations"] = listed
    show(answer, _table, as_json=as_json)
    if answer["next"] and not as_json:
        ERR.print(f"还有更多 There are more than these {len(listed):,}; ask with a larger --limit.")


def _keys(given: list[str]) -> dict[str, str]:
    keys = dict(each.partition("=")[::2] for each in given)
    for name in keys:
        if not name.startswith("region:"):
            raise InvalidValueError(
                f"--key {name}: a key is region:N=CODE, N one of 2, 4, 6, 9, 12; the other dimensions have options "
                "of their own, as --kind"
            )
    return keys


def _table(answer: dict[str, Any]) -> Table:
    known = answer["known_at"]
    moment = f"{known['position']} ({shanghai(known['recorded_at'])})"
    table = Table(title=f"截至 as of {answer['as_of']}, 按已知 as known at {moment}", show_lines=True)
    for title in ("组织 organization", "计入 counts", "依据 decided by, positions"):
        table.add_column(title, overflow="fold")
    for each in answer["organizations"]:
        row, counts = each["row"], each["counts"]
        attributes = row["attributes"]
        names = [answer["count"]] if answer["count"] else [name for name, value in counts.items() if value]
        table.add_row(
            f"{attributes['name']}\n{row['org']}\n{attributes['region']}",
            "\n".join(f"{name} {counts[name]:,}" for name in names),
            "\n".join(_decided(row, each["decided_by"])),
        )
    return table


def _decided(row: dict[str, Any], decided_by: dict[str, Any]) -> list[str]:
    """Each value with its positions; the attributes in one line."""
    positions = {p for each in decided_by["attributes"].values() for p in each}
    lines = [f"attributes: {_listed(sorted(positions))}"]
    for name, found in decided_by.items():
        if name != "attributes" and found:
            lines.append(f"{name} = {row[name]}: {_listed(found)}")
    return lines


def _listed(positions: list[int]) -> str:
    return ", ".join(map(str, positions))
