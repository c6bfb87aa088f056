"""What the questions share: grouping, filters (spec/api.md, Filters), and how the service is asked."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from domain.ledger.rates import DIMENSIONS
from domain.values.terms import CATEGORIES, FORMATIONS, KINDS, MEASURES
from services.commands.client import Client
from services.system.settings import load


def _one_of(values: tuple[str, ...]) -> str:
    return ", ".join(values)


GroupBy = Annotated[list[str] | None, typer.Option(help=f"分组 may repeat: {_one_of(DIMENSIONS)}")]
Region = Annotated[str | None, typer.Option(help="地区 a prefix of the division code")]
Kind = Annotated[str | None, typer.Option(help=_one_of(KINDS))]
Limit = Annotated[int, typer.Option(min=1, max=1_000, help="至多 how many at most")]
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
        str | None, typer.Option(help="行业 a section, or the beginning of a longer code; null")
    ] = None,
    formation: Annotated[str | None, typer.Option(help=f"{_one_of(FORMATIONS)}, null")] = None,
    measure: Annotated[str | None, typer.Option(help=_one_of(MEASURES))] = None,
    work_covered: Annotated[
        bool | None, typer.Option(help="工作覆盖 only those with work coverage, or without")
    ] = None,
    eligible: Annotated[bool | None, typer.Option(help="应建 only the eligible, or the others")] = None,
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
