"""The ledger has witnesses cosign its head, serves what they signed, and a verifier counts them."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.identity import LogKeyError
from services.evidence.notes.key_files import load_or_create_key
from services.evidence.notes.notes import Note, NoteError, SignatureType, SignerKey, VerifierKey
from services.evidence.notes.signing import CheckpointSigner, LogContradictsError
from services.evidence.witness import seen
from services.evidence.witness.notary import Notary, WitnessedBy, read_witnesses
from services.evidence.witness.witness import AddCheckpoint, Witness, WitnessRefusalError
from services.log.tree import LOG
from tests.fix_service import Service, shell
from tests.small_city import fill
from tests.witnessing import served

pytestmark = pytest.mark.long

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


def told(watched: Watched, *witnesses: WitnessedBy, every_s: float = 60) -> dict[str, tuple[bool, str]]:
    """What readiness and measures say of the log's signature and of its witnesses."""
    with psycopg.connect(watched.conninfo, autocommit=True) as connection:
        found = seen.conditions(seen.signatories(connection, [each.key for each in witnesses], every_s))
    return {part: (ready, detail) for part, ready, detail in found}


def later(watched: Watched, seconds: int) -> None:
    """As if the last signatures were so long ago."""
    with psycopg.connect(watched.conninfo, autocommit=True) as connection:
        connection.execute(
            "UPDATE taizhang.head_seen SET signed_at = signed_at - make_interval(secs => %s)", (seconds,)
        )


def test_a_witness_that_falls_silent_is_red_after_two_intervals(watched: Watched) -> None:
    with served(watched.witness) as client:
        witness = WitnessedBy(KEY.verifier, str(client.base_url))
        watched.round(witness)
    assert told(watched, witness)["witnesses"] == (True, "office.example/w1 has signed 300 events")
    watched.round(witness)  # its server is gone
    assert told(watched, witness)["witnesses"][0]
    later(watched, 121)
    ready, detail = told(watched, witness)["witnesses"]
    assert not ready
    assert "office.example/w1 is silent" in detail
    # The log's own row was made by the last round; without rounds it is red, too.
    assert not told(watched)["log"][0]
    watched.round()
    assert told(watched)["log"] == (True, "the head of 300 events is signed")


def test_a_witness_that_refuses_is_red_at_once(watched: Watched, address: str) -> None:
    witness = WitnessedBy(KEY.verifier, address)
    watched.round(witness)
    with psycopg.connect(watched.conninfo, autocommit=True) as connection:
        for table in ("log", "tile_root"):
            connection.execute(f"ALTER TABLE taizhang.{table} DISABLE TRIGGER USER")
        connection.execute("DELETE FROM taizhang.log WHERE notification_id > 290")
    watched.signer._last_file.unlink()  # whoever rewrites the database has the folder of keys as well
    watched.signer._served = None
    watched.round(witness)
    ready, detail = told(watched, witness)["witnesses"]
    assert not ready
    assert "it signed 300 events, the log has 290" in detail


def test_a_fork_that_the_witness_was_shown_under_our_key_is_red(watched: Watched, address: str) -> None:
    witness = WitnessedBy(KEY.verifier, address)
    watched.round(witness)
    forged = Checkpoint(watched.key.name, 300, bytes(32)).sign(watched.key)
    with pytest.raises(WitnessRefusalError):
        watched.witness.add_checkpoint(AddCheckpoint(300, (), forged).to_bytes())
    watched.round(witness)
    ready, detail = told(watched, witness)["witnesses"]
    assert not ready
    assert "heads under this log's key that contradict the log" in detail


def test_a_lost_key_is_red_at_the_next_round(watched: Watched) -> None:
    watched.round()
    key_file = watched.signer._key_file
    key_file.rename(key_file.with_name("gone"))
    with pytest.raises(LogKeyError):
        watched.round()
    later(watched, 121)
    ready, detail = told(watched)["log"]
    assert not ready
    assert "taizhang log-key begin --because lost" in detail


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
        deadline = time.monotonic() + 60
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
