"""Every call says who may ask it, its trail, page, command and forms, or why it has none; one table has them all."""

from pathlib import Path
from typing import get_args

import pytest
import typer
from fastapi.routing import APIRoute
from typer.main import get_command

from api.app import ROUTERS, calls
from api.asking.questions import Action, Not, OfOne, Question, act, question, shown_by
from api.exports.columns import fields_of
from api.exports.lists import Sheet
from api.question_table import pages, questions, table
from api.site.texts import LANGS, Lang
from services.commands.cli import command_line

DOCUMENT = Path(__file__).parents[2] / "deploy" / "questions.md"
QUESTIONS = questions()


def test_no_call_is_silent_about_itself() -> None:
    assert [each[:2] for each in calls() if each.question is None] == []


def test_the_table_is_current() -> None:
    """After a change: make questions."""
    assert DOCUMENT.read_text(encoding="utf-8") == table()


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_has_a_page_a_trail_and_forms_or_says_why_not(name: str) -> None:
    said, shown = QUESTIONS[name], pages().get(name, [])
    assert bool(shown) != isinstance(said.page, Not), f"shown by {shown}, and says {said.page}"
    for part in (said.trail, said.command, said.forms, said.page):
        assert not isinstance(part, Not) or part.reason
    assert said.forms
    assert isinstance(said.trail, Not) or said.roles, "nobody to record"


def test_every_name_of_the_trail_is_some_question_s() -> None:
    trails = [each.trail for each in QUESTIONS.values() if not isinstance(each.trail, Not)]
    assert {each.action if isinstance(each, OfOne) else each for each in trails} == set(get_args(Action))


def test_what_a_question_calls_its_command_is_one() -> None:
    known: set[str] = set()
    root = get_command(command_line())
    assert isinstance(root, typer.core.TyperGroup)
    for name, command in root.commands.items():
        inner = command.commands if isinstance(command, typer.core.TyperGroup) else {}
        known |= {name, *(f"{name} {each}" for each in inner)}
    assert {each.command for each in QUESTIONS.values() if not isinstance(each.command, Not)} <= known


def test_an_endpoint_that_says_nothing_of_its_forms_does_not_start() -> None:
    with pytest.raises(TypeError, match="forms"):
        question(frozenset({"steward"}), "whole", trail=Not("a test"), command=Not("a test"))(lambda: None)


def test_an_act_has_no_trail_of_reading() -> None:
    said = act(frozenset({"steward"}), "whole", command=Not("a test"))(lambda: None).question  # type: ignore[attr-defined]
    assert isinstance(said, Question)
    assert isinstance(said.trail, Not)


def test_a_page_is_as_open_as_what_it_shows() -> None:
    of = {each.endpoint: each.question for each in calls()}
    for each in calls():
        for shown in shown_by(each.endpoint)[:1]:
            assert each.question == of[shown], each.path


def sheets() -> dict[str, Sheet]:
    return {each.path: each.endpoint.sheet for each in calls() if hasattr(each.endpoint, "sheet")}


@pytest.mark.parametrize("path", sheets())
@pytest.mark.parametrize("lang", LANGS)
def test_every_column_of_a_table_has_a_title_of_its_own(path: str, lang: Lang) -> None:
    columns = [field.column(lang) for field in fields_of(sheets()[path].shape)]
    assert columns
    assert len({each.title for each in columns}) == len({each.name for each in columns}) == len(columns)


def test_a_title_of_a_table_has_both_languages() -> None:
    routes = {route.path_format: route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)}
    for path in sheets():
        zh, _, en = (routes[path].summary or "").partition(" ")
        assert zh, path
        assert en.isascii(), path
        assert not zh.isascii(), path
