"""A bundle that was made after the log's key was changed, for whoever knows only the key before."""

import json
from pathlib import Path

import pytest

from services.evidence.bundles.bundle import KEYS
from services.evidence.verifier.report import Report
from tests.forging import (
    AFTER,
    CHANGED_AT,
    KEY,
    NEW,
    THIEF,
    MemoryLog,
    changed,
    city,
    everything,
    is_refused,
    log_of,
    read,
    said,
    verify,
    write,
)


def bundle(log: MemoryLog, file: Path) -> Path:
    log.bundle(file, everything(AFTER, len(log.stored)))
    return file


def test_it_is_verified_by_the_old_key_and_by_the_new_one(tmp_path: Path) -> None:
    file = bundle(changed(), tmp_path / "bundle.zip")
    for key in (KEY.verifier, NEW.verifier):
        found = verify(file, key)
        assert isinstance(found, Report)
        assert (found.faults, found.statement) == ([], "follows")
        assert ("old and new key signed that" in str(found.good)) == (key == KEY.verifier)
    assert is_refused(verify(file, THIEF.verifier))


def test_a_log_that_never_changed_its_key_brings_no_history(tmp_path: Path) -> None:
    assert KEYS not in read(bundle(log_of(city()), tmp_path / "bundle.zip"))


def test_the_old_key_signs_nothing_beyond_the_change(tmp_path: Path) -> None:
    log = changed()
    log.key = KEY
    found = verify(bundle(log, tmp_path / "bundle.zip"))
    assert "signs none of more than 10" in said(found)
    del log.stored[CHANGED_AT:], log.leaves[CHANGED_AT:]
    assert not is_refused(verify(bundle(log, tmp_path / "before.zip")))


def test_a_key_that_was_lost_vouches_for_no_other_and_the_history_says_so(tmp_path: Path) -> None:
    file = bundle(changed("lost", NEW), tmp_path / "bundle.zip")
    assert is_refused(verify(file, KEY.verifier))
    assert not is_refused(verify(file, NEW.verifier))


@pytest.mark.parametrize("what", ["unsigned", "by the thief", "left out", "surplus"])
def test_a_history_that_was_touched_leads_nowhere(tmp_path: Path, what: str) -> None:
    file = bundle(changed(), tmp_path / "bundle.zip")
    members = read(file)
    history = json.loads(members[KEYS])
    match what:
        case "unsigned":
            del history["changes"][0]["signatures"][0]
        case "by the thief":
            history["changes"][0]["new_key"] = str(THIEF.verifier)
        case "left out":
            history["changes"].clear()
        case _:
            history["changes"][0]["surplus"] = 1
    write(file, members | {KEYS: json.dumps(history).encode()})
    assert is_refused(verify(file, KEY.verifier))
