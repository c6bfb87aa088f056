"""`taizhang rates` and `taizhang history`: the point-in-time questions, from a shell."""

from typing import Annotated, Any, Final

import typer
from rich.table import Table

from domain.ledger.rates import RATES
from services.commands.asking import GroupBy, Parameters, ask, filtered
from services.commands.client import Client
from services.commands.console import OUT, AsJson, AsOf, KnownAt, print_json, shanghai, show
from services.commands.figures import RATE_TITLES, rate_text
from services.system.settings import load

_ROW_FIELDS: Final = (
    "formation", "organization_covered", "work_covered", "excluded", "eligible", "measure",
    "full_members", "probationary_members", "activists",
)  # fmt: skip


@filtered
def rates(
    as_of: AsOf = None,
    known_at: KnownAt = None,
    group_by: GroupBy = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
    *,
    filters: Parameters,
) -> None:
    """覆盖率 Coverage rates at any date, as known at any moment.

    Example: taizhang rates --as-of 2024-12-31 --known-at 2025-01-05T09:00:00+08:00 --group-by kind --region 9901
    """
    parameters: Parameters = {
        "as_of": as_of, "known_at": known_at, "group_by": group_by,
        **filters,
    }  # fmt: skip
    show(ask("/v1/rates", parameters), _rates_table, as_json=as_json)


def _rates_table(answer: dict[str, Any]) -> Table:
    known = answer["known_at"]
    moment = f"{known['position']} ({shanghai(known['recorded_at'])})"
    table = Table(
        title=f"截至 as of {answer['as_of']}, 按已知 as known at {moment}",
        show_lines=True,
        show_footer=bool(answer["group_by"]),
    )
    total = answer["total"]
    for number, dimension in enumerate(answer["group_by"]):
        table.add_column(dimension, footer="合计\ntotal" if number == 0 else "", overflow="fold")
    # Folded, never cut: half a figure is a wrong figure.
    for name, title in (("registered", "在册\nregistered"), ("excluded", "剔除\nexcluded")):
        table.add_column(title, justify="right", overflow="fold", footer=f"{total['counts'][name]:,}")
    for name in RATES:
        table.add_column(RATE_TITLES[name], justify="right", overflow="fold", footer=rate_text(total["rates"][name]))
    for group in answer["groups"] or [{"key": {}, **total}]:
        key = [group["key"].get(name) or "—" for name in answer["group_by"]]
        counts = group["counts"]
        cells = [f"{counts['registered']:,}", f"{counts['excluded']:,}"]
        table.add_row(*key, *cells, *(rate_text(group["rates"][name]) for name in RATES))
    return table


def history(
    org: Annotated[str, typer.Argument(help="组织 uscc:… or group:…")],
    as_of: AsOf = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """一企一档的经过 Every event that touched an organization, and what each changed in its row.

    Example: taizhang history uscc:9151010452601815XG
    """
    with Client(load()) as client:
        path = f"/v1/organizations/{org}/history"
        answer = client.get(path, {"as_of": as_of})
        events = list(answer["events"])
        page = answer
        while page.get("next"):
            page = client.get(path, {"as_of": answer["as_of"], "cursor": page["next"]})
            events += page["events"]
    if as_json:
        print_json({**answer, "events": events, "next": None})
        return
    table = Table(
        "位置 position", "记录 recorded", "生效 effective", "类型 type", "来源 source", "变化 change",
        title=f"{org}, 截至 as of {answer['as_of']}",
    )  # fmt: skip
    for event in events:
        name = event["type"].removeprefix("taizhang.").removesuffix(".v1")
        change = "\n".join(_changes(event["before"], event["after"]))
        table.add_row(
            str(event["position"]), shanghai(event["recorded_at"]), event.get("effective_on") or "—",
            name, event["source"], change,
        )  # fmt: skip
    OUT.print(table)


def _changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    if before is None and after is None:
        return []
    if after is None:
        return ["移出台账 leaves the ledger"]
    changes = [] if before else ["入台账 enters the ledger"]
    was = _flat(before) if before else {}
    for name, value in _flat(after).items():
        if was.get(name) != value and (before or value not in (None, 0, False)):
            changes.append(f"{name}: {_shown(was.get(name))} → {_shown(value)}" if before else f"{name}: {value}")
    return changes


def _shown(value: object) -> str:
    return "—" if value is None else str(value)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {**row["attributes"], **{name: row[name] for name in _ROW_FIELDS}}
