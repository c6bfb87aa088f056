"""What is kept beside the log, rewritten by whoever has the database: each change is found, and taken back again."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from services.access.reading_trail import Look, Readings
from services.evidence.verifier.check_arrival_tree import check_arrival_tree
from services.evidence.verifier.check_arrivals import check_arrivals
from services.evidence.verifier.check_guards import check_guards
from services.evidence.verifier.check_readings import check_readings
from services.evidence.verifier.report import Report
from services.intake.intake import Intake
from services.intake.quarantine import Quarantine
from services.log.tree import AnyConnection
from services.postgres.database import migrate, open_pool
from tests.sending import CIVIL, STEWARD_LI, http, limited, removed

TABLES = ("quarantine", "quarantine_action", "duplicate", "arrival", "reading")
Check = Callable[[Report, AnyConnection], None]


@pytest.fixture
def connection(intake: Intake, store: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    stranger = limited("stranger", sources={CIVIL})
    intake.admit([http(removed("a")), http(removed("b"))])
    intake.admit([http(removed("a")), http(removed("x"), stranger), http(removed("y"), stranger), http(b"none")])
    Quarantine(intake.writer).redrive(1, STEWARD_LI)
    Quarantine(intake.writer).discard(2, STEWARD_LI, "a test")
    with open_pool(store, "test") as pool:
        for number in range(3):
            Readings(pool).record(Look("inspector", "dossier", None, f"/v1/organizations/{number}", "r"))
    with psycopg.connect(store) as found:
        for table in TABLES:
            found.execute(f"ALTER TABLE taizhang.{table} DISABLE TRIGGER USER".encode())
        yield found


def said(connection: AnyConnection, *checks: Check) -> str:
    report = Report(0)
    for check in checks:
        check(report, connection)
    return "\n".join(fault.english for fault in report.faults)


# Each in turn, and what is said of it; the tally is mended where that can be done.
GONE, UNLIKE = "is not in the tables any more", "does not follow from what the tree"
ARRIVALS = {
    "DELETE FROM taizhang.quarantine WHERE id = 3": GONE,
    "UPDATE taizhang.quarantine SET raw = '{}', raw_sha256 = sha256('{}') WHERE id = 1": "quarantined message 1",
    "UPDATE taizhang.quarantine SET publisher = 'office' WHERE id = 2": "quarantined message 2: the tree",
    "UPDATE taizhang.quarantine SET reasons = replace(reasons::text, 'another', 'no')::json WHERE id = 1": "message 1",
    "DELETE FROM taizhang.quarantine_action WHERE quarantine_id = 1": GONE,
    "UPDATE taizhang.quarantine_action SET reason = 'nothing' WHERE quarantine_id = 2": "step 1 with quarantined",
    "UPDATE taizhang.quarantine_action SET by = 'nobody' WHERE quarantine_id = 1": "step 1 with quarantined message 1",
    "DELETE FROM taizhang.duplicate": GONE,
    "UPDATE taizhang.duplicate SET position = 2": "a duplicate of position 2: the tree",
    "INSERT INTO taizhang.duplicate SELECT * FROM taizhang.duplicate": "a duplicate of position 1: the tree",
    "UPDATE taizhang.tally SET received = received + 1, duplicate = duplicate + 1": UNLIKE,
    "DELETE FROM taizhang.tally": UNLIKE,
    "DELETE FROM taizhang.arrival WHERE number = (SELECT max(number) FROM taizhang.arrival)": "the tree",
    "DELETE FROM taizhang.arrival WHERE number = 2": "arrival 2 is missing",
    "UPDATE taizhang.arrival SET record = convert_to(replace(convert_from(record, 'UTF8'), 'stranger', 'x'), 'UTF8')"
    " WHERE kind = 'quarantined'": "was changed",
    "UPDATE taizhang.arrival SET kind = 'begun' WHERE number = 1": "arrival 1 was changed",
}  # fmt: skip
READINGS = {
    "DELETE FROM taizhang.reading WHERE number = 2": "reading 2 is missing",
    "UPDATE taizhang.reading SET reader = 'nobody' WHERE number = 3": "reading 3 was changed",
}
GUARDS = {
    "DROP TRIGGER append_only ON taizhang.log": "log.append_only: the trigger is missing",
    "ALTER TABLE taizhang.arrival DISABLE TRIGGER append_only": "arrival.append_only: the trigger was changed",
    "CREATE OR REPLACE VIEW taizhang.mention WITH (security_invoker) AS SELECT notification_id AS position"
    " FROM taizhang.log": "mention: the view was changed",
}


def test_an_untouched_account_agrees(connection: AnyConnection) -> None:
    assert said(connection, check_readings, check_arrivals, check_arrival_tree) == ""


@pytest.mark.parametrize(
    ("forgeries", "checks"),
    [(ARRIVALS, (check_arrivals, check_arrival_tree)), (READINGS, (check_readings,)), (GUARDS, (check_guards,))],
)
def test_each_forgery_is_named(connection: AnyConnection, forgeries: dict[str, str], checks: tuple[Check, ...]) -> None:
    for statement, words in forgeries.items():
        connection.execute("SAVEPOINT before")
        connection.execute(statement.encode())
        assert words in said(connection, *checks), statement
        connection.execute("ROLLBACK TO SAVEPOINT before")


def test_of_an_older_ledger_the_first_leaf_says_how_much_was_there_before(
    connection: AnyConnection, intake: Intake, store: str
) -> None:
    for statement in (
        "DROP TABLE taizhang.arrival, taizhang.arrival_tile_root", "DROP INDEX taizhang.quarantine_event_idx",
        "DELETE FROM taizhang.migration WHERE version = 54",
    ):  # fmt: skip
        connection.execute(statement.encode())
    connection.commit()
    assert migrate(store) == 1
    intake.admit([http(removed("a")), http(b"none either")])
    report = Report(0)
    check_arrival_tree(report, connection)
    assert report.faults == []
    assert [english for _, english in report.unshown] == [
        "6 rows of arrivals were there before their tree began, which does not hold them"
    ]
    for forgery, words in (
        ("DELETE FROM taizhang.quarantine WHERE id = 3", "there were 3 quarantined when the tree of arrivals began"),
        ("DELETE FROM taizhang.duplicate WHERE ctid = '(0,1)'", "there were 1 duplicates when the tree"),
        ("DELETE FROM taizhang.quarantine_action WHERE quarantine_id = 2", "there were 2 steps when the tree"),
        ("DELETE FROM taizhang.quarantine WHERE id = 4", GONE),
    ):
        connection.execute("SAVEPOINT before")
        connection.execute(forgery.encode())
        assert words in said(connection, check_arrival_tree), forgery
        connection.execute("ROLLBACK TO SAVEPOINT before")
