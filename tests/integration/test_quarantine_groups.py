"""Redriving a group after its fault was mended."""

from dataclasses import replace

from domain.values.reasons import Reason
from services.intake.intake import Intake
from services.intake.quarantine import Filters, Quarantine
from services.intake.quarantine_groups import groups, redrive_group, try_group
from tests.fix_store import Rows
from tests.sending import STEWARD, corrected, http, removed

OTHER = "https://registry.example/other"
REASON = Reason("channel", "", None, "the channel was set up wrongly")


def test_a_dry_run_says_what_the_redrive_then_does(intake: Intake, rows: Rows) -> None:
    good = [http(removed(id_)) for id_ in ("b", "c", "b")]
    aside = [http(corrected("x", "a", removed("a")["data"], source=OTHER))]
    intake.admit([http(removed("a")), *aside])
    # Set aside while a fault of the channel held them up, which a redrive waives.
    held = [replace(each, refused=(REASON,)) for each in good]
    intake.admit(held)
    recorder, quarantine = intake.recorder, Quarantine(intake.writer)
    assert [(each.rule, each.messages) for each in groups(recorder)] == [("channel", 3), ("not_the_targets_source", 1)]

    tried = try_group(recorder, Filters(rule="channel"), "steward")
    assert (tried.accepted, tried.duplicate, tried.still_refused, tried.remaining) == (2, 1, 0, 0)
    assert rows("SELECT count(*) FROM taizhang.log") == [(1,)]
    assert rows("SELECT count(*) FROM taizhang.quarantine_action") == [(0,)]

    done = redrive_group(quarantine, recorder, Filters(rule="channel"), STEWARD)
    assert done == tried._replace(dry_run=False, trial=None)
    assert rows("SELECT id FROM taizhang.log ORDER BY notification_id") == [("a",), ("b",), ("c",)]
    assert [each.rule for each in groups(recorder)] == ["not_the_targets_source"]
    assert redrive_group(quarantine, recorder, Filters(rule="channel"), STEWARD)._asdict() == {
        "dry_run": False, "accepted": 0, "duplicate": 0, "still_refused": 0, "remaining": 0, "refusals": [],
        "trial": None,
    }  # fmt: skip


def test_a_group_stands_by_rule_and_source(intake: Intake) -> None:
    intake.admit([http(b"{"), http(b"}"), http(removed("a") | {"time": "noon"})])
    assert [(each.rule, each.source, each.messages) for each in groups(intake.recorder)] == [
        ("not_json", None, 2),
        ("time", removed("a")["source"], 1),
    ]


def test_a_reason_that_quotes_what_postgresql_takes_for_no_text_stands_in_its_group(intake: Intake) -> None:
    (receipt,) = intake.admit([http(b"\x00{}")])
    assert "\x00" in str(receipt.reasons[0].value)
    assert [(each.rule, each.messages) for each in groups(intake.recorder)] == [("not_json", 1)]
