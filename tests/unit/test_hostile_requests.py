"""Twice what a stranger may put into a request takes about twice the time: headers, cursors, bytes to be looked at."""

import ast
import base64
import inspect
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

import api
from api.asking.cursors import decode, marks
from api.intake.events import form_of
from api.site.raw_bytes import shown
from api.web.browsers import same_origin
from api.web.cookies import cookie, plain_cookies
from services.access.seal import Seal
from tests.doubling import RATIO_MAX, growth

ASKED: dict[str, Any] = {"type": "http", "method": "GET", "path": "/v1/organizations", "query_string": b""}


CURSORS: dict[str, Callable[[int], bytes]] = {
    "one long name": lambda n: b'["2024-01-01",1,["' + b"a" * n + b'"],""]',
    "names": lambda n: b"[" + b'"a",' * n + b"1]", "depth": lambda n: b"[" * n,
    "digits": lambda n: b'["2024-01-01",' + b"1" * n + b',[],""]', "nothing": bytes,
}  # fmt: skip


@pytest.mark.parametrize("kind", CURSORS)
def test_cursors(kind: str, tmp_path: Path) -> None:
    parts = SimpleNamespace(seal=Seal(tmp_path))
    app = SimpleNamespace(state=SimpleNamespace(parts=parts))
    asked = Request({**ASKED, "headers": [], "app": app})

    def made(n: int) -> str:
        content = CURSORS[kind](n)
        return base64.urlsafe_b64encode(marks(content, asked) + content).decode()

    assert growth(lambda text: decode(text, asked), made, 5_000) < RATIO_MAX


HEADERS: dict[str, Callable[[int], str]] = {
    "escapes": lambda n: 'a="' + "\\" * n + '"', "octal": lambda n: 'a="' + "\\101" * n + '"',
    "quotes": lambda n: '"' * n, "open": lambda n: 'a="' + '\\"' * n, "semicolons": lambda n: ";" * n,
    "in quotes": lambda n: 'a="' + ";" * n, "pairs": lambda n: "a=b; " * n, "equals": lambda n: "=" * n,
    "commas": lambda n: "a, " * n, "blanks": lambda n: "a" + " " * n, "brackets": lambda n: "http://" + "[" * n,
}  # fmt: skip


@pytest.mark.parametrize("kind", HEADERS)
def test_headers(kind: str) -> None:
    def given(name: str) -> Callable[[int], Request]:
        return lambda n: Request({**ASKED, "headers": [(name.encode(), HEADERS[kind](n).encode())]})

    assert growth(lambda asked: cookie(asked, "a"), given("cookie"), 2_000) < RATIO_MAX
    assert growth(same_origin, lambda n: _changing(given("origin")(n)), 2_000) < RATIO_MAX
    assert growth(form_of, lambda n: f"application/json;{HEADERS[kind](n)}", 2_000) < RATIO_MAX


@pytest.mark.parametrize("kind", HEADERS)
def test_cookies_as_the_framework_reads_them_behind_the_gate(kind: str) -> None:
    """It reads those of every request."""

    def read(value: bytes) -> dict[str, str]:
        scope = {**ASKED, "headers": [(b"cookie", b"taizhang=t; " + value + b"; more=m")]}
        plain_cookies(scope)
        return Request(scope).cookies

    assert growth(read, lambda n: HEADERS[kind](n).encode(), 4_000) < RATIO_MAX
    assert {"taizhang": "t", "more": "m"}.items() <= read(HEADERS[kind](10).encode()).items()


def _changing(asked: Request) -> Request:
    asked.scope["method"] = "POST"
    return asked


def test_cookies_are_read_by_our_reader_alone() -> None:
    """The framework's undoes quotes by the standard library, which some versions do in the square of the length."""
    for file in Path(inspect.getfile(api)).parent.rglob("*.py"):
        reads = [each for each in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(each, ast.Attribute)]
        assert "cookies" not in {each.attr for each in reads}, file


RAW: dict[str, Callable[[int], bytes]] = {
    "depth": lambda n: b"[" * (n // 8) + b"1," * n + b"1" + b"]" * (n // 8),
    "names": lambda n: b'{"a":' * n + b"1" + b"}" * n,
    "one long name": lambda n: b'{"' + b"a" * n + b'":[' + b"1," * n + b"1]}", "no text": lambda n: b"\xff" * n,
    "controls": lambda n: b"\x00" * n, "digits": lambda n: b"1" * n,
}  # fmt: skip


@pytest.mark.parametrize("kind", RAW)
def test_bytes_that_are_shown(kind: str) -> None:
    wrong = [("extra_forbidden", "/a"), ("text", "/a/0")]
    assert growth(lambda raw: shown(raw, wrong), RAW[kind], 4_000) < RATIO_MAX
