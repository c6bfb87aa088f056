"""The demo city: served, written to files, and a list to try.

It is what the source's own facts say of the end of a date, with a month's changes: three organizations registered, two
renamed, three with another head count, one left out.
"""

import csv
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import IO, Annotated, Final

import orjson
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from domain.events.facts import Fact
from domain.fieldwork.lists import held
from domain.ledger.entities import Attributes
from domain.listing.list_words import CATEGORY_WORDS
from domain.values.instants import parse_date
from services.commands.client import Client, ServiceError
from services.commands.console import ERR, OUT, Data
from services.commands.language import zh_en
from services.commands.sending import Outcome, publish
from services.commands.serve import Port, banner, run
from services.demo_city.chance import DEADLINE, END, credit_code, iso
from services.demo_city.facts import CIVIL
from services.demo_city.outlines import outlines
from services.demo_city.plan import SCALE_MAX, SCALE_MIN
from services.demo_city.world import EVENTS_AT_SCALE_1, events
from services.fieldwork.outlines import KnownOutlines
from services.lists.facts import standing
from services.system.files import write_durably
from services.system.settings import Settings, load

_STEP = 5_000
"""Lines between two looks at the progress bar."""


def demo_city(
    scale: Annotated[
        float,
        typer.Option(
            min=SCALE_MIN,
            max=SCALE_MAX,
            help=zh_en(
                "规模：1 为启动会讲话中的城市，约 418,000 个事件",
                "How large a city: 1 is the launch speech's, about 418,000 events.",
            ),
        ),
    ] = 1.0,
    seed: Annotated[
        int,
        typer.Option(
            help=zh_en("随机种子：种子不同，城市不同，数字相同", "Another seed is another city with the same figures.")
        ),
    ] = 1,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help=zh_en("写入的文件；不填为标准输出", "The file to write; left out, standard output.")
        ),
    ] = None,
) -> None:
    """Write an invented city's events as JSON lines, in order of arrival.

    The same scale and seed always give the same bytes. About one line in 500 is broken on purpose, as
    real feeds are: an intake quarantines it. Progress goes to standard error.

    演示城市：把一座虚构城市的事件写成每行一个 JSON，按到达先后排列。

    规模和种子相同，字节就相同。每 500 行约有一行有意写坏，真实的数据就是这样：接收时会隔离。进度写到标准错误。

    Examples:
        taizhang demo-city --scale 0.1 --output city.jsonl
        taizhang publish city.jsonl
    """
    if output is None:
        written = _write(sys.stdout.buffer, scale, seed)
        sys.stdout.buffer.flush()
    else:
        with output.open("wb") as file:
            written = _write(file, scale, seed)
    Console(stderr=True).print(f"{written:,} lines")


def _write(file: IO[bytes], scale: float, seed: int) -> int:
    """Number of lines written."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    written = 0
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("demo city", total=EVENTS_AT_SCALE_1 * scale)
        for written, line in enumerate(events(scale, seed), 1):
            file.write(line)
            if written % _STEP == 0:
                progress.update(task, completed=written)
    return written


HEADINGS: Final = ("统一社会信用代码", "名称", "类型", "行政区划代码", "行业代码", "从业人数", "业务主管单位", "地址")
RENAMED, RECOUNTED, REGISTERED = 2, 3, 3
# Far from the serial numbers of the city's own organizations.
_SERIAL: Final = 30_000_000
_REGION_DIGITS: Final = 12
_WORDS: Final = {category: word for word, category in reversed(CATEGORY_WORDS.items())}
Rows = list[list[str]]


def rows_of(facts: Iterable[Fact], as_of: date) -> Rows:
    """The organizations that a source's facts have active at the end of a date, by code, as rows below HEADINGS."""
    ordered = sorted(facts, key=lambda fact: (fact.data["org"], fact))
    by_org = ((org, held(of_org, as_of).attributes) for org, of_org in groupby(ordered, lambda fact: fact.data["org"]))
    return [_row(org, attributes) for org, attributes in by_org if attributes is not None]


def _row(org: str, a: Attributes) -> list[str]:
    employees = "" if a.employees is None else str(a.employees)
    code = org.partition(":")[2]
    # Registries pad their division codes.
    region = a.region.ljust(_REGION_DIGITS, "0")
    return [code, a.name, _WORDS[a.category], region, a.industry or "", employees, a.supervisor or "", a.address or ""]


def a_month_later(rows: Rows) -> Rows:
    """The same list with a month's changes."""
    later = [list(row) for row in rows]
    for row in later[:RENAMED]:
        row[1] += "（更名）"
    for row in later[RENAMED : RENAMED + RECOUNTED]:
        row[5] = str(int(row[5] or 0) + 5)
    like = later[0] if later else ["", "", "社会团体", "880102000000", "", "", "", ""]
    added = [
        [credit_code("association", "880102", _SERIAL + number).removeprefix("uscc:"), f"新设行业协会{number + 1}",
         "社会团体", like[3], "S95", "6", "", ""]
        for number in range(REGISTERED)
    ]  # fmt: skip
    return [*later[:-1], *added]


def write(path: Path, title: str, rows: Rows) -> None:
    """As such lists come: a title over all columns, the headings, the rows, a total; .xlsx, or CSV in GB18030."""
    total = ["合计", f"{len(rows)} 家"]
    if path.suffix == ".xlsx":
        import xlsxwriter  # noqa: PLC0415 - other commands start without it

        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet("名录")
            sheet.merge_range(0, 0, 0, len(HEADINGS) - 1, title)
            for number, row in enumerate([HEADINGS, *rows, total], 1):
                for column, value in enumerate(row):
                    sheet.write_string(number, column, value)
        return
    with path.open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows([[title], HEADINGS, *rows, total])


