"""Quarantine: what was set aside stays whole, comes to one end, and every step is on record."""

import json
import threading
from dataclasses import replace

import pytest

from domain.access.rights import Right
from services.intake.blinded import erase_blinding
from services.intake.intake import Intake, Message
from services.intake.quarantine import Filters, Quarantine
from services.intake.quarantine_groups import redrive_group
from services.log.messages import Publisher
from services.system.errors import AccessEndedError, AlreadyEndedError, InvalidValueError, NotFoundError
from tests.fix_store import Rows
from tests.sending import (
    CIVIL,
    MARKET,
    REGISTRY,
    STEWARD,
    STEWARD_LI,
    as_bytes,
    corrected,
    granted,
    http,
    kafka,
    limited,
    removed,
    revoked,
)

STRANGER = limited("stranger", sources={CIVIL})
TALLY = "SELECT received, accepted, duplicate, quarantined FROM taizhang.tally WHERE source IS NOT NULL"


@pytest.fixture
def quarantine(intake: Intake) -> Quarantine:
    return Quarantine(intake.writer)


def test_what_is_set_aside_can_be_seen_whole(intake: Intake, quarantine: Quarantine) -> None:
    raw = as_bytes(removed("a"))[:-1] + b", \xff"
    intake.admit([kafka(raw, 5)])
    dossier = quarantine.get(1)
    assert (dossier.raw, dossier.attributes, dossier.actions) == (raw, None, [])
    message = dossier.message
    assert (message.state, message.publisher, message.raw_bytes) == ("open", "registry", len(raw))
    assert message.intake == {"channel": "kafka", "topic": "registry", "partition": 0, "offset": 5}
    assert message.rules == ["not_json"]
    assert message.reasons[0]["message"].startswith("not UTF-8 at byte")


def test_still_bad_it_stays_open_and_the_attempt_is_recorded(
    intake: Intake, quarantine: Quarantine, rows: Rows
) -> None:
    intake.admit([http(removed("a"), STRANGER)])
    receipt = quarantine.redrive(1, STEWARD_LI)
    assert (receipt.disposition, receipt.quarantine_id) == ("quarantined", 1)
    (action,) = quarantine.get(1).actions
    assert (action.number, action.by, action.action) == (1, "steward Li", "still_refused")
    assert action.reasons is not None
    assert [reason["rule"] for reason in action.reasons] == ["source_of_another_publisher"]
    assert rows(TALLY) == [(1, 0, 0, 1)]
    assert len(quarantine.page(Filters(state="open"))) == 1


def test_after_a_fix_it_is_accepted_and_counted_as_such(intake: Intake, quarantine: Quarantine, rows: Rows) -> None:
    intake.admit([http(removed("a"), STRANGER), http(removed("b"))])
    intake.admit([granted("stranger", sources=[MARKET])])
    receipt = quarantine.redrive(1, STEWARD_LI)
    assert (receipt.disposition, receipt.position) == ("accepted", 3)
    event = intake.recorder.tail(2)[0]
    assert (event.raw, event.publisher) == (as_bytes(removed("a")), "stranger")
    original = {"channel": "http", "request": "r1", "index": 0}
    assert event.intake == {"channel": "redrive", "quarantine": 1, "by": "steward Li", "original": original}
    assert rows(TALLY + " AND source = %s", MARKET) == [(2, 2, 0, 0)]
    assert quarantine.get(1).message.state == "accepted"
    assert quarantine.get(1).actions[-1].position == 3


def test_redriven_after_the_same_event_came_in_it_is_a_duplicate(
    intake: Intake, quarantine: Quarantine, rows: Rows
) -> None:
    intake.admit([http(removed("a"), STRANGER), http(removed("a"))])
    receipt = quarantine.redrive(1, STEWARD_LI)
    assert (receipt.disposition, receipt.position) == ("duplicate", 1)
    assert rows(TALLY) == [(2, 1, 1, 0)]
    assert rows("SELECT position, intake->>'channel' FROM taizhang.duplicate") == [(1, "redrive")]


def test_a_correction_that_came_too_early_to_fit_is_still_refused_by_todays_log(
    intake: Intake, quarantine: Quarantine
) -> None:
    intake.admit([http(removed("a")), http(corrected("c", "a", {"effective_on": "2024-05-01"}))])
    receipt = quarantine.redrive(1, STEWARD_LI)
    assert [reason.at for reason in receipt.reasons] == ["/data/replacement/member"]


def test_binary_mode_is_redriven_with_its_attributes(intake: Intake, quarantine: Quarantine) -> None:
    attributes = removed("a")
    data = as_bytes(attributes.pop("data"))
    intake.admit([Message(data, {"channel": "kafka"}, STRANGER, attributes)])
    assert quarantine.get(1).attributes == attributes
    intake.admit([granted("stranger", sources=[MARKET])])
    assert quarantine.redrive(1, STEWARD_LI).disposition == "accepted"
    assert intake.recorder.tail(1)[0].event().id == "a"


def test_what_the_channel_refused_is_waived_by_whoever_redrives(intake: Intake, quarantine: Quarantine) -> None:
    reasons = intake.admit([http(b"{")])[0].reasons
    intake.admit([Message(as_bytes(removed("a")), {"channel": "kafka"}, REGISTRY, refused=reasons)])
    assert quarantine.redrive(2, STEWARD_LI).disposition == "accepted"


