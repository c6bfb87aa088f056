"""Drills with the log's key: rotated, lost, leaked, another's, on two hosts; tried by removing and swapping files."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest

from domain.events.evidence import Because
from domain.ledger.rates import Filters
from services.access.reading_trail import READINGS
from services.evidence.bundles.answers import fold
from services.evidence.bundles.bundle import Contents, Question, write_bundle
from services.evidence.bundles.relevant import relevant
from services.evidence.copies.copies import export_log
from services.evidence.copies.stored import DatabaseLog
from services.evidence.keys import changing
from services.evidence.keys.changing import change_key
from services.evidence.notes.beside_key import key_for, last_file
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.identity import SOURCE, LogKeyError, history
from services.evidence.notes.key_files import load_key
from services.evidence.notes.key_history import Change
from services.evidence.notes.notes import SignatureType, SignerKey, VerifierKey
from services.evidence.notes.signing import CheckpointSigner, LogContradictsError
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_bundle, audit_copy, audit_database
from services.evidence.verifier.report import Report
from services.intake.intake import Intake
from services.log.tree import LOG
from tests.fix_store import Databases
from tests.sending import STEWARD, envelope, http
from tests.small_city import fill

pytestmark = pytest.mark.long

ORIGIN = "log.example/keys"


class Host:
    """A host with a folder of keys of its own, on a database that others may have too."""

    def __init__(self, conninfo: str, folder: Path) -> None:
        self.conninfo, self.folder = conninfo, folder
        self.key_file = folder / "keys" / "log.key"

    def sign(self) -> tuple[Checkpoint, VerifierKey]:
        """The log's head, signed by a process that has just been started, and whose signature it is."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            CheckpointSigner(self.key_file, ORIGIN, READINGS).checkpoint(connection)
            signer = CheckpointSigner(self.key_file, ORIGIN)
            note = signer.checkpoint(connection)
        return open_checkpoint(note, signer.verifier)[0], signer.verifier

    def change(self, because: Because, origin: str | None = ORIGIN) -> Change:
        return change_key(self.conninfo, self.key_file, because, origin)

    def files(self) -> set[str]:
        return {each.name for each in self.key_file.parent.iterdir() if not each.name.endswith(".lock")}

    def verify(self, key: VerifierKey, *checkpoints: Path) -> Report:
        asked = Asked(log_key=key, checkpoints=checkpoints, workers=1)
        return audit_database(self.conninfo, self.key_file, asked, lambda _: None, lambda _: None)


@pytest.fixture
def host(databases: Databases, tmp_path: Path) -> Iterator[Host]:
    with databases.like("forty", lambda conninfo: fill(conninfo, 40)) as conninfo:
        yield Host(conninfo, tmp_path / "one")


def english(report: Report) -> str:
    return "\n".join([said for _, said in [*report.good, *report.unshown]] + [each.english for each in report.faults])


def test_a_rotation_is_signed_by_both_and_followed_from_the_old_key(host: Host, tmp_path: Path) -> None:
    before, old = host.sign()
    kept = tmp_path / "kept"
    shutil.copy(last_file(host.key_file), kept)
    running = CheckpointSigner(host.key_file, ORIGIN)
    with psycopg.connect(host.conninfo, autocommit=True) as connection:
        running.checkpoint(connection)
        change = host.change("rotated")
        # A process that served the head a moment ago serves it under the new key at once.
        assert open_checkpoint(running.checkpoint(connection), change.new)[0].size == 41
    assert (change.epoch, change.size, change.old, old.name) == (2, before.size, old, change.new.name)
    assert host.sign()[1] == change.new != old
    assert {"log.key", "log.key.epoch-1"} <= host.files()
    assert "log.key.next" not in host.files()
    for key in (old, change.new):
        report = host.verify(key, kept)
        assert report.first is None, english(report)
    assert "old and new key signed that" in english(host.verify(old))
    # The trail of reading is signed by the new key, too, and goes on from where it was.
    open_checkpoint(last_file(host.key_file, READINGS).read_bytes(), key_for(change.new, READINGS))
    # A copy carries the history along.
    with psycopg.connect(host.conninfo, autocommit=True) as connection:
        export_log(connection, running, tmp_path / "copy")
    copied = audit_copy(str(tmp_path / "copy"), None, Asked(log_key=old, workers=1), lambda _: None, lambda _: None)
    assert copied.first is None
    assert "old and new key signed that" in english(copied)
    again = host.change("rotated")
    assert (again.epoch, again.old) == (3, change.new)
    assert host.verify(old, kept).first is None


