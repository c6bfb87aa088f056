"""What an operator of the database can do to the log, and what the verifier says of it."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from domain.tree.leaf import Blinding, leaf_of, record_of
from domain.tree.merkle import Frontier, leaf_hash
from domain.tree.proofs import consistency_proof
from services.evidence.copies.copies import export_log
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.key_files import load_or_create_key
from services.evidence.notes.notes import SignatureType, SignerKey
from services.evidence.notes.signing import CheckpointSigner
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_copy, audit_database
from services.evidence.verifier.report import Report
from services.evidence.witness.witness import AddCheckpoint, Witness, WitnessRefusalError
from services.log.blinding import erase
from services.log.tree import LOG
from tests.fix_store import Databases
from tests.small_city import fill

pytestmark = pytest.mark.long

SIZE = 9_000
WITNESS = SignerKey("witness.example/w1", SignatureType.COSIGNATURE, bytes(range(32)))
SHIFT = (
    "UPDATE taizhang.log SET notification_id = -notification_id WHERE notification_id >= {0}",
    "UPDATE taizhang.log SET notification_id = -notification_id + {1} WHERE notification_id < 0",
)
INSERT = """
INSERT INTO taizhang.log (originator_id, originator_version, topic, state, notification_id, source, id, subject,
    effective_on, recorded_at, publisher, intake, raw_sha256, content_sha256, leaf_hash)
SELECT gen_random_uuid(), 1, topic, state, 700, source, 'inserted', subject, effective_on, recorded_at, publisher,
    intake, raw_sha256, content_sha256, leaf_hash FROM taizhang.log WHERE notification_id = 699
"""


class Ledger:
    """A database with a log whose checkpoint of the first 8,000 events was signed, saved and witnessed."""

    def __init__(self, conninfo: str, folder: Path) -> None:
        self.conninfo, self.folder = conninfo, folder
        self.key_file = folder / "keys" / "log.key"
        self.key = load_or_create_key(self.key_file, SignatureType.ED25519, "log.example/test")
        self.witness = Witness(WITNESS, [self.key.verifier], folder / "witness.sqlite3")
        self.saved = folder / "saved-checkpoint"

    def fill(self) -> None:
        fill(self.conninfo, 8_000)
        self.saved.write_bytes(self.checkpoint())
        self.witness.add_checkpoint(AddCheckpoint(0, (), self.saved.read_bytes()).to_bytes())
        fill(self.conninfo, SIZE - 8_000, skip=8_000)

    def checkpoint(self) -> bytes:
        with psycopg.connect(self.conninfo) as connection:
            return CheckpointSigner(self.key_file).checkpoint(connection)

    def forget_checkpoint(self) -> None:
        self.key_file.with_name("log.key.checkpoint").unlink(missing_ok=True)

    def as_superuser(self, *statements: str) -> None:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            for table in ("log", "tile_root", "blinding"):
                connection.execute(f"ALTER TABLE taizhang.{table} DISABLE TRIGGER USER")
                connection.execute(
                    f"ALTER TABLE taizhang.{table} DROP CONSTRAINT IF EXISTS {table}_notification_id_check"
                )
            for statement in statements:
                connection.execute(statement)

    def verify(self, *, saved: bool = False, witnessed: bool = False, workers: int = 1) -> Report:
        checkpoints = [self.saved] if saved else []
        if witnessed:
            cosigned = self.folder / "cosigned"
            cosigned.write_bytes(self.witness.latest(self.key.name) or b"")
            checkpoints.append(cosigned)
        asked = Asked(
            log_key=self.key.verifier,
            checkpoints=checkpoints,
            witness_keys=[WITNESS.verifier] if witnessed else [],
            workers=workers,
            log_only=True,
        )
        return audit_database(self.conninfo, self.key_file, asked, lambda _: None, lambda _: None)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the one ledger that is filled, for each test to copy."""
    return tmp_path_factory.mktemp("original")


@pytest.fixture
def ledger(databases: Databases, original: Path, tmp_path: Path) -> Iterator[Ledger]:
    with databases.like("ledger", lambda conninfo: Ledger(conninfo, original).fill()) as conninfo:
        shutil.copytree(original, tmp_path / "own")
        yield Ledger(conninfo, tmp_path / "own")


