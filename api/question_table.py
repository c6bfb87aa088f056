"""`python -m api.question_table deploy/questions.md`: every call in one table, from what each says of itself."""

import sys
from pathlib import Path
from typing import Final

from api.app import Call, calls
from api.asking.questions import Not, OfOne, Question, shown_by

HEAD: Final = """\
# 谁能问什么 Who may ask what

Made by `make questions` from what each call says of itself (`api/asking/questions.py`); a test compares. In italics:
why there is none. Regions: a caller limited to some is answered from these (scoped), or not at all (whole); or the
answer tells of no organization (none). A page is open to whom its first call is open to, and leaves the same trail.

| call | roles | regions | trail of reading | page | `taizhang` | besides JSON |
| --- | --- | --- | --- | --- | --- | --- |
"""


def pages() -> dict[str, list[str]]:
    """By call, as `GET /v1/rates`, the pages that show its answer."""
    told = calls()
    names = {each.endpoint: _name(each) for each in told if not shown_by(each.endpoint)}
    found: dict[str, list[str]] = {}
    for each in told:
        for shown in shown_by(each.endpoint):
            if each.path not in found.setdefault(names[shown], []):
                found[names[shown]].append(each.path)
    return found


def questions() -> dict[str, Question]:
    """By call what it says of itself; pages are no calls of their own."""
    return {_name(each): each.question for each in calls() if each.question is not None and not shown_by(each.endpoint)}


def table() -> str:
    """The document."""
    shown = pages()
    return HEAD + "".join(
        _row(name, each, shown.get(name, [])) for name, each in sorted(questions().items(), key=_place)
    )


def _name(call: Call) -> str:
    return f"{call.method} {call.path}"


def _place(item: tuple[str, Question]) -> tuple[str, str]:
    method, _, path = item[0].partition(" ")
    return path, method


def _row(name: str, each: Question, shown: list[str]) -> str:
    command = _or_reason(f"`{each.command}`", each.command)
    if each.roles is None:
        why, command = _or_reason("", each.trail), "–" if isinstance(each.command, Not) else command
        return f"| `{name}` | anyone | {each.regions} | {why} | – | {command} | – |\n"
    roles = ", ".join(sorted(each.roles)) or "whoever is signed in"
    page = ", ".join(f"`{path}`" for path in shown) or _or_reason("", each.page)
    forms = _or_reason(", ".join(each.forms), each.forms)
    cells = (f"`{name}`", roles, each.regions, _trail(each.trail), page, command, forms)
    return f"| {' | '.join(cells)} |\n"


def _trail(said: object) -> str:
    return f"{said.action}: *{said.reason}*" if isinstance(said, OfOne) else _or_reason(str(said), said)


def _or_reason(text: str, said: object) -> str:
    return f"*{said.reason}*" if isinstance(said, Not) else text


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(table(), encoding="utf-8")
