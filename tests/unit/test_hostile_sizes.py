"""Twice a hostile input takes about twice the time: of every kind that somebody else may make as large as it likes."""

import ast
import asyncio
import base64
import importlib
import inspect
import json
import pkgutil
import random
import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import api
import domain
import projections
import services
from api.asking.filters import dimensions
from domain.events.envelope import read_event
from domain.events.facts import Fact
from domain.fieldwork.matching import plain_name
from domain.fieldwork.regions import Regions
from domain.listing.list_cells import category, employees, industry, region, text
from domain.listing.list_columns import counts_members, is_ended, is_personal, plain_heading
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.notes import Note, VerifierKey
from services.fieldwork.places import find_places
from services.ledger.name_forms import wanted
from services.lists import delimited
from tests.doubling import RATIO_MAX, attempt, growth
from tests.forging import AFTER, city, everything, is_refused, log_of, read, verify, write
from tests.small_city import event

NOTE_LINE = "\u2014 log.example/n " + base64.b64encode(bytes(68)).decode() + "\n"


def _event(n: int, **more: Any) -> bytes:  # noqa: ANN401 - any JSON
    covers = [f"group:{i % 50}" for i in range(n)]
    data = {"effective_on": "2024-01-01", "branch": "branch:b", "name": "支部", "tier": "branch", "formation": "joint",
            "region": "51", "covers": covers}  # fmt: skip
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "taizhang.branch.formed.v1",
             "time": "2024-01-01T00:00:00Z", "data": data}  # fmt: skip
    return json.dumps(event | more).encode()


EVENTS: dict[str, Callable[[int], bytes]] = {
    "organizations covered": _event,
    "extensions": lambda n: _event(0, **{f"x{i}": "v" for i in range(n)}),
    "one long text": lambda n: _event(0, x="甲" * n),
    "unknown fields": lambda n: json.dumps({f"f{i}": i for i in range(n)}).encode(),
    "fraction of a second": lambda n: _event(0, time="2024-01-01T00:00:00." + "0" * n + "Z"),
    "media type": lambda n: _event(0, datacontenttype="application/json" + ";a=b" * n + ";"),
    "schema's address": lambda n: _event(0, dataschema="https://a/" + "%zz" * n),
}


@pytest.mark.parametrize("kind", EVENTS)
def test_events(kind: str) -> None:
    assert growth(read_event, EVENTS[kind], 4_000) < RATIO_MAX


