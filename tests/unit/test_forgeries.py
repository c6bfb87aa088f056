"""What is done to evidence on its way to a stranger: every forgery is refused offline, every honest bundle is not."""

import json
import os
import random
import struct
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain.ledger.rows import ledger
from domain.tree.proofs import shared_proof
from services.evidence.bundles.bundle import Question
from services.evidence.copies.stored import event_of
from services.evidence.verifier.report import Report
from tests.forging import (
    AFTER,
    CITY,
    THIEF,
    MemoryLog,
    accepted,
    city,
    everything,
    is_refused,
    log_of,
    read,
    said,
    verify,
    write,
)
from tests.histories import deliveries, fits
from tests.spoiling import FORGERIES, Spoiled

#: Of honest bundles; ten forgeries are made of each.
BUNDLES = int(os.environ.get("TAIZHANG_TEST_BUNDLES", "20"))
FORGED_EACH = 10
TRIES_MAX = 100
DAY = date(2024, 2, 29)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "evidence.zip"


@pytest.fixture
def log() -> MemoryLog:
    return log_of(city())


@pytest.fixture
def honest(log: MemoryLog, file: Path) -> Path:
    log.bundle(file, everything(AFTER, len(log.stored)))
    return file


def spoiled(file: Path, change: Callable[[Spoiled], object]) -> Report | str:
    """What the verifier says of the bundle after a change."""
    parts = Spoiled(read(file))
    change(parts)
    write(file, parts.members())
    return verify(file)


