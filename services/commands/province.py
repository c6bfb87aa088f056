"""`taizhang province`: a province over its cities, and a city's file for it, from a shell."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import orjson
import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from domain.events.province import ASKED, JOINED
from domain.ledger.policy import DEFAULT_POLICY
from domain.ledger.rates import RATES
from domain.values.terms import FORMATIONS
from services.commands.client import Client
from services.commands.console import OUT, RATE_TITLES, AsJson, AsOf, KnownAt, Parameters, ask, rate_text, show
from services.evidence.copies.copies import bounded_get, bounded_read
from services.ledger.ruleset import ruleset
from services.province.report_file import BYTES_MAX
from services.system.errors import InvalidValueError
from services.system.settings import SHANGHAI, load

province = typer.Typer(
    help="全省 A province over its cities: which there are, what they reported, what that adds up to."
)

FETCH_S: Final = 120.0
STATES: Final = {
    "counted": "已计入 counted",
    "missing": "未报 missing",
    "contradicting": "自相矛盾 contradicting",
    "another_policy": "口径不同 another policy",
    "other_rules": "规则不同 other rules",
    "figures_edited": "数字与树不符 figures edited",
    "log_rewritten": "日志不相接 log rewritten",
}
City = Annotated[str, typer.Argument(help="地市 city:…")]


@province.command()
def join(  # noqa: PLR0917 - typer reads options from parameters
    city: City,
    key: Annotated[Path, typer.Option(help="该市日志公钥 a file, as taizhang log-key gives it")],
    name: Annotated[str, typer.Option(help="名称 the city's name")],
    region: Annotated[str, typer.Option(help="区划 its division code")],
    on: Annotated[str | None, typer.Option(help="自何日起 from this date on; today if left out")] = None,
    source: Annotated[str, typer.Option(help="来源 who says it")] = "/office/province",
) -> None:
    """纳入地市 Let a city join: its name, its log and the key that signs for it.

    Example: taizhang province join city:dongshan --key dongshan.key.pub --name 东山市 --region 9901
    """
    text = bounded_read(key, BYTES_MAX).decode("utf-8", "replace").strip()
    data = {"city": city, "name": name, "region": region, "origin": text.partition("+")[0], "key": text}
    _publish(f"joined-{city.partition(':')[2]}", JOINED, data, on, source)


@province.command(name="ask")
def ask_for(  # noqa: PLR0917 - typer reads options from parameters
    report: Annotated[str, typer.Argument(help="名目 report:…")],
    as_of: Annotated[str, typer.Option(help="截至 the date that is reported on")],
    due_on: Annotated[str, typer.Option(help="截止日 the last day to report in time")],
    title: Annotated[str, typer.Option(help="标题")],
    full_members: Annotated[
        int, typer.Option(help="应建所需正式党员 from which an organization is eligible")
    ] = DEFAULT_POLICY.full_members_for_branch,
    employees: Annotated[
        int, typer.Option(help="力争建立所需从业人员 from which it is large")
    ] = DEFAULT_POLICY.employees_for_branch,
    count_formation: Annotated[list[str] | None, typer.Option(help=f"计入 may repeat: {', '.join(FORMATIONS)}")] = None,
    rules: Annotated[list[str] | None, typer.Option(help="规则 hashes accepted; this release's if left out")] = None,
    source: Annotated[str, typer.Option(help="来源 who says it")] = "/office/province",
) -> None:
    """下达 Ask every city for a report of a date, under one policy and set of rules.

    Example: taizhang province ask report:2024-end --as-of 2024-12-31 --due-on 2025-01-10 --title 年末
    """
    data = {
        "report": report, "title": title, "as_of": as_of, "due_on": due_on, "rulesets": rules or [ruleset()],
        "policy": {
            **DEFAULT_POLICY._asdict(), "full_members_for_branch": full_members, "employees_for_branch": employees,
            "formations_counted": count_formation or list(DEFAULT_POLICY.formations_counted),
        },
    }  # fmt: skip
    name = f"asked-{report.partition(':')[2]}-{datetime.now(SHANGHAI):%Y%m%dT%H%M%S%f}"
    _publish(name, ASKED, data, None, source)


def _publish(name: str, type_: str, data: dict[str, Any], on: str | None, source: str) -> None:
    now = datetime.now(SHANGHAI)
    event = {
        "specversion": "1.0", "id": name, "source": source, "type": type_,
        "time": now.isoformat(timespec="milliseconds"), "data": {"effective_on": on or now.date().isoformat(), **data},
    }  # fmt: skip
    with Client(load()) as client:
        status, answer = client.post_events(orjson.dumps(event), "application/cloudevents+json")
    if status == httpx.codes.BAD_REQUEST:
        faults = "; ".join(f"{each['at']} {each['message']}" for each in answer.get("errors", ()))
        raise InvalidValueError(faults or str(answer.get("detail", answer)))
    (result,) = answer["results"]
    OUT.print(f"{result['disposition']}: position {result['position']}", markup=False, highlight=False)


@province.command()
def report(
    assessment: Annotated[str, typer.Argument(help="报告 assessment:…, sealed here")],
    output: Annotated[Path, typer.Option("--output", "-o", help="上报文件 the file to write")],
    old_size: Annotated[
        list[int] | None, typer.Option(help="上级已知的日志大小 a size of this log that the province knows; may repeat")
    ] = None,
) -> None:
    """上报文件 At a city: write a sealed report with its proofs to a file for the province.

    Example: taizhang province report assessment:2024-end --old-size 10432 -o dongshan.report.json
    """
    parameters: Parameters = {"assessment": assessment, "old_size": [str(each) for each in old_size or ()]}
    with Client(load()) as client:
        content = b"".join(client.stream("/v1/province/report", parameters))
    output.write_bytes(content)
    words = f"{len(content):,} 字节已写入 bytes written to {output}"
    OUT.print(words, markup=False, highlight=False, soft_wrap=True)


@province.command()
def take(
    city: City,
    file: Annotated[str, typer.Argument(help="上报文件 a file, or the address of /v1/province/report at the city")],
    key: Annotated[
        str | None, typer.Option(help="该地址的 API 密钥 for an address", envvar="TAIZHANG_CITY_KEY")
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """收取 Take a city's report: check it whole, keep it, and say what it shows. Ends with 1 where it does not hold.

    Examples:
        taizhang province take city:dongshan dongshan.report.json
        taizhang province take city:dongshan 'http://dongshan:8000/v1/province/report?assessment=assessment:2024-end'
    """
    if file.startswith(("http://", "https://")):
        content = bounded_get(file, BYTES_MAX, FETCH_S, key)
    else:
        content = bounded_read(Path(file), BYTES_MAX)
    with Client(load()) as client:
        found = client.post("/v1/province/reports", {"city": city, "file": content.decode("utf-8", "replace")})
    show(found, _found, as_json=as_json)
    if found["ground"] is not None:
        raise typer.Exit(1)


def _found(found: dict[str, Any]) -> Group:
    holds = found["ground"] is None
    head = found["head"]
    verdict = "✓ 成立 holds" if holds else "✗ 不成立 does not hold"
    lines = [
        f"{verdict}: {found['city']}, {found['assessment']}, 截至 as of {found['as_of']}",
        f"日志 {head['size']:,} 个事件 events, 树根 root {head['root_hash']}",
        f"记于位置 at position {found['position']}{', 此前已收 brought before' if found['again'] else ''}",
    ]
    if not holds:
        lines.insert(1, f"{STATES[found['ground']]}: {found['words']}")
    if found["unproved"]:
        lines.append(f"! {found['unproved']} 组未附证明, 不计入 groups that no proof shows, used in no sum")
    return Group(*(Text(line) for line in lines))


@province.command()
def rates(as_of: AsOf = None, known_at: KnownAt = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """全省覆盖率 What the cities' reports of a date add up to, by city; what is lacking is named.

    Example: taizhang province rates --as-of 2024-12-31
    """
    show(ask("/v1/province/rates", {"as_of": as_of, "known_at": known_at}), _rates, as_json=as_json)


def _rates(answer: dict[str, Any]) -> Group:
    table = Table("地市 city", "状态 state", title=f"{answer['asked']['title']}: 截至 as of {answer['as_of']}")
    for name in RATES:
        table.add_column(RATE_TITLES[name], justify="right")
    for each in answer["cities"]:
        late = ", 逾期 late" if each["late"] else ""
        cells = ["—"] * len(RATES) if each["total"] is None else [rate_text(each["total"]["rates"][n]) for n in RATES]
        table.add_row(f"{each['name']}\n{each['city']}", f"{STATES[each['state']]}{late}", *cells)
    complete, many = answer["complete"], len(answer["cities"])
    title = "合计 total" if complete else f"仅含 {many - answer['lacking']}/{many} 市 of these cities only"
    table.add_row(title, "", *(rate_text(answer["total"]["rates"][name]) for name in RATES))
    gaps = [f"✗ {each['city']}: {each['words']}" for each in answer["cities"] if each["words"]]
    return Group(table, *(Text(line) for line in gaps))