NOTES: dict[str, Callable[[int], bytes]] = {
    "text": lambda n: (f"{'a' * n}\n\n" + NOTE_LINE).encode(),
    "lines": lambda n: ("a\n" * n + "\n" + NOTE_LINE).encode(),
    "empty lines": lambda n: ("a" + "\n" * n + NOTE_LINE).encode(),
    "signatures": lambda n: ("a\n\n" + NOTE_LINE * (n // 64)).encode(),
    "one long signature": lambda n: ("a\n\n\u2014 n " + "A" * (n - n % 4) + "\n").encode(),
    "one long name": lambda n: ("a\n\n\u2014 " + "n" * n + " AAAA\n").encode(),
    "blanks": lambda n: ("a\n\n" + "\u2014 " * n + "\n").encode(),
    "no note": lambda n: b"\n" * n,
}


@pytest.mark.parametrize("kind", NOTES)
def test_notes_of_a_log(kind: str) -> None:
    key = VerifierKey.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")

    def opened(data: bytes) -> None:
        note = Note.parse(data)
        Checkpoint.parse(note.text)
        note.verified_by([key])

    assert growth(opened, NOTES[kind], 100_000) < RATIO_MAX


WORDS: dict[str, Callable[[int], str]] = {
    "one word": lambda n: "甲" * n, "many words": lambda n: "区 " * n, "initials": lambda n: "a" * n,
    "brackets": lambda n: "（" * n, "per cents": lambda n: "%_" * n, "blanks": lambda n: " " * n,
    "traditional": lambda n: "臺灣發" * n, "numerals": lambda n: "一二" * n,
}  # fmt: skip
REGIONS = Regions(
    Fact(date(2023, 1, 1), n, 0, "s", str(n), "taizhang.region.created.v1",
         {"region": f"51{n:02}", "name": f"高桥{n}县"}, n, (n,))
    for n in range(1, 60)
)  # fmt: skip


@pytest.mark.parametrize("kind", WORDS)
def test_words_that_are_looked_for(kind: str) -> None:
    assert growth(wanted, WORDS[kind], 2_000) < RATIO_MAX
    assert growth(lambda words: find_places(REGIONS, date(2024, 1, 1), words), WORDS[kind], 500) < RATIO_MAX
    # A name has at most 200 characters.
    assert growth(lambda words: plain_name(words, ("高桥县",)), WORDS[kind], 50) < RATIO_MAX


def test_groups_asked_for() -> None:
    def asked(given: list[str]) -> None:
        asyncio.run(dimensions(given))

    assert growth(asked, lambda n: [f"body:park:{i}" for i in range(n)], 5_000) < RATIO_MAX
    assert growth(asked, lambda n: ["kind"] * n, 5_000) < RATIO_MAX


CELLS: dict[str, Callable[[int], str]] = {
    "digits": lambda n: "1" * n, "decimals": lambda n: "1." + "0" * n, "blanks": lambda n: " " * n,
    "brackets": lambda n: "(" * n + ")" * n, "words": lambda n: "合计" * n, "hidden": lambda n: "\u200b" * n,
    "commas": lambda n: "1," * n, "equals": lambda n: "=" * n, "units": lambda n: "/人" * n + "x",
    "ends": lambda n: "注销" * n, "persons": lambda n: "业主" * n,
}  # fmt: skip


READERS: dict[str, Callable[[str], object]] = {
    "text": text, "employees": employees, "industry": industry, "region": region,
    "category": lambda cell: category(cell, {}), "heading": plain_heading,
    "heading of an end": is_ended, "heading of persons": is_personal, "heading of members": counts_members,
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
def test_cells_of_lists(reader: str) -> None:
    for kind, make in CELLS.items():
        assert growth(READERS[reader], make, 3_000) < RATIO_MAX, kind


FILES: dict[str, Callable[[int], str]] = {
    "rows": lambda n: "a,b\n" * n, "cells": lambda n: "a," * n, "quotes": lambda n: '""' * n,
    "open": lambda n: '"a\n' * n,
    "blank lines": lambda n: "\n" * n, "carriage returns": lambda n: "\r" * n, "tabs": lambda n: "\t;|" * n,
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_files_of_lists(kind: str, tmp_path: Path) -> None:
    def made(n: int) -> Path:
        path = tmp_path / str(n)
        path.write_text(FILES[kind](n), encoding="utf-8", newline="")
        return path

    def opened(path: Path) -> int:
        return sum(1 for _ in delimited.rows(path, "utf-8", len))

    assert growth(opened, made, 50_000) < RATIO_MAX


def _said(id_: int, name: str, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
    return event(f"x{id_}", name, **data)


def _moved(n: int) -> list[dict[str, Any]]:
    """One member who moves to and fro."""
    enrolled = _said(0, "member.enrolled", member="member:m", standing="full", org="group:g-0")
    orgs = [f"group:g-{i % 2}" for i in range(n + 1)]
    moves = (
        _said(i + 1, "member.transferred", member="member:m", from_org=orgs[i], to_org=orgs[i + 1]) for i in range(n)
    )
    return [*city(4), enrolled, *moves]


def _corrected(n: int) -> list[dict[str, Any]]:
    """One registration that is corrected again and again."""
    whole = city(4)
    about = {"source": whole[0]["source"], "id": whole[0]["id"]}
    told = [
        event(f"k{i}", "event.corrected", corrects=about, replacement={**whole[0]["data"], "employees": i}, reason="x")
        for i in range(n)
    ]
    for each in told:
        del each["data"]["effective_on"]
    return [*whole, *told]


def _grown(n: int) -> list[dict[str, Any]]:
    """One branch whose coverage changes again and again."""
    drops = ({"add" if i % 2 else "drop": ["group:g-0"]} for i in range(n))
    return [*city(4), *(_said(i, "branch.coverage_changed", branch="branch:b", **each) for i, each in enumerate(drops))]


LOGS: dict[str, Callable[[int], list[dict[str, Any]]]] = {
    "organizations": city, "moves": _moved, "corrections": _corrected, "coverage": _grown,
}  # fmt: skip


@pytest.mark.parametrize("kind", LOGS)
def test_bundles_of_evidence(kind: str, tmp_path: Path) -> None:
    def made(n: int) -> Path:
        log, file = log_of(LOGS[kind](n)), tmp_path / f"{n}.zip"
        log.bundle(file, everything(AFTER, len(log.stored)))
        assert not isinstance(found := verify(file), str)
        assert found.faults == []
        return file

    assert growth(verify, made, 60) < RATIO_MAX


BUNDLES: dict[str, Callable[[dict[str, bytes], int], dict[str, bytes]]] = {
    "lines": lambda parts, n: parts | {"events.jsonl": parts["events.jsonl"].split(b"\n")[0] + b"\n" * n},
    "an event again": lambda parts, n: parts | {"events.jsonl": (parts["events.jsonl"].split(b"\n")[0] + b"\n") * n},
    "no JSON": lambda parts, n: parts | {"answer.json": b"[" * n},
    "digits": lambda parts, n: parts | {"manifest.json": b"1" * n},
    "members": lambda parts, n: parts | {f"m{i}": b"" for i in range(n // 10)},
    "zeros": lambda parts, n: parts | {"events.jsonl": bytes(10 * n)},
}  # fmt: skip


@pytest.mark.parametrize("kind", BUNDLES)
def test_spoiled_bundles(kind: str, tmp_path: Path) -> None:
    log, honest = log_of(city(4)), tmp_path / "honest.zip"
    log.bundle(honest, everything(AFTER, len(log.stored)))
    parts = dict(read(honest))

    def made(n: int) -> Path:
        file = tmp_path / f"{n}.zip"
        write(file, BUNDLES[kind](parts, n))
        assert is_refused(verify(file))
        return file

    assert growth(verify, made, 10_000) < RATIO_MAX


# Patterns that search what has a length of its own.
SHORT = {"domain.fieldwork.matching._NUMBER": "names, of at most 200 characters"}
UNITS_MAX = 30
METHODS = frozenset(("search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"))


def _modules() -> Iterator[ModuleType]:
    for package in (domain, projections, services, api):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            try:
                yield importlib.import_module(found.name)
            except ModuleNotFoundError as absent:
                if str(absent.name).partition(".")[0] in ("domain", "projections", "services", "api"):
                    raise  # no extra that is not installed


def _patterns() -> Iterator[tuple[str, re.Pattern[Any], set[str]]]:
    """Every pattern that a module holds, and by which methods that module uses it."""
    for module in _modules():
        held = {name: each for name, each in vars(module).items() if isinstance(each, re.Pattern)}
        used: dict[str, set[str]] = {}
        for node in ast.walk(ast.parse(inspect.getsource(module))) if held else ():
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in METHODS:
                used.setdefault(node.value.id, set()).add(node.attr)
        names = sorted(held.keys() & used.keys())  # two workers ask in one order
        yield from ((f"{module.__name__}.{name}", held[name], used[name]) for name in names)


PATTERNS = {f"{name}.{method}": (name, each, method) for name, each, how in _patterns() for method in sorted(how)}


def _repeated(pattern: str) -> list[str]:
    """What a pattern's own text suggests to repeat: its characters, and some of those that stand side by side."""
    plain = re.sub(r"\(\?(?::|<?[!=])", "(", pattern)
    shown = [each for each in plain if each not in "()[]{}?*+|^$\\"]
    rng, ones = random.Random(17), sorted({*shown, *" 0aA1-,.\t\n("})
    pairs = sorted({one + other for one, other in pairwise(shown)})
    return rng.sample(ones, min(len(ones), UNITS_MAX)) + rng.sample(pairs, min(len(pairs), UNITS_MAX))


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns(name: str) -> None:
    known, pattern, method = PATTERNS[name]
    if known in SHORT:
        pytest.skip(SHORT[known])
    is_text = isinstance(pattern.pattern, str)
    shown = pattern.pattern if is_text else pattern.pattern.decode("latin-1")

    def found(text: Any) -> None:  # noqa: ANN401 - text or bytes
        if method in ("sub", "subn"):
            pattern.sub(text[:0], text)
        elif method == "finditer":
            list(pattern.finditer(text))
        else:
            getattr(pattern, method)(text)

    def made(n: int) -> Any:  # noqa: ANN401 - as the pattern has it
        text = unit * n + "\x01"
        return text if is_text else text.encode("latin-1", "ignore")

    for unit in _repeated(shown):
        # What is quick enough grows as it likes: here a square would take far longer.
        if attempt(lambda: found(made(6_000))) > 0.002:
            assert growth(found, made, 1_500) < RATIO_MAX, unit