def test_an_untouched_log_passes_every_check(ledger: Ledger) -> None:
    report = ledger.verify(saved=True, witnessed=True)
    assert report.first is None
    said = "\n".join(english for _, english in report.good)
    assert f"{SIZE:,} events: raw bytes, recorded values and leaves agree" in said
    assert "agrees with saved-checkpoint (8,000 events)" in said
    assert "witness witness.example/w1 has signed" in said


def test_several_processes_find_what_one_finds(ledger: Ledger) -> None:
    ledger.as_superuser("UPDATE taizhang.log SET state = state || ' '::bytea WHERE notification_id IN (8191, 8193)")
    one, two = ledger.verify(), ledger.verify(workers=2)
    assert one == two
    assert [fault.position for fault in two.faults] == [8191, 8193]


UPDATE = "UPDATE taizhang.log SET {0} WHERE notification_id = {1}"
CHANGES = {
    "state = replace(convert_from(state, 'UTF8'), '快递', '送餐')::bytea": "the raw bytes were changed",
    "state = state || ' '::bytea": "the raw bytes were changed",
    "state = state || ' '::bytea, raw_sha256 = sha256(state || ' '::bytea)": "raw_sha256",
    "source = '/registry/other'": "source, id",
    "id = 'other'": "source, id",
    "recorded_at = recorded_at + interval '1 microsecond'": "recorded_at",
    "publisher = 'other'": "publisher",
    'intake = \'{"channel":"http","request":"other","index":1}\'': "intake",
    "raw_sha256 = sha256('other')": "the raw bytes were changed",
    "leaf_hash = sha256('other')": "leaf_hash was changed",
    "content_sha256 = sha256('other')": "column content_sha256",
    "topic = 'taizhang.organization.readmitted.v1'": "column topic",
    "subject = 'group:other'": "column subject",
    "effective_on = '2023-01-01'": "column effective_on",
    "originator_id = gen_random_uuid()": "column originator_id",
}


def test_a_change_to_any_value_is_named_with_its_position(ledger: Ledger) -> None:
    registered = range(4001, 9000, 16)  # each tells of a group's registration
    changes = dict(zip(registered, CHANGES.items(), strict=False))
    ledger.as_superuser(*(UPDATE.format(change, position) for position, (change, _) in changes.items()))
    report = ledger.verify()
    assert report.first is not None
    assert report.first.position == 4001
    for position, (change, words) in changes.items():
        said = [fault.english for fault in report.faults if fault.position == position]
        assert any(words in each for each in said), (change, said)
    exact = {fault.position for fault in report.faults if fault.last is None}
    assert exact - {position + 1 for position in changes} == set(changes)


def test_a_deleted_row_is_named(ledger: Ledger) -> None:
    ledger.as_superuser("DELETE FROM taizhang.log WHERE notification_id = 777")
    report = ledger.verify()
    assert report.first is not None
    assert (report.first.position, report.first.chinese) == (777, "事件缺失")


def test_a_deleted_row_is_named_where_the_gap_was_closed(ledger: Ledger) -> None:
    ledger.as_superuser("DELETE FROM taizhang.log WHERE notification_id = 777", *shift(777, by=-1))
    report = ledger.verify()
    assert report.first is not None
    assert report.first.position == 777
    assert "here stands the event of position 778" in report.first.english


def test_two_swapped_rows_are_named_with_each_other(ledger: Ledger) -> None:
    ledger.as_superuser(
        "UPDATE taizhang.log SET notification_id = -1 WHERE notification_id = 500",
        "UPDATE taizhang.log SET notification_id = 500 WHERE notification_id = 7000",
        "UPDATE taizhang.log SET notification_id = 7000 WHERE notification_id = -1",
    )
    report = ledger.verify()
    assert report.first is not None
    assert report.first.position == 500
    assert "here stands the event of position 7000" in report.first.english
    assert any(
        fault.position == 7000 and "here stands the event of position 500" in fault.english for fault in report.faults
    )


