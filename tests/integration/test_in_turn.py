"""Acts decided in the writer's turn: whole or not at all, and only on what still holds."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from services.intake.in_turn import ActRefusedError, CameSinceError, Grounds, Matters, act_on
from services.intake.intake import Intake
from services.log.messages import Message
from services.log.recorder import LogRecorder
from tests.fix_store import Rows
from tests.sending import CIVIL, MARKET, STEWARD, corrected, http, removed, retracted

ANYTHING_OF_MARKET = Matters(sources=frozenset({MARKET}))


def grounds(recorder: LogRecorder, **matters: frozenset[str]) -> Grounds:
    return Grounds(recorder.head()[0], Matters(**matters))


def test_an_act_is_accepted_where_nothing_that_matters_came(intake: Intake, recorder: LogRecorder) -> None:
    decided_on = grounds(recorder, sources=frozenset({MARKET}))
    intake.admit([http(removed("of another", CIVIL))])
    receipts = act_on(intake, decided_on, [http(removed("a")), http(removed("b"))])
    assert [receipt.position for receipt in receipts] == [2, 3]


@pytest.mark.parametrize(
    ("matters", "came"),
    [
        ({"sources": {MARKET}}, removed("x")),
        ({"sources": {MARKET}}, retracted("x", "first", CIVIL)),
        ({"subjects": {"member:m1"}}, removed("x", CIVIL)),
        ({"subjects": {"member:m1"}}, retracted("x", "first", CIVIL)),
        ({"subjects": {"member:m9"}},
         corrected("x", "first", {"effective_on": "2024-05-01", "member": "member:m9"}, CIVIL)),
        ({"families": {"member"}}, removed("x", CIVIL, "member:m7")),
        ({"families": {"member"}}, retracted("x", "first")),
    ],
)  # fmt: skip
def test_an_act_is_refused_where_something_that_matters_came(
    intake: Intake, recorder: LogRecorder, rows: Rows, matters: dict[str, set[str]], came: dict[str, Any]
) -> None:
    """Of the source, about the subject, of the family; and a word about what is, or about to become so."""
    intake.admit([http(removed("first"))])
    decided_on = grounds(recorder, **{name: frozenset(values) for name, values in matters.items()})
    (receipt,) = intake.admit([http(came, STEWARD)])
    assert receipt.disposition == "accepted"
    with pytest.raises(CameSinceError, match=r"position 1; since then .* at position 2") as refused:
        act_on(intake, decided_on, [http(removed("act"))])
    assert (refused.value.position, refused.value.came) == (1, 2)
    assert rows("SELECT count(*) FROM taizhang.log") == [(2,)]


def test_what_came_between_the_reading_ahead_and_the_turn_counts(
    intake: Intake, recorder: LogRecorder, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause stands where it hurts: everything is checked, and the gate is not held yet."""
    decided_on, take_turn = Grounds(0, ANYTHING_OF_MARKET), recorder.take_turn
    monkeypatch.setattr(recorder, "take_turn", _once(take_turn, lambda: _from_elsewhere(store, http(removed("x")))))
    with pytest.raises(CameSinceError):
        act_on(intake, decided_on, [http(removed("act"))])


def _once(call: Callable[..., Any], before: Callable[[], None]) -> Callable[..., Any]:
    told = threading.Event()

    def paused(*arguments: Any) -> Any:  # noqa: ANN401 - whatever the call takes
        if not told.is_set():
            told.set()
            before()
        return call(*arguments)

    return paused


def _from_elsewhere(store: str, message: Message) -> None:
    """As another process would: over connections of its own."""
    other = Intake.open(store, "elsewhere")
    try:
        other.admit([message])
    finally:
        other.close()


def test_an_act_is_whole_or_not_at_all(intake: Intake, rows: Rows) -> None:
    """One event of two breaks a rule: neither is stored, nothing is set aside or counted, and the next act works."""
    bad = removed("bad", member="nobody")
    with pytest.raises(ActRefusedError, match="nothing was stored"):
        act_on(intake, Grounds(0, ANYTHING_OF_MARKET), [http(removed("good")), http(bad)])
    assert rows("TABLE taizhang.log") + rows("TABLE taizhang.quarantine") + rows("TABLE taizhang.tally") == []
    (receipt,) = act_on(intake, Grounds(0, ANYTHING_OF_MARKET), [http(removed("good"))])
    assert receipt.position == 1
