"""What commands print and ask: the console, the service's answers, figures."""

import functools
import inspect
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table

from domain.ledger.rates import DIMENSIONS
from domain.values.terms import CATEGORIES, FORMATIONS, KINDS, MEASURES
from services.commands.client import Client
from services.commands.language import zh_en
from services.system.settings import SHANGHAI, load

WIDTH_MAX: Final = 10_000
_PLAIN: Final = {ord(each): f"\\x{ord(each):02x}" for each in map(chr, [*range(9), *range(11, 32), *range(127, 160)])}


class Plain(Console):
    """A console that takes what it prints for text: a name in brackets is that name, no colour and no link.

    Where our own marks are meant, `markup=True` says so. Tables wrap by words, and what is longer than its column is
    folded and never cut; in a pipe a table is as wide as what stands in it.
    """

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - rich's
        super().__init__(markup=False, emoji=False, highlight=False, **given)
        if not self.is_terminal:  # nobody's screen ends there
            self.width = WIDTH_MAX

    def print(self, *objects: Any, **arguments: Any) -> None:  # noqa: ANN401 - rich's
        """Print, as the library does."""
        parts = [part for each in objects for part in (each.renderables if isinstance(each, Group) else (each,))]
        for table in (each for each in parts if isinstance(each, Table)):
            for column in table.columns:
                column.overflow = "fold"
        super().print(*objects, **arguments)


def legible(text: str) -> str:
    """Text from elsewhere for a terminal: what would move its cursor or change its colours is shown, not done."""
    return text.translate(_PLAIN)


OUT: Final = Plain()
ERR: Final = Plain(stderr=True)

AsOf = Annotated[
    str | None,
    typer.Option(
        help=zh_en(
            "截至日：问的是这一天终了时，写作 YYYY-MM-DD；不填为今天",
            "the date whose end is asked for, YYYY-MM-DD; today if left out",
        )
    ),
]
KnownAt = Annotated[
    str | None,
    typer.Option(
        help=zh_en(
            "数据时点：位置，或时刻如 2025-01-05T09:00:00+08:00；不填为最新",
            "as known at: a position, or an instant as 2025-01-05T09:00:00+08:00; latest if left out",
        )
    ),
]
Data = Annotated[
    Path | None, typer.Option(help=zh_en("内置 PostgreSQL 的数据文件夹", "the folder of the embedded PostgreSQL"))
]
AsJson = Annotated[
    bool, typer.Option("--json", help=zh_en("以 JSON 原样输出服务的回答", "print the service's answer as JSON"))
]


