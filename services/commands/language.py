"""In which language the shell speaks: that of its locale, Chinese or English."""

import inspect
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import typer

_CHINESE: Final = re.compile(r"[\u2e80-\u9fff\uff00-\uffef]")
_BETWEEN: Final = re.compile(rf"(?<={_CHINESE.pattern})\n(?={_CHINESE.pattern})")


def language_of(environment: Mapping[str, str]) -> Literal["zh", "en"]:
    """Chinese where the locale's messages are (POSIX.1-2017 §8.2; GNU's LANGUAGE before it), else English."""
    locale = next((found for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (found := environment.get(name))), "")
    # LANGUAGE lists what to try, and is not looked at in the locale C.
    if locale.partition(".")[0] not in {"", "C", "POSIX"}:
        locale = environment.get("LANGUAGE", "").partition(":")[0] or locale
    return "zh" if locale.startswith("zh") else "en"


LANGUAGE: Final = language_of(os.environ)


def zh_en(chinese: str, english: str) -> str:
    """The one of the two that the shell's reader reads."""
    return chinese if LANGUAGE == "zh" else english


def help_of(command: Callable[..., Any]) -> str:
    """A command's help from its docstring: the paragraphs in the shell's language, and its examples.

    A paragraph with a Chinese word is Chinese; its lines are joined as Chinese is written, without blanks.
    """
    told = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.__doc__ or "")):
        if paragraph.startswith("Example"):
            told.append(zh_en(re.sub("^Examples?:", "示例：", paragraph, flags=re.MULTILINE), paragraph))
        elif bool(_CHINESE.search(paragraph)) == (LANGUAGE == "zh"):
            told.append(_BETWEEN.sub("", paragraph))
    return "\n\n".join(told)


class Commands(typer.Typer):
    """A group of commands, each with its help in the shell's language."""

    def command(self, name: str | None = None, **given: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # type: ignore[override]  # noqa: ANN401 - what it leaves out is passed on
        """Register a command, as the library does."""

        def register(command: Callable[..., Any]) -> Callable[..., Any]:
            return super(Commands, self).command(name, help=help_of(command), **given)(command)

        return register
