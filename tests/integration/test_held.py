"""Events that cannot be read or applied are held alone, and what is held is seen wherever one looks."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.events.facts import Event
from projections.ledger.fold.fold import LedgerFold
from services.evidence.verifier.check_projection import check_projection
from services.evidence.verifier.report import Report
from services.intake.intake import Intake
from services.ledger import held
from services.ledger.rebuild import rebuild
from services.postgres.database import connect
from tests.fix_service import Service, shell
from tests.fix_store import Rows
from tests.sending import STEWARD, corrected, envelope, http
from tests.versions import contents, project

pytestmark = pytest.mark.long


def registered(id_: str, org: str, on: str = "2024-01-05") -> dict[str, Any]:
    data = {
        "effective_on": on, "org": f"group:{org}", "kind": "new_employment_group", "category": "courier",
        "name": "甲", "region": "880102",
    }  # fmt: skip
    return envelope(id_, "organization.registered", data)


def admit(intake: Intake, *events: dict[str, Any]) -> None:
    receipts = intake.admit([http(event, STEWARD, index) for index, event in enumerate(events)])
    assert {receipt.disposition for receipt in receipts} == {"accepted"}


def kept(store: str) -> list[tuple[int, str]]:
    with connect(store, "test") as connection:
        return [(each.position, each.entity) for each in held.held(connection)]


def change_bytes(rows: Rows, position: int, raw: bytes) -> None:
    """As only somebody with the database's own password can."""
    rows("ALTER TABLE taizhang.log DISABLE TRIGGER USER")
    rows("UPDATE taizhang.log SET state = %s WHERE notification_id = %s", raw, position)
    rows("ALTER TABLE taizhang.log ENABLE TRIGGER USER")


def organizations(store: str) -> list[str]:
    version = project(store)
    with connect(store, "test") as connection:
        return [text for (text,) in contents(connection, version)["organization"]]


NO_EVENTS = [b"", b"no json", b"\xff\xfe", b"[]", b"{}", b"null", b'{"data":{"org":1},"time":"2024"}', b"[" * 5_000]


@pytest.mark.parametrize("raw", NO_EVENTS)
def test_bytes_that_are_no_event_hold_that_one_alone(store: str, intake: Intake, rows: Rows, raw: bytes) -> None:
    admit(intake, registered("1", "a"), registered("2", "b"), registered("3", "c"))
    change_bytes(rows, 2, raw)
    assert organizations(store) == ["(0,group:a)", "(1,group:c)"]
    assert kept(store) == [(2, "group:b")]


def test_later_events_of_the_same_subject_wait_and_of_others_do_not(store: str, intake: Intake, rows: Rows) -> None:
    admit(intake, registered("1", "a"), registered("2", "b"))
    change_bytes(rows, 1, b"{")
    project(store)
    changed = envelope(
        "3", "organization.deregistered", {"effective_on": "2024-02-01", "org": "group:a", "reason": "dissolved"}
    )
    admit(intake, changed, registered("4", "c"))
    assert organizations(store) == ["(0,group:b)", "(1,group:c)"]
    assert kept(store) == [(1, "group:a"), (3, "group:a")]


def test_an_unreadable_word_is_held_and_its_target_stands(store: str, intake: Intake, rows: Rows) -> None:
    replacement = registered("1", "a")["data"] | {"name": "乙"}
    admit(intake, registered("1", "a"), corrected("2", "1", replacement), registered("3", "b"))
    change_bytes(rows, 2, b"\x00")
    assert organizations(store) == ["(0,group:a)", "(1,group:b)"]
    assert [position for position, _ in kept(store)] == [2]


