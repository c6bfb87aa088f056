"""Copies of a log as they may be handed on: whatever is in their files is refused, or unreadable, in words."""

import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from services.evidence.copies.copies import CopyError
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import LOG_SIZE_MAX, audit_copy
from services.evidence.verifier.report import Report
from services.log.tiles import encode_bundle
from tests.forging import KEY, city, log_of
from tests.forging_copies import audited, copy_of, verify


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "copy.zip"


def test_a_copy_is_the_whole_log(file: Path) -> None:
    found = verify(file, copy_of(log_of(city())))
    assert isinstance(found, Report)
    assert (found.faults, found.statement, found.partial) == ([], "in the log", False)


def test_no_byte_of_a_copy_can_be_changed(file: Path) -> None:
    whole, rng = copy_of(log_of(city())), random.Random(7)
    for _ in range(300):
        name = rng.choice(list(whole))
        data = bytearray(whole[name])
        at = rng.randrange(len(data))
        match rng.randrange(3):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at:]
            case _:
                data[at:at] = rng.choice([b"[" * 5_000, b"\n", b"\xff", b"{}"])
        found = verify(file, {**whole, name: bytes(data)})
        # A key that is given is used, whatever the copy brings.
        assert name == "key" or isinstance(found, str) or found.first is not None, (name, at)


@pytest.mark.parametrize(
    "raw",
    [b"[]", b"null", b"7", b'{"a":' * 50_000, b"[" * 50_000, b"\xff", b"", b'{"source":[],"id":{}}'],
    ids=["list", "null", "number", "deep object", "deep list", "binary", "nothing", "names"],
)
def test_what_is_no_event_is_named_by_its_position(file: Path, raw: bytes) -> None:
    log = log_of(city(4))
    third = log.stored[2]
    log.stored[2] = third._replace(raw=raw)
    found = verify(file, copy_of(log))
    assert isinstance(found, Report)
    assert found.first is not None
    assert found.first.position == 3


def test_a_head_of_more_events_than_any_log_has_is_unreadable(file: Path) -> None:
    files = copy_of(log_of(city(4)))
    files["checkpoint"] = Checkpoint(KEY.name, LOG_SIZE_MAX + 1, bytes(32)).sign(KEY)
    assert "at most" in str(verify(file, files))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_stands_twice_is_unreadable(file: Path) -> None:
    verify(file, copy_of(log_of(city(4))))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("checkpoint", "other")
    assert "holds checkpoint twice" in str(audited(file))


@pytest.mark.parametrize("name", ["x" * 5_000, "/dev/zero", "/nowhere", ""])
def test_what_is_not_there_is_unreadable(name: str) -> None:
    with pytest.raises(CopyError):
        audit_copy(name or "missing", None, Asked(), lambda _: None, lambda _: None)


@pytest.mark.parametrize("change", [lambda d: d[:100], lambda d: d[:-30], lambda _: random.Random(3).randbytes(4_000)])
def test_a_file_that_was_cut_or_is_none_is_unreadable(file: Path, change: Callable[[bytes], bytes]) -> None:
    verify(file, copy_of(log_of(city(4))))
    file.write_bytes(change(file.read_bytes()))
    assert "no ZIP file that can be read" in str(audited(file))


def test_a_name_that_stands_twice_in_an_entry_is_found(file: Path) -> None:
    log = log_of(city(4), blinded=False)
    files = copy_of(log)
    entries = [each.leaf(each.position) for each in log.stored]
    entries[1] = entries[1].replace(b'"publisher"', b'"publisher":"x","publisher"', 1)
    assert json.loads(entries[1])["publisher"] == "office"
    files[f"tile/entries/000.p/{len(entries)}"] = encode_bundle(entries)
    found = verify(file, files)
    assert isinstance(found, Report)
    assert found.first is not None
    assert found.first.position == 2
