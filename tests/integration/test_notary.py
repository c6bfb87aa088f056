"""The ledger has witnesses cosign its head, serves what they signed, and a verifier counts them."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.evidence.notes.checkpoint import open_checkpoint
from services.evidence.notes.key_files import load_or_create_key
from services.evidence.notes.notes import Note, NoteError, SignatureType, SignerKey, VerifierKey
from services.evidence.notes.signing import CheckpointSigner, LogContradictsError
from services.evidence.witness.notary import Notary, WitnessedBy, read_witnesses
from services.evidence.witness.witness import Witness
from services.log.tree import LOG
from tests.fix_service import Service, shell
from tests.small_city import fill
from tests.witnessing import served

KEY = SignerKey("office.example/w1", SignatureType.COSIGNATURE, bytes(range(32)))
OTHER = SignerKey("other.example/w2", SignatureType.COSIGNATURE, bytes(range(1, 33)))


class Watched:
    """A log of 300 events, its signer, and a witness that trusts it."""

    def __init__(self, conninfo: str, folder: Path) -> None:
        fill(conninfo, 300)
        self.conninfo = conninfo
        key_file = folder / "keys" / "log.key"
        self.key = load_or_create_key(key_file, SignatureType.ED25519, "log.example/watched")
        self.signer = CheckpointSigner(key_file)
        self.witness = Witness(KEY, [self.key.verifier], folder / "witness.sqlite3")

    def round(self, *witnesses: WitnessedBy) -> list[VerifierKey]:
        """One round of a notary that has just been started; who has signed the log's last cosigned checkpoint."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            Notary(self.conninfo, [self.signer], witnesses, 60).round(connection)
        note = self.signer.cosigned()
        keys = [self.key.verifier, KEY.verifier, OTHER.verifier]
        return [] if note is None else [key for key, _ in Note.parse(note).verified_by(keys)]

    def checkpoint(self) -> bytes:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            return self.signer.checkpoint(connection)


@pytest.fixture
def watched(database: str, tmp_path: Path) -> Watched:
    return Watched(database, tmp_path)


@pytest.fixture
def address(watched: Watched) -> Iterator[str]:
    with served(watched.witness) as client:
        yield str(client.base_url)


def test_the_head_carries_the_witness_s_signature_while_it_is_the_head(watched: Watched, address: str) -> None:
    assert watched.round(WitnessedBy(KEY.verifier, address)) == [watched.key.verifier, KEY.verifier]
    assert watched.checkpoint() == watched.signer.cosigned()
    fill(watched.conninfo, 10, skip=300)
    time.sleep(1.1)  # a checkpoint is served again for a second
    assert open_checkpoint(watched.checkpoint(), watched.key.verifier)[0].size == 310
    assert len(Note.parse(watched.checkpoint()).signatures) == 1
    # A notary that was started anew does not know what the witness saw, and is told.
    assert watched.round(WitnessedBy(KEY.verifier, address)) == [watched.key.verifier, KEY.verifier]
    assert watched.witness.latest_size(watched.key.name) == 310


def test_a_witness_that_is_silent_or_another_s_leaves_the_rest_in_force(watched: Watched, address: str) -> None:
    silent = WitnessedBy(OTHER.verifier, "http://127.0.0.1:1")
    stranger = WitnessedBy(OTHER.verifier, address)
    assert watched.round(silent, stranger) == []
    assert watched.round(silent, WitnessedBy(KEY.verifier, address)) == [watched.key.verifier, KEY.verifier]


def test_a_log_that_was_cut_back_gets_no_signature_of_its_own_or_of_a_witness(watched: Watched, address: str) -> None:
    witnessed = WitnessedBy(KEY.verifier, address)
    watched.round(witnessed)
    kept = watched.signer.cosigned()
    with psycopg.connect(watched.conninfo, autocommit=True) as connection:
        for table in ("log", "tile_root"):
            connection.execute(f"ALTER TABLE taizhang.{table} DISABLE TRIGGER USER")
        connection.execute("DELETE FROM taizhang.log WHERE notification_id > 290")
        assert LOG.size(connection) == 290
    time.sleep(1.1)
    with pytest.raises(LogContradictsError, match="291 to 300 are gone"):
        watched.round(witnessed)
    watched.signer._last_file.unlink()
    watched.round(witnessed)
    assert watched.signer.cosigned() == kept
    assert watched.witness.latest_size(watched.key.name) == 300


def test_the_setting_names_keys_and_addresses() -> None:
    text = f"{KEY.verifier} http://a:1/, {OTHER.verifier} https://b"
    assert read_witnesses(text) == [WitnessedBy(KEY.verifier, "http://a:1"), WitnessedBy(OTHER.verifier, "https://b")]
    assert read_witnesses("") == []
    with pytest.raises(NoteError):
        read_witnesses("office.example/w1+00000000+BAAA http://a:1")


def test_a_service_collects_cosignatures_and_a_verifier_counts_them(database: str, tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path / "data" / "keys" / "log.key", SignatureType.ED25519, "log.example/served")
    fill(database, 50)
    with (
        served(Witness(KEY, [key.verifier], tmp_path / "witness.sqlite3")) as client,
        Service(
            tmp_path, "--dev", database_url=database, witnesses=f"{KEY.verifier} {client.base_url}",
            checkpoint_seconds="1",
        ) as service,
    ):  # fmt: skip
        deadline = time.monotonic() + 30
        while service.http.get("/v1/log/checkpoint/cosigned").status_code != 200:
            assert time.monotonic() < deadline, service.log.read_text()
            time.sleep(0.1)
        both = ("--witness-key", str(KEY.verifier), "--witness-key", str(OTHER.verifier))
        one = shell("verify", service.url, *both, "--quorum", "1")
        assert one.returncode == 0, one.stdout + one.stderr
        assert "1 of 2 witnesses have signed, 1 must" in one.stdout
        two = shell("verify", service.url, *both)
        assert two.returncode == 1
        assert "no checkpoint is signed by witness other.example/w2" in two.stdout
        # At the ledger the witnesses that the settings name are asked, and one that is silent is told of.
        own = {"database_url": database, "data": str(tmp_path / "data")}
        asked = shell("verify", "--log-only", **own, witnesses=f"{KEY.verifier} {client.base_url}")
        assert asked.returncode == 0, asked.stdout + asked.stderr
        assert "1 of 1 witnesses have signed, 1 must" in asked.stdout
        silent = shell("verify", "--log-only", **own, witnesses=f"{OTHER.verifier} http://127.0.0.1:1")
        assert silent.returncode == 1
        assert "witness http://127.0.0.1:1 is silent" in silent.stdout
