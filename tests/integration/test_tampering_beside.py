"""What an operator of the database can do to what is kept beside the log, and what the verifier says of it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from domain.tree.arrival_leaf import arrival_hash
from domain.tree.merkle import leaf_hash, root
from domain.tree.reading_leaf import Reading, reading_leaf
from services.access.reading_trail import READINGS, Look, Readings
from services.evidence.notes.key_files import load_or_create_key
from services.evidence.notes.notes import SignatureType
from services.evidence.notes.signing import signer_for
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_database
from services.evidence.verifier.check_guards import check_guards
from services.evidence.verifier.report import Report
from services.intake.intake import Intake
from services.ledger import versions
from services.ledger.projector import Projector
from services.log.arrivals import ARRIVALS
from services.log.tree import rows
from services.postgres.database import migrate, open_pool
from tests.examples import NUMBERED
from tests.fix_store import Databases
from tests.small_city import message

pytestmark = pytest.mark.long

LOOKS = 600
# A message set aside that names an event, and is rewritten with its hash.
REWRITTEN = """
UPDATE taizhang.quarantine SET raw = '{"id":"x","source":"/other"}', raw_sha256 = sha256('{"id":"x","source":"/other"}')
 WHERE id = 1
"""
GUARDED = (
    "reading", "reading_tile_root", "quarantine", "quarantine_action", "duplicate", "arrival", "arrival_tile_root",
)  # fmt: skip


class Kept:
    """A database with a log, its projection, a trail of reading and a quarantine; heads of the trail were signed."""

    def __init__(self, conninfo: str, folder: Path) -> None:
        self.conninfo, self.folder = conninfo, folder
        self.key_file = folder / "keys" / "log.key"
        self.key = load_or_create_key(self.key_file, SignatureType.ED25519, "log.example/kept")

    def fill(self) -> None:
        migrate(self.conninfo)
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            versions.ensure(connection)  # as a service does when it begins: the rules are known from then on
        intake = Intake.open(self.conninfo, "test")
        history = NUMBERED["12"]["deliveries"]
        arriving = [*history, *history[:5], {"id": "no-event"}, {"id": "nor-this"}]
        receipts = intake.admit([message(content, index) for index, content in enumerate(arriving)])
        intake.close()
        assert {receipt.disposition for receipt in receipts} == {"accepted", "duplicate", "quarantined"}
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            projector = Projector(connection, versions.ensure(connection))
            while projector.advance(700):
                pass
        with open_pool(self.conninfo, "test") as pool:
            readings = Readings(pool)
            for number in range(LOOKS):
                readings.record(Look("inspector", "dossier", f"group:g-{number}", "/v1/organizations", f"r{number}"))
            self.sign_readings()
            readings.record(Look("late", "list", None, "/v1/organizations", "r"))

    def sign_readings(self) -> bytes:
        with psycopg.connect(self.conninfo) as connection:
            return signer_for(self.key_file, None, READINGS).checkpoint(connection)

    def as_superuser(self, *statements: tuple[str, *tuple[bytes, ...]]) -> None:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            for table in GUARDED:
                connection.execute(f"ALTER TABLE taizhang.{table} DISABLE TRIGGER USER")
            for statement, *values in statements:
                assert connection.execute(statement.encode(), values or None).rowcount >= 1, statement
            for table in GUARDED:
                connection.execute(f"ALTER TABLE taizhang.{table} ENABLE ALWAYS TRIGGER append_only")
            connection.execute("ALTER TABLE taizhang.quarantine ENABLE ALWAYS TRIGGER emptied_only")

    def verify(self, *checkpoints: Path) -> Report:
        asked = Asked(log_key=self.key.verifier, checkpoints=checkpoints, workers=1)
        return audit_database(self.conninfo, self.key_file, asked, lambda _: None, lambda _: None)

    def said(self, *checkpoints: Path) -> str:
        return "\n".join(fault.english for fault in self.verify(*checkpoints).faults)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the one database that is filled, for each test to copy."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def kept(databases: Databases, original: Path, tmp_path: Path) -> Iterator[Kept]:
    with databases.like("kept", lambda conninfo: Kept(conninfo, original).fill()) as conninfo:
        shutil.copytree(original, tmp_path / "own")
        yield Kept(conninfo, tmp_path / "own")


def test_an_untouched_database_passes_every_check(kept: Kept) -> None:
    report = kept.verify()
    assert report.faults == []
    assert report.statement == "complete"
    assert [english for _, english in report.unshown] == ["no witness was asked for: give --witness-key"]
    said = "\n".join(english for _, english in report.good)
    assert re.search("[0-9]+ triggers, functions, views, policies, constraints and the reader.s rights are as", said)
    assert "every row of the ledger's tables follows from the first" in said
    assert f"the {LOOKS + 1} readings agree with their tree" in said
    assert f"the readings agree with log.key.readings.checkpoint ({LOOKS} readings)" in said
    assert "the tree of arrivals holds all 17 rows of their tables" in said
    assert "messages received agrees, by source" in said


# By what is done to the ledger's tables: the table that is named, and whether a position can be.
ROWS = {
    "UPDATE ledger_1.entry SET full_members = full_members + 3 WHERE position = 100": "entry",
    "DELETE FROM ledger_1.entry WHERE entry = (SELECT max(entry) FROM ledger_1.entry)": "entry",
    "INSERT INTO ledger_1.entry SELECT (jsonb_populate_record(e, '{\"entry\": 1000000, \"full_members\": 9}')).*"
    " FROM ledger_1.entry e WHERE entry = 50": "entry",
    "UPDATE ledger_1.attributes SET region = '99' WHERE attributes_no = 7": "attributes",
    "UPDATE ledger_1.organization SET org = 'group:other' WHERE org_no = 3": "organization",
    "UPDATE ledger_1.presence SET value = 'standalone' WHERE value = 'joint'": "presence",
    "UPDATE ledger_1.anomaly SET present = false WHERE present": "anomaly",
    "DELETE FROM ledger_1.policy": "policy",
    "DELETE FROM ledger_1.mention WHERE position = 200": "mention",
    "DELETE FROM ledger_1.word": "word",
    "UPDATE ledger_1.entity SET record = replace(convert_from(record, 'UTF8'), 'full', 'activist')::bytea"
    " WHERE name LIKE 'member:%'": "entity",
    "DELETE FROM ledger_1.organization_record WHERE org = (SELECT min(org) FROM ledger_1.organization_record)":
        "organization_record",
}  # fmt: skip


@pytest.mark.parametrize(("change", "table"), ROWS.items())
def test_a_changed_row_of_the_ledger_s_tables_is_named(kept: Kept, change: str, table: str) -> None:
    with psycopg.connect(kept.conninfo) as connection:
        assert connection.execute(change.encode()).rowcount >= 1
    report = kept.verify()
    assert any(f"table ledger_1.{table}: " in fault.english for fault in report.faults)


# By what is done to what guards the tables: what is said of it.
GUARDS = {
    "DROP TRIGGER append_only ON taizhang.log": "log.append_only: the trigger is missing",
    "ALTER TABLE taizhang.reading DISABLE TRIGGER append_only": "reading.append_only: the trigger was changed",
    "ALTER TABLE taizhang.quarantine ENABLE TRIGGER append_only": "quarantine.append_only: the trigger was changed",
    "CREATE OR REPLACE FUNCTION taizhang.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'":
        "refuse_change: the function was changed",
    "CREATE OR REPLACE VIEW taizhang.mention WITH (security_invoker) AS SELECT notification_id AS position"
    " FROM taizhang.log": "mention: the view was changed",
    "ALTER VIEW taizhang.mention RESET (security_invoker)": "mention: the view was changed",
    "CREATE OR REPLACE VIEW ledger_1.names_somebody WITH (security_barrier) AS SELECT position FROM ledger_1.mention"
    " WHERE false": "names_somebody: the view was changed",
    "DROP POLICY in_sight ON ledger_1.entry": "entry.in_sight: the policy is missing",
    "CREATE POLICY more ON taizhang.log USING (true)": "log.more: a policy that is not due",
    "ALTER TABLE taizhang.log DISABLE ROW LEVEL SECURITY": "log: the relation was changed",
    "GRANT SELECT ON taizhang.sight_key TO taizhang_reader": "sight_key: the right was changed",
    "GRANT INSERT ON ledger_1.mention TO PUBLIC": "mention: the right was changed",
    "ALTER FUNCTION taizhang.regions() SECURITY INVOKER": "regions: the function was changed",
    "CREATE RULE away AS ON INSERT TO taizhang.tally DO INSTEAD NOTHING": "tally.away: a rule that is not due",
    "CREATE TRIGGER other BEFORE INSERT ON taizhang.tally FOR EACH ROW EXECUTE FUNCTION taizhang.refuse_change()":
        "tally.other: a trigger that is not due",
    "ALTER TABLE taizhang.log DROP CONSTRAINT log_source_id_key": "log.log_source_id_key: the constraint is missing",
    "CREATE OR REPLACE FUNCTION taizhang.regions() RETURNS text[] LANGUAGE sql STABLE AS 'SELECT ARRAY[]::text[]'":
        "regions: the function was changed",
}  # fmt: skip


def test_each_guard_that_was_dropped_or_replaced_is_named(kept: Kept) -> None:
    for change, words in GUARDS.items():
        with psycopg.connect(kept.conninfo) as connection:
            connection.execute(change.encode())
            report = Report(0)
            check_guards(report, connection)
            connection.rollback()
        assert [words in fault.english for fault in report.faults] == [True], (change, report)
    with psycopg.connect(kept.conninfo) as connection:
        untouched = Report(0)
        check_guards(untouched, connection)
    assert untouched.faults == []


def test_an_event_that_is_held_without_need_is_named(kept: Kept) -> None:
    with psycopg.connect(kept.conninfo) as connection:
        connection.execute("INSERT INTO taizhang.projection_held VALUES (1, 60, 'member:any', 'put there by hand')")
    report = kept.verify()
    assert report.first is not None
    assert report.first.position == 60
    assert any("the event is sound, and held (put there by hand)" in fault.english for fault in report.faults)


@pytest.mark.parametrize("position", [1, 100, 250])
def test_the_first_position_whose_rows_are_wrong_is_named(kept: Kept, position: int) -> None:
    with psycopg.connect(kept.conninfo) as connection:
        due = rows(connection, "SELECT min(position) FROM ledger_1.entry WHERE position >= %s", (position,))[0][0]
        connection.execute("UPDATE ledger_1.entry SET day_to = day_to - 1 WHERE position >= %s", (due,))
    report = kept.verify()
    assert report.first is not None
    assert report.first.position == due
    assert "taizhang rebuild makes it anew from the log" in report.first.english


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE taizhang.reading SET reader = 'nobody' WHERE number = 300", "reading 300 was changed"),
        ("UPDATE taizhang.reading SET subject = NULL WHERE number = 599", "reading 599 was changed"),
        ("UPDATE taizhang.reading SET at = at - interval '1 hour' WHERE number = 42", "reading 42 was changed"),
        ("DELETE FROM taizhang.reading WHERE number = 17", "reading 17 is missing"),
        ("DELETE FROM taizhang.reading WHERE number > 590", "reading 591 and later ones are gone"),
        ("DELETE FROM taizhang.reading WHERE number > 500", "there were at least 512"),
    ],
)
def test_a_changed_or_deleted_reading_is_named(kept: Kept, change: str, words: str) -> None:
    kept.as_superuser((change,))
    assert words in kept.said()


def test_a_trail_rewritten_with_its_hashes_fails_against_any_head_that_was_signed(kept: Kept, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.write_bytes(kept.sign_readings())
    with psycopg.connect(kept.conninfo) as connection:
        *values, _ = rows(connection, "SELECT * FROM taizhang.reading WHERE number = 300", ())[0]
        forged = leaf_hash(reading_leaf(Reading(*values)._replace(reader="nobody")))
        leaves = READINGS.hashes_at(connection, 0, 0, LOOKS)
    leaves[299] = forged
    kept.as_superuser(
        ("UPDATE taizhang.reading SET reader = 'nobody', leaf_hash = %s WHERE number = 300", forged),
        ("UPDATE taizhang.reading_tile_root SET hash = %s WHERE level = 1 AND index = 1", root(leaves[256:512])),
    )
    assert "log.key.readings.checkpoint has another root" in kept.said()
    kept.key_file.with_name("log.key.readings.checkpoint").unlink()
    assert kept.said() == ""
    assert "saved has another root" in kept.said(saved)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE taizhang.tally SET received = received - 1, quarantined = quarantined - 1 WHERE source IS NULL",
         "source (unknown): the tally says 1 received, there are 2"),
        ("DELETE FROM taizhang.quarantine WHERE id = 1", "quarantined message 1 is missing"),
        ("DELETE FROM taizhang.quarantine WHERE id = 2", "the tally says 2 quarantined, there are 1"),
        ("UPDATE taizhang.quarantine SET raw = raw || ' '::bytea WHERE id = 2", "quarantined message 2: its raw bytes"),
        ("DELETE FROM taizhang.duplicate WHERE position = 3", "duplicate, there are"),
        ("DELETE FROM taizhang.tally WHERE source IS NOT NULL", "the tally says 0 accepted, there are"),
        ("UPDATE taizhang.tally SET first_seen = first_seen - interval '1 day'", "first seen, there are"),
        ("UPDATE taizhang.tally SET channel = 'kafka' WHERE source IS NULL", "(kafka)"),
        ("UPDATE taizhang.duplicate SET received_at = received_at - interval '1 day' WHERE position = 3",
         "a duplicate of position 3 came before that event"),
        ("UPDATE taizhang.duplicate SET position = 90000 WHERE position = 3", "or is of no event"),
        ("UPDATE taizhang.duplicate SET intake = '{\"channel\":\"kafka\",\"topic\":\"t\",\"partition\":0}'",
         "(kafka t 0)"),
        (REWRITTEN, "quarantined message 1: its raw bytes name another"),
        ("UPDATE taizhang.quarantine SET raw = '{}', raw_sha256 = sha256('{}') WHERE id = 1",
         "quarantined message 1: its raw bytes break other rules"),
        ("UPDATE taizhang.quarantine SET rules = '{conflict}' WHERE id = 2", "its rules are not those of its reasons"),
        ("UPDATE taizhang.quarantine SET received_at = received_at - interval '1 hour' WHERE id = 2",
         "it is dated before the one before it"),
        ("UPDATE taizhang.quarantine SET intake = '{\"channel\":\"kafka\"}' WHERE id = 2",
         "where it is counted is not where it came in"),
        ("INSERT INTO taizhang.quarantine_action VALUES (1, 1, now(), 'me', 'accepted', 5, NULL, NULL)",
         "position 5, where it is said to have ended, is another event"),
        ("INSERT INTO taizhang.quarantine_action VALUES (1, 2, now(), 'me', 'discarded', NULL, NULL, 'old')",
         "quarantined message 1: a step taken with it is missing"),
    ],
)  # fmt: skip
def test_an_account_of_arrivals_that_does_not_agree_is_named(kept: Kept, change: str, words: str) -> None:
    kept.as_superuser((change,))
    assert words in kept.said()


# Rows taken out of every table alike, with the tally mended: only their tree misses them.
WITHOUT_A_TRACE = {
    "the last quarantined message": (
        ("DELETE FROM taizhang.quarantine WHERE id = 2",),
        (("UPDATE taizhang.tally SET received = received - 1, quarantined = quarantined - 1,"
         " last_seen = last_seen WHERE source IS NULL"),),
    ),
    "a duplicate": (
        ("DELETE FROM taizhang.duplicate WHERE position = 3",),
        (("UPDATE taizhang.tally SET received = received - 1, duplicate = duplicate - 1 WHERE source ="
         " (SELECT source FROM taizhang.log WHERE notification_id = 3)"),),
    ),
    "another message in its place": (
        (("UPDATE taizhang.quarantine SET raw = '{\"id\":\"other\"}', raw_sha256 = sha256('{\"id\":\"other\"}'),"
         " event_id = event_id WHERE id = 1"),),
    ),
    "another reason": (
        (("UPDATE taizhang.quarantine SET reasons ="
          " replace(reasons::text, '\"message\":\"', '\"message\":\"not ')::json WHERE id = 2"),),
    ),
    "who sent it": (("UPDATE taizhang.quarantine SET publisher = 'another' WHERE id = 2",),),
    "a step put in": (
        ("INSERT INTO taizhang.quarantine_action VALUES (2, 1, now(), 'me', 'discarded', NULL, NULL, 'old')",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_A_TRACE)
def test_what_contradicts_nothing_else_contradicts_the_tree_of_arrivals(kept: Kept, name: str) -> None:
    kept.as_superuser(*WITHOUT_A_TRACE[name])
    assert "tree of arrivals" in kept.said() or "arrival " in kept.said()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM taizhang.arrival WHERE number = 2", "arrival 2 is missing"),
        (("UPDATE taizhang.arrival SET record = replace(convert_from(record, 'UTF8'), 'test', 'tost')::bytea"
         " WHERE number = 3"), "arrival 3 was changed"),
        ("UPDATE taizhang.arrival SET of = of + 1 WHERE number = 1", "arrival 1 was changed"),
        ("UPDATE taizhang.arrival SET kind = 'begun' WHERE number = 4", "arrival 4 was changed"),
        ("UPDATE taizhang.tally SET received = received - 1, accepted = accepted - 1 WHERE accepted > 1",
         "the tally says"),
    ],
)  # fmt: skip
def test_a_changed_leaf_of_an_arrival_is_named(kept: Kept, change: str, words: str) -> None:
    kept.as_superuser((change,))
    assert words in kept.said()


def test_arrivals_rewritten_with_their_tree_fail_against_any_head_that_was_signed(kept: Kept, tmp_path: Path) -> None:
    with psycopg.connect(kept.conninfo) as connection:
        saved = tmp_path / "saved"
        saved.write_bytes(signer_for(kept.key_file, None, ARRIVALS).checkpoint(connection))
        ((number, record, value),) = rows(
            connection, "SELECT number, record, value FROM taizhang.arrival WHERE kind = 'quarantined' AND of = 2", ()
        )
    forged = record.replace(b'"publisher":"', b'"publisher":"x')
    kept.as_superuser(
        ("UPDATE taizhang.arrival SET record = %s, leaf_hash = %s WHERE kind = 'quarantined' AND of = 2", forged,
         arrival_hash(number, forged, value)),
        ("UPDATE taizhang.quarantine SET publisher = 'x' || publisher WHERE id = 2",),
    )  # fmt: skip
    assert "log.key.arrivals.checkpoint has another root" in kept.said()
    kept.key_file.with_name("log.key.arrivals.checkpoint").unlink()
    assert kept.said() == ""
    assert "saved has another root" in kept.said(saved)
