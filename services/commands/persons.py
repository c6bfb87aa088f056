"""`taizhang persons …`: whom pseudonyms stand for. A person never stands in an argument, which shells remember."""

import json
import sys
from typing import Annotated

import typer

from services.commands.client import Client
from services.commands.console import ask, print_json
from services.commands.language import Commands, zh_en
from services.system.errors import InvalidValueError
from services.system.settings import load

persons = Commands(
    no_args_is_help=True,
    help=zh_en("化名对应何人：列出、登记、查看、删除", "Whom pseudonyms stand for: list, keep, show, erase."),
)

Pseudonym = Annotated[
    str, typer.Argument(help=zh_en("化名，写作 member:… 或 person:…", "the pseudonym, member:… or person:…"))
]


@persons.command("list")
def list_() -> None:
    """The pseudonyms whose persons are kept, why, and until when.

    列出留存了人员的化名，为何留存，到何时为止。
    """
    print_json(ask("/v1/persons", {"limit": 1000}))


@persons.command()
def keep(
    pseudonym: Pseudonym,
    purpose: Annotated[str, typer.Option(help=zh_en("为何须知道此人", "why it must be known"))],
    until: Annotated[str, typer.Option(help=zh_en("期限的最后一天，YYYY-MM-DD", "the last day, YYYY-MM-DD"))],
) -> None:
    """Keep a person, read as JSON from standard input: {"name": …, "telephone"?, "identity_number"?, "note"?}.

    登记人员，从标准输入读取 JSON：{"name": …, "telephone"?, "identity_number"?, "note"?}。

    Example: taizhang persons keep member:m1 --purpose "liaison" --until 2027-12-31 < person.json
    """
    try:
        person = json.loads(sys.stdin.read())
    except ValueError as error:
        raise InvalidValueError(f"standard input holds no JSON object ({error})") from None
    body = {"pseudonym": pseudonym, "person": person, "purpose": purpose, "keep_until": until}
    with Client(load()) as client:
        print_json(client.post("/v1/persons", body))


@persons.command()
def show(pseudonym: Pseudonym) -> None:
    """Who it is; the look is in the trail of reading.

    查看化名是何人；查看本身会留痕。
    """
    print_json(ask(f"/v1/persons/{pseudonym}"))


@persons.command()
def erase(pseudonym: Pseudonym, reason: Annotated[str, typer.Option(help=zh_en("理由", "why"))]) -> None:
    """Destroy the person's key, for good.

    删除：永久销毁此人的密钥。
    """
    with Client(load()) as client:
        print_json(client.post(f"/v1/persons/{pseudonym}/erase", {"reason": reason}))