def test_a_replacement_of_any_shape_stops_nobody_and_is_told_as_unfit(store: str, intake: Intake) -> None:
    odd: list[dict[str, Any]] = [
        {}, {"org": "x" * 9_000}, {"org": {"a": [1]}, "covers": [{"org": 5}, None]}, {"branch": ["x" * 3_000]},
        {"effective_on": "0001-01-01"}, {"effective_on": 5, "campaign": "c" * 4_000}, {"add": ["y" * 5_000] * 50},
        {"region": "9" * 4_000, "branch": "branch:a"}, {"formations_counted": "all"}, {"nested": {"a": {"b": [[[]]]}}},
    ]  # fmt: skip
    admit(intake, *(corrected(f"w{n}", f"t{n}", each) for n, each in enumerate(odd)))
    project(store)
    assert kept(store) == []
    admit(intake, *(registered(f"t{n}", f"g{n}") for n in range(len(odd))))
    assert len(organizations(store)) == len(odd)
    assert kept(store) == []
    version = project(store)
    with connect(store, "test") as connection:
        before = contents(connection, version)
        assert sum("replacement_unfit" in row[0] for row in before["anomaly"]) == len(odd)
        assert contents(connection, rebuild(connection, lambda *_: None).version) == before


def test_what_is_held_is_seen_wherever_one_looks(store: str, intake: Intake, rows: Rows, tmp_path: Path) -> None:
    admit(intake, registered("1", "a"), registered("2", "b"), registered("3", "a", "2024-02-01"))
    change_bytes(rows, 1, b"no json")
    project(store)
    with Service(tmp_path, "--dev", database_url=store) as service:
        service.get("/v1/rates", min_position=3)
        ready = service.http.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["status"] == "degraded"
        assert "2 held, at positions 1, 3" in ready.json()["parts"]["events"]["detail"]
        assert "taizhang_held_events 2.0" in service.http.get("/metrics").text
        found = service.get("/v1/anomalies", anomaly="event_held")["anomalies"]
        assert [(each["subject"], each["position"]) for each in found] == [("group:a", 1), ("group:a", 3)]
        assert "no JSON" in found[0]["detail"]
        assert service.get("/v1/anomalies", anomaly="event_held", known_at=2)["anomalies"] == found[:1]
        page = service.http.get("/intake", headers={"accept": "text/html"}).text
        assert 'href="/events/1' in page
        # The event's own page shows the bytes as they are.
        assert service.http.get("/events/1").status_code == 200
    listed = shell("held", "list", "--json", database_url=store)
    assert listed.returncode == 3
    assert [each["position"] for each in json.loads(listed.stdout)["events"]] == [1, 3]


def test_a_sound_event_that_is_held_is_a_fault_until_it_is_tried_again(
    store: str, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    admit(intake, registered("1", "a"), registered("2", "b"), registered("3", "b", "2024-02-01"))
    apply = LedgerFold.apply

    def fails_on_one(self: LedgerFold, event: Event) -> None:
        apply(self, event)
        if event.id == "2":
            raise ZeroDivisionError("a fault of the projection's own")

    with monkeypatch.context() as old_program:
        old_program.setattr(LedgerFold, "apply", fails_on_one)
        project(store)
    assert kept(store) == [(2, "group:b"), (3, "group:b")]
    assert [fault.position for fault in _verified(store).faults] == [2]

    retried = shell("held", "retry", database_url=store)
    assert retried.returncode == 0, retried.stderr
    assert kept(store) == []
    assert _verified(store).faults == []


def test_an_event_that_truly_cannot_be_applied_is_told_and_no_fault(store: str, intake: Intake, rows: Rows) -> None:
    admit(intake, registered("1", "a"), registered("2", "b"))
    change_bytes(rows, 2, b"[]")
    project(store)
    report = _verified(store)
    assert report.faults == []
    assert any("cannot be applied" in english for _, english in report.unshown)


def _verified(store: str) -> Report:
    report = Report(3)
    with connect(store, "verify") as connection:
        check_projection(report, connection)
    return report


def test_a_fault_of_the_database_holds_nothing(store: str, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    admit(intake, registered("1", "a"))

    def cut_off(self: LedgerFold, event: Event) -> None:
        del self, event
        raise psycopg.OperationalError("the connection is lost")

    with monkeypatch.context() as away:
        away.setattr(LedgerFold, "apply", cut_off)
        with pytest.raises(psycopg.OperationalError):
            project(store)
    assert kept(store) == []
    assert organizations(store) == ["(0,group:a)"]
