"""Every event type × grant × place, for writing: generated from the domain's types and what each says it changes.

A type that comes later is in the matrix by its model; a field of it that the world here has no value for fails.
"""

from itertools import count
from typing import Any

import pytest

from domain.events.envelope import check_data
from domain.events.types import CORRECTED, EVENT_TYPES, RETRACTED
from domain.values.reach import Reach
from services.intake.intake import Intake
from services.log.messages import Publisher
from tests.access.attacks import CITY, HERE, SOURCE, THERE, fact
from tests.every_type import RIGHTS, allowed, data_of
from tests.sending import STEWARD, envelope, http

NUMBERS = count()


def events_at(place: str) -> list[tuple[str, dict[str, Any]]]:
    """For every type an event that changes something at a place or in the whole city; by the type of what changes."""
    found = []
    for type_ in EVENT_TYPES:
        if type_ not in (CORRECTED, RETRACTED):
            data = data_of(type_, place)
            assert not check_data(type_, data), (type_, check_data(type_, data))
            found.append((type_, {**envelope(f"x{next(NUMBERS)}", "", data, SOURCE), "type": type_}))
    # Words about events of each sort, the last first: what stands nowhere any more has no place.
    for target in [each for each in reversed(CITY) if _is_at(each, place)]:
        about = {"source": SOURCE, "id": target["id"]}
        corrects = {"corrects": about, "replacement": target["data"], "reason": "x"}
        found.append((target["type"], envelope(f"x{next(NUMBERS)}", "event.corrected", corrects, SOURCE)))
        retracts = {"retracts": about, "reason": "x"}
        found.append((target["type"], envelope(f"x{next(NUMBERS)}", "event.retracted", retracts, SOURCE)))
    return found


def _is_at(event: dict[str, Any], place: str) -> bool:
    """Whether an event of the city changes something at this place alone, or in the whole city."""
    told = str(event["data"])
    here, there = (code in told or side in told for code, side in ((HERE, ":here"), (THERE, ":there")))
    return (here, there) in ((False, False), (place == HERE, place == THERE)) and event["id"] not in (
        "m none",
        "moved",
        "s both",
    )


@pytest.mark.parametrize("right", RIGHTS)
def test_a_grant_lets_say_what_it_holds_and_nothing_else(intake: Intake, right: str) -> None:
    intake.admit([http(each, STEWARD) for each in [*CITY, fact("v", "visit.made", **_visit())]])
    for place in (HERE, THERE):
        events = events_at(place)
        receipts = intake.admit([http(event, Publisher("one", (RIGHTS[right],))) for _, event in events])
        for (type_, event), receipt in zip(events, receipts, strict=True):
            accepted = receipt.disposition == "accepted"
            assert accepted == allowed(right, type_, place), (place, type_, event, receipt.reasons)


def _visit() -> dict[str, Any]:
    return {name: value for name, value in data_of("taizhang.visit.made.v1", HERE).items() if name != "effective_on"}


def test_every_type_is_in_the_matrix_by_what_it_changes() -> None:
    assert {type_ for type_, _ in events_at(HERE)} == set(EVENT_TYPES) - {CORRECTED, RETRACTED}
    assert {EVENT_TYPES[type_].reach for type_, _ in events_at(HERE)} == set(Reach) - {Reach.ITS_TARGET}