def test_discarded_it_keeps_its_bytes_and_its_count(intake: Intake, quarantine: Quarantine, rows: Rows) -> None:
    intake.admit([http(removed("a"), STRANGER)])
    quarantine.discard(1, STEWARD_LI, "a test message")
    dossier = quarantine.get(1)
    assert (dossier.message.state, dossier.raw) == ("discarded", as_bytes(removed("a")))
    assert [(a.action, a.by, a.reason) for a in dossier.actions] == [("discarded", "steward Li", "a test message")]
    assert rows(TALLY) == [(1, 0, 0, 1)]


@pytest.mark.parametrize("end", ["discard", "redrive"])
def test_an_end_is_final(intake: Intake, quarantine: Quarantine, end: str) -> None:
    intake.admit([http(removed("a"), STRANGER)])
    if end == "discard":
        quarantine.discard(1, STEWARD_LI, "a test message")
    else:
        intake.admit([granted("stranger", sources=[MARKET])])
        quarantine.redrive(1, STEWARD_LI)
    with pytest.raises(AlreadyEndedError, match=r"quarantined message 1 was ended as .* by steward Li"):
        quarantine.redrive(1, replace(STEWARD, name="steward Wang"))
    with pytest.raises(AlreadyEndedError):
        quarantine.discard(1, replace(STEWARD, name="steward Wang"), "again")


def test_of_many_who_end_one_message_at_once_one_does(store: str, intake: Intake, rows: Rows) -> None:
    intake.admit([http(removed("a"), STRANGER), granted("stranger", sources=[MARKET])])
    start, ends = threading.Barrier(4), list[str]()

    def end(number: int) -> None:
        own = Intake.open(store, f"steward-{number}")
        start.wait()
        try:
            if number % 2:
                Quarantine(own.writer).discard(1, replace(STEWARD, name=f"steward {number}"), "rubbish")
            else:
                Quarantine(own.writer).redrive(1, replace(STEWARD, name=f"steward {number}"))
            ends.append("done")
        except AlreadyEndedError:
            ends.append("late")
        own.close()

    threads = [threading.Thread(target=end, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["done", "late", "late", "late"]
    assert rows("SELECT count(*) FROM taizhang.quarantine_action") == [(1,)]


def test_pages_go_back_in_time_and_stay_consistent_while_more_arrive(intake: Intake, quarantine: Quarantine) -> None:
    intake.admit([http(b"{") for _ in range(5)])
    first = quarantine.page(limit=2)
    intake.admit([http(b"{")])
    second = quarantine.page(before=first[-1].id, limit=2)
    assert [message.id for message in first + second] == [5, 4, 3, 2]


def test_filters_name_state_source_publisher_and_rule(intake: Intake, quarantine: Quarantine) -> None:
    bad = {**removed("c", CIVIL), "type": "other"}
    intake.admit([http(b"{"), http(removed("a"), STRANGER), http(bad)])
    quarantine.discard(1, STEWARD_LI, "rubbish")
    for filters, expected in [
        (Filters(), [3, 2, 1]),
        (Filters(state="open"), [3, 2]),
        (Filters(state="discarded"), [1]),
        (Filters(source=CIVIL), [3]),
        (Filters(publisher="stranger"), [2]),
        (Filters(rule="not_json"), [1]),
        (Filters(rule="type_unknown", state="discarded"), []),
    ]:
        assert [message.id for message in quarantine.page(filters)] == expected


def test_errors_name_the_number_and_the_rule(intake: Intake, quarantine: Quarantine) -> None:
    intake.admit([http(b"{")])
    for number in (0, 2, 2**80):
        with pytest.raises(NotFoundError, match=str(number)):
            quarantine.get(number)
        with pytest.raises(NotFoundError, match=str(number)):
            quarantine.redrive(number, STEWARD_LI)
    for reason in ("", " ", "x" * 1_001, "\0", "\ud800"):
        with pytest.raises(InvalidValueError, match="reason is text of 1 to 1000 characters"):
            quarantine.discard(1, STEWARD_LI, reason)
    with pytest.raises(InvalidValueError, match="by is text"):
        quarantine.redrive(1, replace(STEWARD, name=""))
    assert json.loads(json.dumps(quarantine.page()[0].reasons))[0]["rule"] == "not_json"


def test_a_steward_whose_access_ended_before_the_turn_changes_nothing(intake: Intake, quarantine: Quarantine) -> None:
    intake.admit([http(removed("n1") | {"type": "taizhang.member.vanished.v1"})])
    intake.admit([granted("li", "access:li", roles=["steward"])])
    let_in = Publisher("li", (Right(frozenset({"steward"}), access="access:li"),))
    assert quarantine.redrive(1, let_in).disposition == "quarantined"
    # What a request was let in by at its beginning; the access ends before the request's own turn.
    intake.admit([revoked("access:li")])
    with pytest.raises(AccessEndedError, match="li holds no grant"):
        quarantine.redrive(1, let_in)
    with pytest.raises(AccessEndedError):
        quarantine.discard(1, let_in, "rubbish")
    with pytest.raises(AccessEndedError):
        redrive_group(quarantine, intake.recorder, Filters(), let_in)
    with pytest.raises(AccessEndedError):
        erase_blinding(intake, "member:m1", let_in)
    assert [each.action for each in quarantine.get(1).actions] == ["still_refused"]
    narrow = Publisher("county", (Right(frozenset({"steward"}), scope=("990101",)),))
    with pytest.raises(AccessEndedError):
        quarantine.discard(1, narrow, "rubbish")
