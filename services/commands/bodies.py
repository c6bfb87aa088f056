"""`taizhang supervisors` and `place-supervised`: which bodies are meant by what registries write, from a shell."""

from typing import Annotated, Any, Final

import typer
from rich.table import Table

from domain.values.terms import BODY_KINDS
from services.commands.client import Client
from services.commands.console import OUT, AsJson, AsOf, KnownAt, Limit, Parameters, Region, ask, show
from services.commands.language import zh_en
from services.fieldwork.supervisors import KIND, SOURCE
from services.system.settings import load

# As the key of their group is (domain.ledger.placements).
NONE: Final = "none"
OfKind = Annotated[
    str,
    typer.Option(
        help=zh_en(f"哪一类责任主体：{', '.join(BODY_KINDS)}", f"bodies of which kind: {', '.join(BODY_KINDS)}")
    ),
]


def supervisors(  # noqa: PLR0917 - typer reads options from parameters
    as_of: AsOf = None,
    known_at: KnownAt = None,
    kind: OfKind = KIND,
    region: Region = None,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Supervisors as registries write them, with the bodies that each may mean; see place-supervised.

    登记机关填写的主管单位各种写法，各有多少单位，可能指哪个责任主体。

    Example: taizhang supervisors --as-of 2024-12-31 --region 880107
    """
    asked: Parameters = {"as_of": as_of, "known_at": known_at, "kind": kind, "region": region, "limit": limit}
    show(ask("/v1/supervisors", asked), _table, as_json=as_json)


def _table(answer: dict[str, Any]) -> Table:
    table = Table(
        zh_en("填写", "text"),
        zh_en("单位", "organizations"),
        zh_en("未明确", "open"),
        zh_en("可能对应", "may mean"),
        title=zh_en(
            f"截至 {answer['as_of']}：{answer['total']:,} 种写法，{answer['open']:,} 种未明确",
            f"as of {answer['as_of']}: {answer['total']:,} texts, {answer['open']:,} open",
        ),
    )
    for each in answer["supervisors"]:
        means = (f"{at['name']} {at['body']} ({at['score']}, {at['placed']:,})" for at in each["candidates"])
        table.add_row(each["text"], f"{each['organizations']:,}", f"{each['open']:,}", "\n".join(means) or "—")
    return table


def place_supervised(  # noqa: PLR0917 - as above
    text: Annotated[str, typer.Argument(help=zh_en("登记机关填写的主管单位", "the supervisor as registries write it"))],
    body: Annotated[
        str,
        typer.Argument(
            help=zh_en(
                f"所指的主管单位，或 {NONE}（直接登记）", f"the body that is meant, or {NONE}: registered directly"
            )
        ),
    ],
    as_of: AsOf = None,
    kind: OfKind = KIND,
    region: Region = None,
    source: Annotated[str, typer.Option(help=zh_en("由谁认定", "whose decision it is"))] = SOURCE,
) -> None:
    """Say which body a text means: the organizations still open on the date answer to it from then on.

    认定某种写法指哪个责任主体：填写它的单位即归其负责。

    Example: taizhang place-supervised 高朗区民政局 body:civil-affairs --as-of 2024-12-31 --region 880107
    """
    with Client(load()) as client:
        # Said on the state of this moment: what others say of the same organizations from here on is not passed over.
        clock = client.get("/v1/supervisors", {"as_of": as_of, "kind": kind, "region": region, "limit": 1})["known_at"]
        told = client.post(
            "/v1/supervisors",
            {
                "text": text, "body": None if body == NONE else body, "kind": kind, "source": source,
                "known_at": str(clock["position"]),
                **{name: value for name, value in (("as_of", as_of), ("region", region)) if value is not None},
            },
        )  # fmt: skip
    OUT.print(
        zh_en(
            f"已认定 {told['placed']:,} 个单位，记于位置 {told['position']}",
            f"{told['placed']:,} organizations placed; recorded at position {told['position']}",
        )
    )