def print_json(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Print JSON, coloured on a terminal, plain in a pipe."""
    OUT.print_json(data=value, ensure_ascii=False, default=str)


def show(answer: dict[str, Any], drawn: Callable[[dict[str, Any]], RenderableType], *, as_json: bool) -> None:
    """Print the service's answer: as JSON where that is asked for, else as it is drawn for people."""
    if as_json:
        print_json(answer)
    else:
        OUT.print(drawn(answer))


def shanghai(instant: str | None) -> str:
    """An RFC 3339 instant as people here read it: date and time in Asia/Shanghai."""
    if instant is None:
        return ""
    return datetime.fromisoformat(instant).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def known_moment(known: dict[str, Any]) -> str:
    """A state of knowledge: its position, when it was learned, whether an import's sources say so, a wrong clock."""
    if not known["position"]:
        return zh_en("0（台账为空）", "0 (the ledger is empty)")
    said = zh_en("，来源所称", ", as its sources said") if known["basis"] == "said" else ""
    wrong = "".join(
        zh_en(
            f"；第 {each['first']} 至 {each['last']} 位时钟有误（{each['was']}），见位置 {each['position']}",
            f"; the clock was {each['was']} from {each['first']} to {each['last']}, see {each['position']}",
        )
        for each in known.get("clock_wrong", ())
    )
    return f"{known['position']} ({shanghai(known['learned_at'])}{said}{wrong})"


RATE_TITLES: Final = {
    "organization_coverage": zh_en("组织覆盖率", "organization\ncoverage"),
    "work_coverage": zh_en("工作覆盖率", "work\ncoverage"),
    "eligible_coverage": zh_en("应建已建率", "eligible\ncoverage"),
    "employee_coverage": zh_en("从业人员覆盖率", "employee\ncoverage"),
    "eligible_standalone_coverage": zh_en("应单建已单建率", "eligible\nstandalone"),
    "effective_coverage": zh_en("有效覆盖率", "effective"),
}


def rate_text(rate: dict[str, Any]) -> str:
    """A percentage of two places above both sides."""
    value = rate["value"]
    numerator = rate["numerator"]
    sides = f"{'—' if numerator is None else f'{numerator:,}'}\n/ {rate['denominator']:,}"
    if value is None:
        return f"—\n{sides}"
    # Exact: four places of a ratio are two of a percentage.
    whole = value.replace(".", "").lstrip("0").rjust(3, "0")
    return f"{whole[:-2]}.{whole[-2:]}%\n{sides}"


def _one_of(values: tuple[str, ...]) -> str:
    return ", ".join(values)


GroupBy = Annotated[
    list[str] | None,
    typer.Option(
        help=zh_en(
            f"分组，可重复：{_one_of(DIMENSIONS)}、body:类别、body:类别:N",
            f"a dimension to group by, may repeat: {_one_of(DIMENSIONS)}, body:KIND, body:KIND:N",
        )
    ),
]
Region = Annotated[
    str | None, typer.Option(help=zh_en("地区：区划代码的开头几位", "a region: the beginning of the division code"))
]
Kind = Annotated[str | None, typer.Option(help=_one_of(KINDS))]
Limit = Annotated[int, typer.Option(min=1, max=1_000, help=zh_en("至多多少条", "how many at most"))]
# What a question may send beside its filters, and the filters.
Parameters = dict[str, str | int | bool | list[str] | None]


def ask(path: str, parameters: Parameters | None = None) -> dict[str, Any]:
    """The service's answer; raises `ServiceError`."""
    with Client(load()) as client:
        return client.get(path, parameters)


def _filters(  # noqa: PLR0917 - each is an option of its own
    region: Region = None,
    kind: Kind = None,
    category: Annotated[str | None, typer.Option(help=_one_of(CATEGORIES))] = None,
    industry: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                "行业：门类，或较长代码的开头；null 为不详",
                "an industry: a section, or the beginning of a longer code; null",
            )
        ),
    ] = None,
    formation: Annotated[str | None, typer.Option(help=f"{_one_of(FORMATIONS)}, null")] = None,
    measure: Annotated[str | None, typer.Option(help=_one_of(MEASURES))] = None,
    work_covered: Annotated[
        bool | None, typer.Option(help=zh_en("只计有工作覆盖的，或没有的", "only those with work coverage, or without"))
    ] = None,
    eligible: Annotated[
        bool | None, typer.Option(help=zh_en("只计应建的，或其余的", "only the eligible, or the others"))
    ] = None,
    effectively_covered: Annotated[
        bool | None,
        typer.Option(help=zh_en("只计有效覆盖的，或没有的", "only those under a branch in effect, or without one")),
    ] = None,
    body: Annotated[
        str | None,
        typer.Option(help=zh_en("只计由此责任主体及其下级负责的", "only what answers to this body or below it")),
    ] = None,
    basis: Annotated[
        str | None, typer.Option(help=zh_en("口径：按此命名口径计；all 为全部", "counted by this named basis; all"))
    ] = None,
) -> None:
    """The options that every filtered question has."""


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the filters' options beside its own; it takes them as `filters`, by the API's names."""
    own = inspect.signature(command, eval_str=True).parameters
    shared = inspect.signature(_filters, eval_str=True).parameters
    options = [*(each for name, each in own.items() if name != "filters"), *shared.values()]

    @functools.wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401 - the values of any options
        filters = {name: given.pop(name) for name in shared}
        command(**given, filters=filters)

    # typer reads a command's options from these.
    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in options]
    run.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]  # PEP 362 lets a function have one
    run.__annotations__ = {each.name: each.annotation for each in options}
    return run