def test_a_bundle_made_after_a_rotation_is_verified_by_who_knows_only_the_old_key(host: Host, tmp_path: Path) -> None:
    _, old = host.sign()
    change, file = host.change("rotated"), tmp_path / "bundle.zip"
    with psycopg.connect(host.conninfo, autocommit=True) as connection, closing(DatabaseLog(host.conninfo)) as log:
        events = list(log.known(40))
        question = Question(date(2024, 12, 31), 40, (), Filters())
        orgs = question.with_group(row.org for row in fold(events, question.as_of).rows() if question.means(row))
        write_bundle(connection, CheckpointSigner(host.key_file, ORIGIN), log,
                     Contents(question, orgs, relevant(events, orgs)), file)  # fmt: skip
    for key in (old, change.new):
        found = audit_bundle(file, Asked(log_key=key))
        assert (found.first, found.statement) == (None, "follows"), english(found)
    stranger = SignerKey(ORIGIN, SignatureType.ED25519, bytes(range(32))).verifier
    assert audit_bundle(file, Asked(log_key=stranger)).first is not None


def test_the_old_key_signs_nothing_after_a_rotation(host: Host, tmp_path: Path) -> None:
    _, old = host.sign()
    host.change("rotated")
    checkpoint, _ = host.sign()
    stolen = load_key(host.key_file.with_name("log.key.epoch-1"))
    late = tmp_path / "late"
    late.write_bytes(checkpoint.sign(stolen))
    report = host.verify(old, late)
    assert "which was rotated, signs none of more than 40" in str(report.first)
    # Nor does a host that still has it, whoever put it back.
    shutil.copy(host.key_file.with_name("log.key.epoch-1"), host.key_file)
    with pytest.raises(LogKeyError, match="an earlier epoch's"):
        host.sign()


