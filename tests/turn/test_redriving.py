"""A group's redrive does what its trial showed, or says what came since; a trial holds nobody up."""

from dataclasses import replace

import pytest

from domain.values.reasons import Reason
from services.intake.in_turn import CameSinceError
from services.intake.intake import Intake
from services.intake.quarantine import Filters, Quarantine
from services.intake.quarantine_groups import redrive_group, try_group
from tests.fix_store import Rows
from tests.fix_turn import Delays, Trials
from tests.sending import STEWARD, http, removed

pytestmark = pytest.mark.long

HELD = Reason("channel", "", None, "the channel was set up wrongly")
GROUP = Filters("open", rule="channel")
_STILL_OPEN = """
SELECT id FROM taizhang.quarantine
EXCEPT SELECT quarantine_id FROM taizhang.quarantine_action WHERE action <> 'still_refused'
"""


def set_aside(intake: Intake, *names: str) -> list[int]:
    receipts = intake.admit([replace(http(removed(name)), refused=(HELD,)) for name in names])
    return [receipt.quarantine_id or 0 for receipt in receipts]


def test_a_redrive_after_its_trial_does_what_was_shown_or_nothing(intake: Intake, rows: Rows, trials: Trials) -> None:
    """Since the trial an event of one of the names came, or another message was ended: said, and nothing redriven."""
    recorder, quarantine = intake.recorder, Quarantine(intake.writer)
    for trial in trials:
        for change in ("event", "end"):
            names = [f"{trial}-{change}-{n}" for n in range(3)]
            numbers = set_aside(intake, *names)
            shown = try_group(recorder, GROUP, "steward")
            assert (shown.accepted, shown.still_refused) == (3, 0)
            if change == "event":
                intake.admit([http(removed(names[1], on="2024-05-02"))])
            else:
                quarantine.discard(numbers[0], replace(STEWARD, name="another steward"), "sent by mistake")
            before = rows("SELECT count(*) FROM taizhang.log")
            with pytest.raises(CameSinceError, match="Nothing was redriven") as refused:
                redrive_group(quarantine, recorder, GROUP, STEWARD, shown.trial)
            assert ("1 messages were ended since" in str(refused.value)) == (change == "end")
            assert rows("SELECT count(*) FROM taizhang.log") == before
            again = try_group(recorder, GROUP, "steward")
            done = redrive_group(quarantine, recorder, GROUP, STEWARD, again.trial)
            assert done == again._replace(dry_run=False, trial=None)
            for (number,) in rows(_STILL_OPEN):
                quarantine.discard(number, STEWARD, "in conflict")


def test_what_was_set_aside_after_the_trial_is_left_for_the_next(intake: Intake, rows: Rows) -> None:
    recorder, quarantine = intake.recorder, Quarantine(intake.writer)
    set_aside(intake, "a", "b")
    shown = try_group(recorder, GROUP, "steward")
    set_aside(intake, "c")
    done = redrive_group(quarantine, recorder, GROUP, STEWARD, shown.trial)
    assert (done.accepted, done.duplicate, done.still_refused) == (2, 0, 0)
    assert rows("SELECT id FROM taizhang.log ORDER BY notification_id") == [("a",), ("b",)]
    tally = rows("SELECT received, accepted, duplicate, quarantined FROM taizhang.tally")
    assert tally == [(3, 2, 0, 1)]


def test_a_trial_waits_for_nobody_and_holds_nobody_up(intake: Intake, store: str) -> None:
    """Another writer's turn lasts for the whole trial, and the trial is over before that turn is."""
    set_aside(intake, *(str(n) for n in range(50)))
    with Delays(store).before_the_gate(waiting=0):
        assert try_group(intake.recorder, GROUP, "steward").accepted == 50
