"""Key files: made once, for their owner alone."""

import re
import stat
import threading
from pathlib import Path

import pytest

from services.access.api_keys import ApiKeysError, Keyring, add_key
from services.evidence.notes.key_files import KeyFileError, load_key, load_or_create_key
from services.evidence.notes.notes import SignatureType, SignerKey
from services.system.files import SecretFileError, load_or_create_secret

LOG, WITNESS = SignatureType.ED25519, SignatureType.COSIGNATURE


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.key"
    made = load_or_create_key(path, LOG, "log.example/a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_or_create_key(path, LOG, "log.example/a") == made == load_key(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["log.key"]


def test_without_a_name_a_new_key_gets_one_and_keeps_it(tmp_path: Path) -> None:
    made = load_or_create_key(tmp_path / "log.key", LOG, None)
    assert re.fullmatch("localhost/taizhang/[0-9a-f]{16}", made.name)
    assert load_or_create_key(tmp_path / "log.key", LOG, None).name == made.name


@pytest.mark.parametrize("name", ["ledger.example", "ledger.example:8443/log", "a-b.example/t/2024_1", "w1"])
def test_the_name_of_a_new_key_is_an_address_without_a_scheme(tmp_path: Path, name: str) -> None:
    assert load_or_create_key(tmp_path / "log.key", LOG, name).name == name


@pytest.mark.parametrize(
    "name", ["https://ledger.example/log", "ledger.example/", "/log", "台账", "Ledger of the city", "a+b", "-a", "a//b"]
)
def test_another_name_is_refused_and_no_key_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyFileError, match=r"without a scheme, as ledger\.example/log"):
        load_or_create_key(tmp_path / "log.key", LOG, name)
    assert not (tmp_path / "log.key").exists()


def test_a_key_of_before_keeps_whatever_name_it_has(tmp_path: Path) -> None:
    made = SignerKey.generate("taizhang-0123456789abcdef", LOG)
    path = tmp_path / "log.key"
    path.write_text(f"{made.secret_text()}\n")
    path.chmod(0o600)
    assert load_or_create_key(path, LOG, None) == load_or_create_key(path, LOG, made.name) == made


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o601, 0o666, 0o777])
def test_a_key_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "log.key"
    load_or_create_key(path, LOG, None)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"has mode {mode:04o}.*chmod 600"):
        load_or_create_key(path, LOG, None)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666, 0o777])
def test_a_secret_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys" / "pseudonym.key"
    made = load_or_create_secret(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_secret(path) == made
    path.chmod(mode)
    with pytest.raises(SecretFileError, match=f"has mode {mode:04o}.*chmod 600"):
        load_or_create_secret(path)


@pytest.mark.parametrize("content", ["", "00" * 31, "00" * 33, "zz" * 32])
def test_a_mangled_secret_is_refused_and_not_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pseudonym.key"
    path.touch(0o600)
    path.write_text(content)
    with pytest.raises(SecretFileError, match="restore it from its backup"):
        load_or_create_secret(path)
    assert path.read_text() == content


def test_another_origin_than_the_key_s_is_refused(tmp_path: Path) -> None:
    load_or_create_key(tmp_path / "log.key", LOG, "log.example/a")
    with pytest.raises(KeyFileError, match="a log keeps its origin for ever"):
        load_or_create_key(tmp_path / "log.key", LOG, "log.example/b")


def test_a_key_of_the_other_type_is_refused(tmp_path: Path) -> None:
    load_or_create_key(tmp_path / "log.key", LOG, "log.example/a")
    with pytest.raises(KeyFileError, match="for ed25519, not for cosignature"):
        load_or_create_key(tmp_path / "log.key", WITNESS, "log.example/a")


@pytest.mark.parametrize("content", [b"", b"PRIVATE+KEY+a+b+c\n", b"\xff", b"x" * 5000])
def test_a_mangled_key_file_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.key"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match="does not hold a signer key"):
        load_or_create_key(path, LOG, None)
    assert path.read_bytes() == content


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read: No such file"):
        load_key(tmp_path / "log.key")


def test_two_that_start_at_once_get_one_key(tmp_path: Path) -> None:
    path, found, gate = tmp_path / "log.key", [], threading.Barrier(8)

    def start() -> None:
        gate.wait()
        found.append(load_or_create_key(path, LOG, None))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({key.name for key in found}) == 1


def test_a_file_of_api_keys_that_others_can_write_lets_nobody_in(tmp_path: Path) -> None:
    file = tmp_path / "api-keys.json"
    key = add_key(file, "office", frozenset({"operator"}), None)
    assert Keyring(file).holder(key) is not None
    file.chmod(0o666)
    with pytest.raises(ApiKeysError, match="can be written by others"):
        Keyring(file).holder(key)