def test_a_rotation_that_is_cut_off_is_finished_by_the_next_who_signs(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, old = host.sign()
    monkeypatch.setattr(changing, "put_in_place", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        host.change("rotated")
    assert load_key(host.key_file).verifier == old
    monkeypatch.undo()
    checkpoint, new = host.sign()
    assert (new != old, checkpoint.size) == (True, 41)
    assert host.verify(old).first is None
    assert host.change("rotated").epoch == 3


def test_a_lost_key_is_never_made_anew_but_by_the_command(host: Host) -> None:
    checkpoint, old = host.sign()
    host.key_file.unlink()
    for _ in range(2):
        with pytest.raises(LogKeyError, match="begin --because lost"):
            host.sign()
    assert "log.key" not in host.files()
    with pytest.raises(LogKeyError, match="the old key signs a rotation"):
        host.change("rotated")
    change = host.change("lost")
    assert (change.size, host.sign()[1]) == (checkpoint.size, change.new)
    assert change.new.name == old.name
    # Who knows the old key only is told, and does not take the new one's word for it.
    report = host.verify(old)
    assert "no signature is of a trusted key" in str(report.first)
    assert "since the one before was lost" in english(report)
    assert host.verify(change.new).first is None


def test_a_key_that_is_there_is_not_lost(host: Host) -> None:
    host.sign()
    with pytest.raises(LogKeyError, match="not lost"):
        host.change("lost")


def test_a_leaked_key_signs_nothing_that_the_log_did_not_have(host: Host, tmp_path: Path) -> None:
    _, old = host.sign()
    thief = load_key(host.key_file)
    change = host.change("leaked")
    assert host.verify(change.new).first is None
    forged = tmp_path / "forged"
    for size, root_hash, said in ((41, bytes(32), "which was leaked"), (30, bytes(32), "contradicts")):
        forged.write_bytes(Checkpoint(old.name, size, root_hash).sign(thief))
        assert said in str(host.verify(change.new, forged).first)


def test_a_rewritten_log_is_no_ground_for_a_new_key(host: Host) -> None:
    host.sign()
    with psycopg.connect(host.conninfo, autocommit=True) as connection:
        for table in ("log", "tile_root"):
            connection.execute(f"ALTER TABLE taizhang.{table} DISABLE TRIGGER USER")
        connection.execute("DELETE FROM taizhang.log WHERE notification_id > 30")
    with pytest.raises(LogContradictsError, match="31 to 40 are gone"):
        host.change("rotated")


def test_two_hosts_use_one_key_or_the_second_refuses_in_words(host: Host, tmp_path: Path) -> None:
    _, key = host.sign()
    other = Host(host.conninfo, tmp_path / "two")
    with pytest.raises(LogKeyError, match="is not there: put the file back from the backup of the keys or from the"):
        other.sign()
    assert not other.key_file.exists()
    with psycopg.connect(host.conninfo, autocommit=True) as connection:
        found = history(connection)
    assert found is not None
    assert found.current == key
    shutil.copytree(host.key_file.parent, other.key_file.parent, dirs_exist_ok=True)
    assert other.sign()[1] == key


def test_of_two_hosts_that_begin_a_log_one_is_first(database: str, tmp_path: Path) -> None:
    fill(database, 5)
    one, two = Host(database, tmp_path / "one"), Host(database, tmp_path / "two")
    two.key_file.parent.mkdir(parents=True)
    early = SignerKey.generate(ORIGIN, SignatureType.ED25519)
    two.key_file.write_text(early.secret_text())
    two.key_file.chmod(0o600)
    _, key = one.sign()
    with pytest.raises(LogKeyError, match="another log's"):
        two.sign()
    assert one.sign()[1] == key


def test_a_key_without_its_log_signs_no_other(host: Host) -> None:
    host.sign()
    with psycopg.connect(host.conninfo, autocommit=True) as connection:
        connection.execute("ALTER TABLE taizhang.log_identity DISABLE TRIGGER USER")
        connection.execute("DELETE FROM taizhang.log_identity")
        for table in ("log", "tile_root"):
            connection.execute(f"ALTER TABLE taizhang.{table} DISABLE TRIGGER USER")
        connection.execute("DELETE FROM taizhang.log")
        with pytest.raises(LogContradictsError, match="1 to 40 are gone"):
            CheckpointSigner(host.key_file, ORIGIN).checkpoint(connection)
        assert history(connection) is None


def test_a_restored_log_has_another_origin(host: Host) -> None:
    _, old = host.sign()
    host.key_file.rename(host.key_file.with_name("log.key.superseded"))
    with pytest.raises(LogKeyError, match="another origin"):
        host.change("restored")
    head = last_file(host.key_file)
    signed = head.read_bytes()
    change = host.change("restored", "log.example/again")
    # What was signed of the log before its loss is no head of this one.
    assert not head.exists()
    assert head.with_name(f"{head.name}.epoch-1").read_bytes() == signed
    with psycopg.connect(host.conninfo, autocommit=True) as connection:
        signer = CheckpointSigner(host.key_file)
        assert open_checkpoint(signer.checkpoint(connection), change.new)[0].origin == "log.example/again"
    assert host.verify(change.new).first is None
    assert host.verify(old).first is not None


def test_nobody_else_states_the_log_s_key_nor_stands_in_its_way(host: Host) -> None:
    _, old = host.sign()
    new = replace(load_key(host.key_file), seed=bytes(range(32)))
    with psycopg.connect(host.conninfo, autocommit=True) as connection:
        root_hash = LOG.root_at(connection, 40)
    change = Change(2, "lost", old, new.verifier, 40, root_hash).signed(new)
    intake = Intake.open(host.conninfo, "test")
    try:
        stated = envelope("2-x", "evidence.key_changed", {"effective_on": "2024-03-01", **change.data()}, SOURCE)
        assert intake.admit([http(stated, STEWARD)])[0].disposition == "quarantined"
        group = {
            "effective_on": "2024-03-01", "org": "group:own", "kind": "new_employment_group", "category": "courier",
            "name": "驿站", "region": "9901",
        }  # fmt: skip
        # Of this source, and of no weight for the key.
        assert (
            intake.admit([http(envelope("x", "organization.registered", group, SOURCE))])[0].disposition == "accepted"
        )
    finally:
        intake.close()
    assert host.sign()[1] == old


def test_what_the_database_says_of_the_keys_cannot_be_rewritten(host: Host) -> None:
    host.sign()
    with psycopg.connect(host.conninfo, autocommit=True) as connection:
        with pytest.raises(psycopg.Error, match="DELETE on taizhang"):
            connection.execute("DELETE FROM taizhang.log_identity")
        connection.execute("ALTER TABLE taizhang.log_identity DISABLE TRIGGER USER")
        connection.execute("UPDATE taizhang.log_identity SET key = %s", (str(_other().verifier),))
    with pytest.raises(LogKeyError, match="another log's"):
        host.sign()


def _other() -> SignerKey:
    return SignerKey(ORIGIN, SignatureType.ED25519, bytes(range(32)))
