"""What was refused for numbers or names of persons keeps its hash and loses its bytes, and nothing else does."""

import hashlib
from datetime import timedelta

import psycopg
import pytest

from domain.values.reasons import PERSONAL_RULES
from services.evidence.verifier.check_arrivals import check_arrivals
from services.evidence.verifier.report import Report
from services.intake.intake import Intake
from services.intake.quarantine import Quarantine
from services.intake.quarantine_expiry import expire, write_anew
from services.postgres.database import MIGRATIONS
from services.system.errors import AlreadyEndedError
from tests.fix_store import Rows
from tests.sending import STEWARD_LI, as_bytes, envelope, http, removed

NUMBER, PHONE, NAME = "11010519491231002X", "13800138000", "张三丰"
KEPT = timedelta(days=30)


def of_a_person() -> list[bytes]:
    data = {"effective_on": "2024-01-01", "member": f"member:{NUMBER}"}
    unknown = {"effective_on": "2024-01-01", "member": "member:a", "姓名": NAME, "telephone": PHONE}
    return [as_bytes(envelope(f"p{n}", "member.removed", each)) for n, each in enumerate((data, unknown))]


@pytest.fixture
def set_aside(intake: Intake) -> list[bytes]:
    """Two messages of persons, and one that was refused for another reason."""
    sent = [*of_a_person(), as_bytes(removed("a"))[:-1]]
    receipts = intake.admit([http(each) for each in sent])
    assert [each.quarantine_id for each in receipts] == [1, 2, 3]
    return sent


@pytest.mark.usefixtures("set_aside")
def test_a_reason_says_no_value_of_what_may_be_a_person_s(intake: Intake, rows: Rows) -> None:
    told = str(rows("SELECT reasons::text FROM taizhang.quarantine"))
    for each in (NUMBER, PHONE, NAME):
        assert each not in told
    named = {"effective_on": "2024-01-01", "member": "member:a", PHONE: 1}
    intake.admit([http(as_bytes(envelope("p9", "member.removed", named)))])
    assert PHONE not in str(rows("SELECT reasons::text FROM taizhang.quarantine WHERE id = 4"))


def test_on_discard_the_bytes_go_and_the_hash_stays(intake: Intake, set_aside: list[bytes], rows: Rows) -> None:
    quarantine = Quarantine(intake.writer)
    for number in (1, 2, 3):
        quarantine.discard(number, STEWARD_LI, "a person's data")
    for number, sent in enumerate(set_aside, 1):
        dossier = quarantine.get(number)
        assert dossier.message.raw_sha256 == hashlib.sha256(sent).digest()
        assert dossier.message.raw_bytes == len(sent)
        assert dossier.raw == (sent if number == 3 else b"")
        assert (dossier.message.emptied_at is None) == (number == 3)
    assert write_anew(intake.writer, KEPT)
    everything = str(rows("SELECT q::text FROM taizhang.quarantine q"))
    assert not [each for each in (NUMBER, PHONE, NAME) if each in everything]


def test_after_its_time_what_is_open_is_discarded_and_emptied(
    intake: Intake, set_aside: list[bytes], store: str
) -> None:
    del set_aside
    quarantine = Quarantine(intake.writer)
    assert expire(intake.writer, KEPT) == 0
    assert expire(intake.writer, timedelta(0)) == 2
    assert expire(intake.writer, timedelta(0)) == 0
    assert [quarantine.get(n).message.state for n in (1, 2, 3)] == ["discarded", "discarded", "open"]
    assert quarantine.get(1).actions[0].by == "retention"
    with pytest.raises(AlreadyEndedError):
        quarantine.redrive(1, STEWARD_LI)
    report = Report(0)
    with psycopg.connect(store) as connection:
        check_arrivals(report, connection)
    assert report.first is None, report.first


@pytest.mark.parametrize(
    "change",
    [
        "SET raw = ''",
        "SET raw = '', emptied_at = clock_timestamp(), raw_length = 1, attributes = NULL",
        "SET raw = '', emptied_at = clock_timestamp(), raw_length = length(raw), publisher = 'x'",
        "SET raw = '', emptied_at = clock_timestamp(), raw_length = length(raw), reasons = '[]'",
        "SET raw_sha256 = sha256('')",
        "SET emptied_at = NULL",
    ],
)
def test_the_database_lets_nothing_else_of_a_message_change(
    intake: Intake, set_aside: list[bytes], store: str, change: str
) -> None:
    del intake, set_aside
    with psycopg.connect(store) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"UPDATE taizhang.quarantine {change}".encode())


def test_a_message_of_no_person_loses_nothing(intake: Intake, set_aside: list[bytes], store: str) -> None:
    del intake, set_aside
    change = "SET raw = '', emptied_at = clock_timestamp(), raw_length = length(raw), attributes = NULL WHERE id = 3"
    with psycopg.connect(store) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"UPDATE taizhang.quarantine {change}".encode())


def test_the_database_knows_the_same_rules() -> None:
    (migration,) = MIGRATIONS.glob("0018_*.sql")
    text = migration.read_text(encoding="utf-8")
    assert text.count("ARRAY['personal_identifier', 'extra_forbidden']") == 2
    assert {"personal_identifier", "extra_forbidden"} == PERSONAL_RULES
