"""The shell speaks the language of its locale, and not both in one line."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from services.commands.language import language_of

CHINESE = re.compile(r"[\u3400-\u9fff]")
COMMANDS = Path(__file__).parents[2] / "services/commands"
HELPS = """
import json, sys
import typer
from services.commands.cli import command_line
told = []
def walk(command, path):
    told.append((path, command.help or ""))
    told.extend((f"{path} {each.name}", getattr(each, "help", None) or "") for each in command.params)
    for name, each in getattr(command, "commands", {}).items():
        walk(each, f"{path} {name}")
walk(typer.main.get_command(command_line()), "taizhang")
json.dump(told, sys.stdout)
"""


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "en_GB.UTF-8", "LANGUAGE": "zh_CN:en"}, "zh"),
        ({"LANG": "C", "LANGUAGE": "zh_CN:en"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en:zh"}, "en"),
    ],
)
def test_the_locale_says_which(locale: dict[str, str], language: str) -> None:
    assert language_of(locale) == language


def helps(locale: str) -> list[tuple[str, str]]:
    """Every command and parameter with its help."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    run = subprocess.run(
        [sys.executable, "-c", HELPS], env={**kept, "LANG": locale, "PYTHONUTF8": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told: list[tuple[str, str]] = json.loads(run.stdout)
    return told


def prose(text: str) -> str:
    """A help without its examples, which stand as they are typed."""
    return re.sub(r"^(Examples?|示例)[:：].*\Z", "", text, flags=re.MULTILINE | re.DOTALL)


def test_in_english_no_help_has_a_chinese_word() -> None:
    found = helps("C.UTF-8")
    assert len(found) > 300
    assert [each for each in found if CHINESE.search(prose(each[1]))] == []


def test_in_chinese_every_help_is_chinese() -> None:
    of_the_library = {"Show this message and exit."}
    found = [(path, prose(text).strip()) for path, text in helps("zh_CN.UTF-8")]
    # A list of values that may be given needs no words.
    worded = [(path, text) for path, text in found if re.search("[a-z]{2,} [a-z]{2,}", text.replace(", ", ","))]
    assert [each for each in worded if not CHINESE.search(each[1]) and each[1] not in of_the_library] == []


def test_no_text_of_a_command_has_both() -> None:
    both = re.compile(r"[\u3400-\u9fff][^A-Za-z\u3400-\u9fff]*\s+[a-z]+ [a-z]+")
    wrong = []
    for path in sorted(COMMANDS.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                told = node.value if "\n\n" not in node.value else ""
                # In a Chinese sentence stand names: taizhang and its commands, the words that a caller types.
                if both.search(re.sub(r"taizhang( [a-z-]+)*", "", told)):
                    wrong.append(f"{path.name}:{node.lineno}: {told[:80]}")
    assert wrong == []