def demo_list(
    file: Annotated[
        Path,
        typer.Argument(
            help=zh_en("写入的文件：.xlsx，或 .csv（GB18030）", "the file to write: .xlsx, or .csv (GB18030)")
        ),
    ],
    as_of: Annotated[
        str, typer.Option(help=zh_en("名单的截至日，YYYY-MM-DD", "the date of the list, YYYY-MM-DD"))
    ] = "2025-07-31",
    source: Annotated[str, typer.Option(help=zh_en("谁的名单", "whose list it is"))] = CIVIL,
    url: Annotated[
        str | None, typer.Option(help=zh_en("服务地址；不填为 TAIZHANG_URL", "the service, if not TAIZHANG_URL"))
    ] = None,
) -> None:
    """Write a registry's full list of the demo city that runs, with a month's changes, to be reconciled.

    演示名单：为运行中的演示城市写出某登记机关的全量名单，含一个月的变动，供核对。

    Examples:
        taizhang demo-list list.csv
        taizhang reconcile /registry/civil-affairs list.csv --as-of 2025-07-31
    """
    try:
        day = parse_date(as_of)
    except ValueError as error:
        raise typer.BadParameter(f"--as-of {as_of!r}: {error}") from None
    with Client(load(url=url)) as client:
        rows = rows_of(standing(client.stream("/v1/lists/facts", {"source": source, "as_of": as_of}), day), day)
    later = a_month_later(rows)
    write(file, f"名录（截至{day.year}年{day.month}月{day.day}日）", later)
    OUT.print(zh_en(f"{file}：{len(later):,} 行", f"{file}: {len(later):,} rows"), markup=False)
    OUT.print(f"taizhang reconcile {source} {file} --as-of {as_of}", markup=False, soft_wrap=True)


_MARK: Final = "demo-city"
_MAP_BEGINS: Final = date(2023, 1, 1)
# Its two years came before this log: known when its sources said it, not on the day on which it is loaded.
HISTORY: Final = "demo-city"


def demo(
    data: Data = None,
    port: Port = None,
    scale: Annotated[
        float, typer.Option(min=SCALE_MIN, max=SCALE_MAX, help=zh_en("演示城市的规模", "the demo city's scale"))
    ] = 0.1,
    seed: Annotated[int, typer.Option(help=zh_en("演示城市的随机种子", "the demo city's seed"))] = 1,
) -> None:
    """Serve in --dev mode and load the demo city, if the log is still empty.

    演示：以 --dev 方式启动服务；日志为空时载入演示城市。

    Example: taizhang demo --scale 0.1
    """
    settings = load(data=data, port=port, dev=True)

    def when_ready(address: str) -> None:
        banner(settings, address)
        load_demo_city(settings, address, scale, seed)

    run(settings, when_ready)


def load_demo_city(settings: Settings, address: str, scale: float, seed: int) -> None:
    """Publish the city's events, unless they are all there. One that was cut off goes on: repeats do no harm."""
    mark = settings.data / _MARK
    try:
        with Client(settings, url=address, history=HISTORY) as client:
            KnownOutlines(settings.data / "outlines").bring(_MAP_BEGINS, orjson.dumps(outlines()))
            head = client.get("/health/ready")["position"]
            if head and mark.exists():
                ERR.print(
                    zh_en(
                        f"演示城市已在（{mark.read_text(encoding='utf-8').strip()}）。",
                        f"The demo city is loaded ({mark.read_text(encoding='utf-8').strip()}).",
                    )
                )
                return
            outcome = _load(client, events(scale, seed), round(EVENTS_AT_SCALE_1 * scale))
            client.get("/v1/rates", {"min_position": outcome.position})
            write_durably(mark, f"scale {scale:g}, seed {seed}\n".encode())
    except ServiceError as error:
        ERR.print(zh_en(f"演示城市未能载入：{error}", f"The demo city could not be loaded: {error}"), markup=False)
        return
    counts = outcome.dispositions
    ERR.print(
        zh_en(
            f"演示城市就绪：接受 {counts['accepted']:,}，重复 {counts['duplicate']:,}，隔离 "
            f"{counts['quarantined']:,}（有意放入的真实数据的毛病）\n打开 {address}/?as_of={iso(END)}："
            f"攻坚行动的最后一天\n考核 {address}/assessment，督查 {address}/inspection，日常 {address}/daily\n"
            "当时所知：curl "
            f"'{address}/v1/rates?as_of={iso(DEADLINE)}&known_at={iso(DEADLINE)}T23:59:59%2B08:00&group_by=kind'",
            f"The demo city is loaded: accepted {counts['accepted']:,}, duplicate {counts['duplicate']:,}, "
            f"quarantined {counts['quarantined']:,} (the dirt of real feeds, on purpose)\nOpen "
            f"{address}/?as_of={iso(END)}: the campaign's last day\nassessment {address}/assessment, inspection "
            f"{address}/inspection, daily work {address}/daily\nAs known then: curl "
            f"'{address}/v1/rates?as_of={iso(DEADLINE)}&known_at={iso(DEADLINE)}T23:59:59%2B08:00&group_by=kind'",
        )
    )


def _load(client: Client, lines: Iterator[bytes], total: int) -> Outcome:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, transient=True) as bar:
        task = bar.add_task(zh_en("正在载入演示城市", "loading the demo city"), total=total)
        return publish(client, (line.rstrip(b"\n") for line in lines), lambda sent, _: bar.update(task, advance=sent))