def test_a_cut_tail_is_named_by_the_tiles_and_by_the_last_checkpoint(ledger: Ledger) -> None:
    ledger.checkpoint()
    ledger.as_superuser("DELETE FROM taizhang.log WHERE notification_id > 8990")
    report = ledger.verify()
    assert report.first is not None
    assert report.first.position == 8991
    assert "is of 9000 events, the log ends at position 8990" in report.first.english
    ledger.forget_checkpoint()
    ledger.as_superuser("DELETE FROM taizhang.log WHERE notification_id > 8900")
    report = ledger.verify()
    assert report.first is not None
    assert report.first.position == 8901
    assert "the tile roots tell of at least 8960 events" in report.first.english


def test_an_event_inserted_in_the_past_is_named(ledger: Ledger) -> None:
    ledger.as_superuser(*shift(700, by=1), INSERT)
    report = ledger.verify()
    assert report.first is not None
    assert report.first.position == 700
    assert any(
        fault.position == 701 and "here stands the event of position 700" in fault.english for fault in report.faults
    )


def test_a_leaf_hash_made_to_fit_is_found_by_its_tile(ledger: Ledger) -> None:
    rewrite(ledger, tiles=False)
    report = ledger.verify()
    assert report.first is not None
    assert report.first.position == 4097  # the tile that holds the changed position 4321
    assert "an event from position 4097 to 4352 was changed with its leaf hash" in report.first.english


ERASE = "UPDATE taizhang.blinding SET value = NULL, commitment = sha256(value) WHERE position = 700"
SWAP = """
UPDATE taizhang.blinding SET value = (SELECT value FROM taizhang.blinding WHERE position = 701) WHERE position = 700
"""


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE taizhang.blinding SET value = sha256(value) WHERE position = 700", "the leaf of the recorded values"),
        (SWAP, "the leaf of the recorded values"),
        ("DELETE FROM taizhang.blinding WHERE position = 700", "its leaf is open, and leaves before it are blinded"),
        (ERASE, "the leaf of the recorded values"),
    ],
    ids=["changed", "of another", "deleted", "erased with another commitment"],
)  # fmt: skip
def test_a_blinding_value_that_was_changed_swapped_or_taken_away_is_named(
    ledger: Ledger, statement: str, words: str
) -> None:
    ledger.as_superuser(statement)
    report = ledger.verify()
    assert report.first is not None
    assert report.first.position == 700
    assert any(words in fault.english for fault in report.faults if fault.position == 700)


def test_a_value_that_goes_without_a_word_of_the_log_is_named(ledger: Ledger) -> None:
    """With the commitment that it made, so that the tree stays whole."""
    with psycopg.connect(ledger.conninfo, autocommit=True) as connection, connection.cursor() as cursor:
        assert erase(cursor, [700, 701]) == [700, 701]
    report = ledger.verify()
    assert [(fault.position, fault.chinese) for fault in report.faults] == [
        (700, "隐藏值缺失而无声明"), (701, "隐藏值缺失而无声明"),
    ]  # fmt: skip


def test_a_deleted_tile_root_is_named(ledger: Ledger) -> None:
    ledger.as_superuser("DELETE FROM taizhang.tile_root WHERE level = 1 AND index = 3")
    report = ledger.verify()
    assert report.first is not None
    assert (report.first.position, report.first.chinese) == (769, "树节点缺失")


def test_a_log_rewritten_with_all_hashes_passes_inside_and_fails_against_what_left_the_house(ledger: Ledger) -> None:
    rewrite(ledger, tiles=True)
    ledger.forget_checkpoint()
    forged = ledger.checkpoint()
    assert open_checkpoint(forged, ledger.key.verifier)[0].size == SIZE
    inside = ledger.verify()
    assert inside.first is None
    for report in (ledger.verify(saved=True), ledger.verify(witnessed=True)):
        assert report.first is not None
        assert report.first.position == 1
        assert re.search(r"contradicts \S+: an event from position 1 to 8000 was changed", report.first.english)
    with psycopg.connect(ledger.conninfo) as connection:
        leaves = LOG.hashes_at(connection, 0, 0, SIZE)
    proof = consistency_proof(leaves, 8_000)
    with pytest.raises(WitnessRefusalError, match="does not extend that of 8000 which this witness signed"):
        ledger.witness.add_checkpoint(AddCheckpoint(8_000, tuple(proof), forged).to_bytes())


