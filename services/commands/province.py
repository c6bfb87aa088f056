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
from services.commands.language import Commands, zh_en
from services.evidence.copies.copies import bounded_get, bounded_read
from services.ledger.ruleset import ruleset
from services.province.report_file import BYTES_MAX
from services.system.errors import InvalidValueError
from services.system.settings import SHANGHAI, load

province = Commands(
    help=zh_en(
        "全省及其地市：有哪些、报了什么、合计多少",
        "A province over its cities: which there are, what they reported, what that adds up to.",
    )
)

FETCH_S: Final = 120.0
STATES: Final = {
    "counted": zh_en("已计入", "counted"),
    "missing": zh_en("未报", "missing"),
    "contradicting": zh_en("自相矛盾", "contradicting"),
    "another_policy": zh_en("口径不同", "another policy"),
    "other_rules": zh_en("规则不同", "other rules"),
    "figures_edited": zh_en("数字与树不符", "figures edited"),
    "log_rewritten": zh_en("日志不相接", "log rewritten"),
}
City = Annotated[str, typer.Argument(help=zh_en("地市，写作 city:…", "a city:…"))]


@province.command()
def join(  # noqa: PLR0917 - typer reads options from parameters
    city: City,
    key: Annotated[
        Path,
        typer.Option(
            help=zh_en(
                "该市日志公钥的文件，由 taizhang log-key 给出",
                "a file with the city's key, as taizhang log-key gives it",
            )
        ),
    ],
    name: Annotated[str, typer.Option(help=zh_en("地市的名称", "the city's name"))],
    region: Annotated[str, typer.Option(help=zh_en("地市的区划代码", "its division code"))],
    on: Annotated[
        str | None, typer.Option(help=zh_en("自何日起；不填为今天", "from this date on; today if left out"))
    ] = None,
    source: Annotated[str, typer.Option(help=zh_en("由谁说", "who says it"))] = "/office/province",
) -> None:
    """Let a city join: its name, its log and the key that signs for it.

    纳入一个地市：其名称、日志和为之签署的公钥。

    Example: taizhang province join city:dongshan --key dongshan.key.pub --name 东山市 --region 9901
    """
    text = bounded_read(key, BYTES_MAX).decode("utf-8", "replace").strip()
    data = {"city": city, "name": name, "region": region, "origin": text.partition("+")[0], "key": text}
    _publish(f"joined-{city.partition(':')[2]}", JOINED, data, on, source)