@settings(max_examples=BUNDLES, suppress_health_check=list(HealthCheck))
@given(deliveries(), st.integers(0, 2**32), st.integers(1, 29))
def test_every_random_forgery_is_refused_and_every_honest_bundle_is_not(
    tmp_path_factory: pytest.TempPathFactory, history: list[dict[str, Any]], seed: int, day: int
) -> None:
    log, rng = log_of(accepted(history)), random.Random(seed)
    known_at = rng.randint(max(1, len(log.stored) // 2), len(log.stored))
    file = tmp_path_factory.getbasetemp() / "forged.zip"
    as_of = date(2024, 2, day)
    rows = ledger(map(event_of, log.stored[:known_at]), as_of, fits).rows()
    assume(rows)
    questions = [everything(as_of, known_at), Question(as_of, known_at, [rows[0].org])]
    for question in questions[::-1]:
        log.bundle(file, question)
        found = verify(file)
        assert isinstance(found, Report)
        assert (found.faults, found.statement, found.partial) == ([], "follows", True)
    whole, made = read(file), 0
    for _ in range(TRIES_MAX):
        name, parts = rng.choice(list(FORGERIES)), Spoiled(whole)
        try:
            FORGERIES[name](parts, rng)
        except IndexError:
            continue  # there is nothing in this bundle to do it to
        if "left_out" in name and says_the_same(parts, whole):
            continue  # what was left out had no part in the answer: what is left is true
        write(file, parts.members())
        assert is_refused(verify(file)), (name, parts.manifest, parts.answer)
        made += 1
        if made == FORGED_EACH:
            break
    assert made == FORGED_EACH


def says_the_same(parts: Spoiled, whole: dict[str, bytes]) -> bool:
    """Whether the events that are left give the same list and the same answer."""
    before = Spoiled(whole)
    if parts.manifest["organizations"] != before.manifest["organizations"] or parts.answer != before.answer:
        return False
    again = Spoiled(parts.members())
    again.answer_again()
    return bool(again.answer == before.answer)


def test_an_honest_bundle_says_what_it_is_and_that_completeness_is_not_shown(honest: Path) -> None:
    found = verify(honest)
    assert isinstance(found, Report)
    assert (found.faults, found.statement, found.partial) == ([], "follows", True)
    shown = "\n".join(english for _, english in found.good)
    assert (
        f"the rows of {CITY} organizations follow from the events: {CITY} organizations, {CITY // 2} covered" in shown
    )
    assert "the question: as_of=2024-03-01; known_at=21; the group of all organizations" in shown
    assert any("shows only in the whole log" in english for _, english in found.unshown)
    assert not any("whole log" in english for _, english in found.good)


def test_the_uncovered_organizations_cannot_be_left_out_of_the_list(honest: Path) -> None:
    def leave_out(parts: Spoiled) -> None:
        covered = {row["org"] for row in parts.answer["rows"] if row["organization_covered"]}
        parts.manifest["organizations"] = sorted(covered)
        parts.answer_again()

    assert f"the list leaves out {CITY // 2} that the question means" in said(spoiled(honest, leave_out))


def test_those_left_out_with_all_their_events_make_no_stronger_statement(log: MemoryLog, honest: Path) -> None:
    def leave_out(parts: Spoiled) -> None:
        covered = {row["org"] for row in parts.answer["rows"] if row["organization_covered"]}
        parts.manifest["organizations"] = sorted(covered)
        about = [json.loads(line["raw"])["data"].get("org", "") for line in parts.lines]
        parts.lines = [line for line, org in zip(parts.lines, about, strict=True) if org in {"", *covered}]
        parts.tree = shared_proof(log.leaves, [line["recorded"]["position"] - 1 for line in parts.lines])
        parts.answer_again()

    found = spoiled(honest, leave_out)
    assert isinstance(found, Report)
    assert (found.faults, found.statement, found.partial) == ([], "follows", True)


def test_known_at_is_within_the_tree(honest: Path) -> None:
    found = spoiled(honest, lambda parts: parts.manifest.update(known_at=10_000))
    assert "known_at 10000 is not within the checkpoint's tree of 21 events" in said(found)


def test_the_first_wrong_position_is_the_first(file: Path) -> None:
    """Events that intake would not have let in, in the log of who holds its key."""
    history = city()
    for at in (17, 4, 9):
        history[at]["data"]["employees"] = -1
    log = log_of(history)
    log.bundle(file, Question(AFTER, 21, ["group:g-0"]), also=range(1, 22))
    found = verify(file)
    assert isinstance(found, Report)
    assert found.first is not None
    assert found.first.position == 5


def test_of_events_that_are_not_in_the_tree_none_is_accused(honest: Path) -> None:
    found = spoiled(honest, lambda parts: parts.lines[4]["recorded"].update(publisher="nobody"))
    assert isinstance(found, Report)
    assert found.first is not None
    assert found.first.position is None
    assert "one of the events is not in the log as it stands here" in said(found)


def test_an_events_place_is_taken_by_no_other(honest: Path) -> None:
    """A leaf claimed for two places, or two for one, and the events of two positions in each other's place."""

    def again(parts: Spoiled) -> None:
        parts.lines[4]["recorded"]["position"] = parts.lines[5]["recorded"]["position"]

    def exchanged(parts: Spoiled) -> None:
        one, other = parts.lines[4:6]
        one["recorded"]["position"], other["recorded"]["position"] = 6, 5
        parts.lines[4:6] = [other, one]

    whole = honest.read_bytes()
    for change in (again, exchanged):
        honest.write_bytes(whole)
        assert is_refused(spoiled(honest, change))


@pytest.mark.parametrize("member", ["manifest.json", "answer.json", "events.jsonl"])
@pytest.mark.parametrize(
    "written",
    [
        lambda data: data.replace(b"{", b'{"position":1,"position":2,', 1),
        lambda data: data.replace(b"{", b'{"format":"x",', 1),
        lambda _: b"[" * 100_000,
        lambda _: b'{"a":' * 100_000,
        lambda data: data + b"}",
        lambda data: data[: len(data) // 2],
        lambda _: b"\xff\xfe\x00binary",
        lambda _: b"9" * 100_000,
        lambda _: b"NaN",
        lambda _: b"",
        lambda _: b"null",
    ],
)
def test_json_that_readers_could_read_in_two_ways_or_not_at_all_is_refused(
    honest: Path, member: str, written: Callable[[bytes], bytes]
) -> None:
    members = read(honest)
    members[member] = written(members[member])
    write(honest, members)
    assert is_refused(verify(honest))


def appended(data: bytes) -> bytes:
    return data + b"more"


def prefixed(data: bytes) -> bytes:
    return b"more" + data


def commented(data: bytes) -> bytes:
    return data[:-2] + struct.pack("<H", 4) + b"more"


def renamed_inside(data: bytes) -> bytes:
    return data.replace(b"answer.json", b"Answer.json", 1)


@pytest.mark.parametrize("change", [appended, prefixed, commented, renamed_inside])
def test_nothing_stands_before_or_after_the_members(honest: Path, change: Callable[[bytes], bytes]) -> None:
    honest.write_bytes(change(honest.read_bytes()))
    assert verify(honest) == "refused"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["answer.json", "manifest.json", "events.jsonl", "notes.txt"])
def test_each_member_stands_once_in_the_file(honest: Path, name: str) -> None:
    with zipfile.ZipFile(honest, "a") as archive:
        archive.writestr(name, "{}")
    assert verify(honest) == "refused"


def test_a_file_that_was_cut_or_is_none_is_refused_in_words(honest: Path) -> None:
    whole = honest.read_bytes()
    for cut in (*range(0, len(whole), len(whole) // 40), len(whole) - 1):
        honest.write_bytes(whole[:cut])
        assert verify(honest) == "refused"
    honest.write_bytes(random.Random(1).randbytes(5_000))
    assert verify(honest) == "refused"


def test_a_bundle_signed_by_another_key_or_for_another_log_is_refused(log: MemoryLog, file: Path) -> None:
    log.key = THIEF
    log.bundle(file, everything(AFTER, 21))
    assert not is_refused(verify(file, None))  # by its own word
    assert "no signature is of a trusted key" in said(verify(file))
