"""Files have one writer at a time, and are there whole or not at all."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.access.api_keys import Keyring, add_key, read_keys
from services.system.files import locked
from tests.fix_service import shell
from tests.fix_turn import Trials

pytestmark = pytest.mark.long

AT_ONCE = 6


def test_keys_made_at_once_are_all_kept(tmp_path: Path, trials: Trials) -> None:
    for trial in trials:
        path = tmp_path / str(trial) / "api-keys.json"
        with ThreadPoolExecutor(AT_ONCE) as pool:
            making = [pool.submit(add_key, path, f"holder-{n}", frozenset({"operator"}), None) for n in range(AT_ONCE)]
            made = [each.result() for each in making]
        keyring = Keyring(path)
        assert [getattr(keyring.holder(key), "name", None) for key in made] == [f"holder-{n}" for n in range(AT_ONCE)]


def test_keys_made_at_once_by_several_processes_are_all_kept(tmp_path: Path) -> None:
    """The first writer is held up until all have come."""
    path = tmp_path / "data" / "api-keys.json"
    path.parent.mkdir()

    def make(number: int) -> int:
        return shell("api-key", f"holder-{number}", "--role", "operator", data=str(path.parent)).returncode

    with ThreadPoolExecutor(AT_ONCE) as pool:
        with locked(path):
            made = [pool.submit(make, number) for number in range(AT_ONCE)]
        assert {each.result() for each in made} == {0}
    assert {key.name for key in read_keys(path).values()} == {f"holder-{number}" for number in range(AT_ONCE)}


def test_a_reader_sees_a_whole_file_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "api-keys.json"
    add_key(path, "first", frozenset({"operator"}), None)
    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(add_key, path, f"h-{n}", frozenset({"operator"}), None) for n in range(20)]
        seen = [len(json.loads(path.read_bytes())) for _ in range(200)]
        for each in writing:
            each.result()
    assert seen == sorted(seen)
    assert len(read_keys(path)) == 21