@province.command(name="ask")
def ask_for(  # noqa: PLR0917 - typer reads options from parameters
    report: Annotated[str, typer.Argument(help=zh_en("名目，写作 report:…", "the asked report:…"))],
    as_of: Annotated[str, typer.Option(help=zh_en("报告的截至日", "the date that is reported on"))],
    due_on: Annotated[str, typer.Option(help=zh_en("按时上报的最后一天", "the last day to report in time"))],
    title: Annotated[str, typer.Option(help=zh_en("标题", "its title"))],
    full_members: Annotated[
        int,
        typer.Option(help=zh_en("应建党组织所需的正式党员数", "full members from which an organization is eligible")),
    ] = DEFAULT_POLICY.full_members_for_branch,
    employees: Annotated[
        int, typer.Option(help=zh_en("力争建立党组织所需的从业人员数", "employees from which it is large"))
    ] = DEFAULT_POLICY.employees_for_branch,
    count_formation: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en(
                f"计入覆盖的组建方式，可重复：{', '.join(FORMATIONS)}",
                f"a formation that counts, may repeat: {', '.join(FORMATIONS)}",
            )
        ),
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en("认可的规则（哈希）；不填为本版本的", "hashes of rules accepted; this release's if left out")
        ),
    ] = None,
    source: Annotated[str, typer.Option(help=zh_en("由谁说", "who says it"))] = "/office/province",
) -> None:
    """Ask every city for a report of a date, under one policy and set of rules.

    下达上报要求：各地市报某一截至日的报告，按同一口径和规则。

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
    assessment: Annotated[
        str, typer.Argument(help=zh_en("在本市封存的报告，写作 assessment:…", "assessment:…, sealed here"))
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help=zh_en("写入的上报文件", "the file to write"))],
    old_size: Annotated[
        list[int] | None,
        typer.Option(
            help=zh_en("上级已知的本日志大小，可重复", "a size of this log that the province knows; may repeat")
        ),
    ] = None,
) -> None:
    """At a city: write a sealed report with its proofs to a file for the province.

    上报文件（在地市执行）：把封存的报告及其证明写成给省里的文件。

    Example: taizhang province report assessment:2024-end --old-size 10432 -o dongshan.report.json
    """
    parameters: Parameters = {"assessment": assessment, "old_size": [str(each) for each in old_size or ()]}
    with Client(load()) as client:
        content = b"".join(client.stream("/v1/province/report", parameters))
    output.write_bytes(content)
    words = zh_en(f"{len(content):,} 字节已写入 {output}", f"{len(content):,} bytes written to {output}")
    OUT.print(words, markup=False, highlight=False, soft_wrap=True)


@province.command()
def take(
    city: City,
    file: Annotated[
        str,
        typer.Argument(
            help=zh_en(
                "上报文件，或地市 /v1/province/report 的地址",
                "a file, or the address of /v1/province/report at the city",
            )
        ),
    ],
    key: Annotated[
        str | None,
        typer.Option(help=zh_en("该地址的接口密钥", "an API key for an address"), envvar="TAIZHANG_CITY_KEY"),
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Take a city's report: check it whole, keep it, and say what it shows. Ends with 1 where it does not hold.

    收取地市的报告：整份核验、留存，并说明其所示。不成立时退出码为 1。

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
    verdict = zh_en("✓ 成立", "✓ holds") if holds else zh_en("✗ 不成立", "✗ does not hold")
    lines = [
        zh_en(
            f"{verdict}：{found['city']}，{found['assessment']}，截至 {found['as_of']}",
            f"{verdict}: {found['city']}, {found['assessment']}, as of {found['as_of']}",
        ),
        zh_en(
            f"日志 {head['size']:,} 个事件，树根 {head['root_hash']}",
            f"log of {head['size']:,} events, root {head['root_hash']}",
        ),
        zh_en(
            f"记于位置 {found['position']}{'，此前已收' if found['again'] else ''}",
            f"at position {found['position']}{', brought before' if found['again'] else ''}",
        ),
    ]
    if not holds:
        lines.insert(1, f"{STATES[found['ground']]}: {found['words']}")
    if found["unproved"]:
        words = zh_en("组未附证明，不计入合计", "groups that no proof shows, used in no sum")
        lines.append(f"! {found['unproved']} {words}")
    return Group(*(Text(line) for line in lines))


@province.command()
def rates(as_of: AsOf = None, known_at: KnownAt = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """What the cities' reports of a date add up to, by city; what is lacking is named.

    全省覆盖率：各市某一截至日的报告加起来是多少，分市列出；缺少的一一指明。

    Example: taizhang province rates --as-of 2024-12-31
    """
    show(ask("/v1/province/rates", {"as_of": as_of, "known_at": known_at}), _rates, as_json=as_json)


def _rates(answer: dict[str, Any]) -> Group:
    table = Table(
        zh_en("地市", "city"),
        zh_en("状态", "state"),
        title=zh_en(
            f"{answer['asked']['title']}：截至 {answer['as_of']}",
            f"{answer['asked']['title']}: as of {answer['as_of']}",
        ),
    )
    for name in RATES:
        table.add_column(RATE_TITLES[name], justify="right")
    for each in answer["cities"]:
        late = zh_en("，逾期", ", late") if each["late"] else ""
        cells = ["—"] * len(RATES) if each["total"] is None else [rate_text(each["total"]["rates"][n]) for n in RATES]
        table.add_row(f"{each['name']}\n{each['city']}", f"{STATES[each['state']]}{late}", *cells)
    complete, many = answer["complete"], len(answer["cities"])
    title = (
        zh_en("合计", "total")
        if complete
        else zh_en(
            f"仅含 {many} 市中的 {many - answer['lacking']} 市",
            f"{many - answer['lacking']}/{many} of these cities only",
        )
    )
    table.add_row(title, "", *(rate_text(answer["total"]["rates"][name]) for name in RATES))
    gaps = [f"✗ {each['city']}: {each['words']}" for each in answer["cities"] if each["words"]]
    return Group(table, *(Text(line) for line in gaps))
