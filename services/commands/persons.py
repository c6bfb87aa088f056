"""`taizhang persons …`: whom pseudonyms stand for. A person never stands in an argument, which shells remember."""

import json
import sys
from typing import Annotated

import typer

from services.commands.client import Client
from services.commands.console import ask, print_json
from services.system.errors import InvalidValueError
from services.system.settings import load

persons = typer.Typer(no_args_is_help=True, help="人员对照 Whom pseudonyms stand for: list, keep, show, erase.")

Pseudonym = Annotated[str, typer.Argument(help="化名 member:… or person:…")]


@persons.command("list")
def list_() -> None:
    """列出 The pseudonyms whose persons are kept, why, and until when."""
    print_json(ask("/v1/persons", {"limit": 1000}))


@persons.command()
def keep(
    pseudonym: Pseudonym,
    purpose: Annotated[str, typer.Option(help="用途 why it must be known")],
    until: Annotated[str, typer.Option(help="期限 the last day, YYYY-MM-DD")],
) -> None:
    """登记 Keep a person, read as JSON from standard input: {"name": …, "telephone"?, "identity_number"?, "note"?}.

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
    """查看 Who it is; the look is in the trail of reading."""
    print_json(ask(f"/v1/persons/{pseudonym}"))


@persons.command()
def erase(pseudonym: Pseudonym, reason: Annotated[str, typer.Option(help="理由 why")]) -> None:
    """遗忘 Destroy the person's key, for good."""
    with Client(load()) as client:
        print_json(client.post(f"/v1/persons/{pseudonym}/erase", {"reason": reason}))