def test_an_earlier_checkpoint_that_still_agrees_narrows_down_where(ledger: Ledger, tmp_path: Path) -> None:
    with psycopg.connect(ledger.conninfo) as connection:
        leaves = LOG.hashes_at(connection, 0, 0, SIZE)
    frontier = Frontier()
    frontier.extend(leaves[:4_000])
    early = tmp_path / "early"
    early.write_bytes(Checkpoint(ledger.key.name, 4_000, frontier.root()).sign(ledger.key))
    rewrite(ledger, tiles=True)
    asked = Asked(log_key=ledger.key.verifier, checkpoints=[early, ledger.saved], workers=1)
    ledger.forget_checkpoint()
    report = audit_database(ledger.conninfo, ledger.key_file, asked, lambda _: None, lambda _: None)
    assert report.first is not None
    assert report.first.position == 4_001
    assert "an event from position 4001 to 8000 was changed" in report.first.english


@pytest.mark.parametrize(
    ("name", "spoil", "position", "words"),
    [
        ("raw/016", lambda data: data.replace(b"group:g-2600", b"group:g-2601", 1), None, "the raw bytes were changed"),
        ("raw/016", lambda data: data[:-1], 4097, "the bundle is cut"),
        ("raw/016", lambda data: data.replace(b"group-registry", b"group-Registry", 1), 4097, "does not open the leaf"),
        ("raw/016", lambda data: data.replace(b'"blinding":"', b'"blinding":"0', 1)[:-1], 4097, "cut"),
        ("tile/entries/016", lambda data: data.replace(b'":4097}', b'":4096}', 1), 4097, "does not open the leaf"),
        ("tile/0/016", lambda data: data[:32] + data[:32] + data[64:], 4098, "leaf_hash was changed"),
    ],
)
def test_a_changed_copy_is_named(  # noqa: PLR0917 -- what is spoilt, how, and what is said of it
    ledger: Ledger, tmp_path: Path, name: str, spoil: Callable[[bytes], bytes], position: int | None, words: str
) -> None:
    folder = tmp_path / "copy"
    with psycopg.connect(ledger.conninfo) as connection:
        assert export_log(connection, CheckpointSigner(ledger.key_file), folder) == SIZE
    asked = Asked(log_key=ledger.key.verifier, checkpoints=[ledger.saved], workers=1)
    assert audit_copy(str(folder), None, asked, lambda _: None, lambda _: None).first is None
    spoilt = spoil((folder / name).read_bytes())
    assert spoilt != (folder / name).read_bytes()
    (folder / name).write_bytes(spoilt)
    report = audit_copy(str(folder), None, asked, lambda _: None, lambda _: None)
    assert report.first is not None
    assert words in report.first.english
    assert report.first.position == position or (position is None and report.first.position in range(4097, 4353))


def shift(first: int, *, by: int) -> list[str]:
    return [statement.format(first, by) for statement in SHIFT]


def rewrite(ledger: Ledger, *, tiles: bool) -> None:
    """Change position 4321 and everything that depends on it: as thorough as the database allows."""
    with psycopg.connect(ledger.conninfo, autocommit=True) as connection:
        row = connection.execute(
            "SELECT source, id, sha256(state), recorded_at, intake, value FROM taizhang.log JOIN taizhang.blinding"
            " ON position = notification_id WHERE notification_id = 4321"
        ).fetchone()
        assert row is not None
        source, id_, digest, recorded_at, intake, value = row
        record = record_of(4321, source, id_, digest, recorded_at, "someone-else", intake)
        made = leaf_hash(leaf_of(4321, record, Blinding(value)))
        leaves = LOG.hashes_at(connection, 0, 0, SIZE)
    leaves[4320] = made
    ledger.as_superuser()
    with psycopg.connect(ledger.conninfo, autocommit=True) as connection:
        connection.execute(
            "UPDATE taizhang.log SET publisher = 'someone-else', leaf_hash = %s WHERE notification_id = 4321", (made,)
        )
        for level, index, value in Frontier().extend(leaves) if tiles else ():
            connection.execute(
                "UPDATE taizhang.tile_root SET hash = %s WHERE level = %s AND index = %s", (value, level, index)
            )
