"""What commands print of names from elsewhere: those names, whole, and nothing of their making."""

import io

import pytest
from rich.table import Table

from services.commands.console import Plain, legible

HOSTILE = ["[red]红[/red]", "[/]", "[link=http://evil.example]点[/link]", "[bold", "组[a]织", "\\[x]", ":smile:"]
ORG = "uscc:9151010452601815XG"


def printed(*rows: tuple[str, ...], terminal: bool, width: int | None = None) -> str:
    file = io.StringIO()
    console = Plain(file=file, force_terminal=terminal, width=width)
    table = Table(*(f"列{n}" for n in range(len(rows[0]))))
    for row in rows:
        table.add_row(*row)
    console.print(table)
    return file.getvalue()


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("terminal", [True, False])
def test_a_name_in_brackets_is_that_name(name: str, terminal: bool) -> None:  # noqa: FBT001 - a parameter
    text = printed((ORG, name), terminal=terminal, width=200)
    assert name in text
    assert "\x1b]8" not in text
    assert "\x1b[31m" not in text


def test_in_a_pipe_nothing_is_cut_whatever_the_width() -> None:
    wide = tuple(f"{ORG}-{n}" for n in range(30))
    (line,) = [each for each in printed(wide, terminal=False, width=60).splitlines() if ORG in each]
    assert all(each in line for each in wide)


def test_on_a_narrow_screen_words_wrap_and_identifiers_fold() -> None:
    text = printed((ORG, "one two three four five"), terminal=True, width=30)
    assert "…" not in text
    kept = "".join(line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│"))
    assert kept == ORG
    assert "three" in text


def test_bytes_from_elsewhere_move_no_cursor() -> None:
    assert legible("a\x1b[31mb\x9b\x07\n\tc") == "a\\x1b[31mb\\x9b\\x07\n\tc"
