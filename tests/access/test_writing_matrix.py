"""Every event type × grant × place, for writing: generated from the domain's types and what each says it changes.

A type that comes later is in the matrix by its model; a field of it that the world here has no value for fails.
"""

from itertools import count
from typing import Any

import pytest

from domain.access.rights import Right
from domain.events.envelope import check_data
from domain.events.facts import family_of
from domain.events.types import CORRECTED, EVENT_TYPES, RETRACTED
from domain.values.reach import Reach
from domain.values.scope import Scope, scope_of
from services.intake.intake import Intake
from services.log.messages import Publisher
from tests.access.attacks import CITY, HERE, ORG, SOURCE, THERE, fact
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
        "o city",
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


BODIES = [fact("area", "body.created", "2023-01-01", body="body:area", kind="park", name="园")]
BODIES += [
    fact(body, "body.created", "2023-01-01", body=body, kind="park", name="园", **above)
    for body, above in (("body:here", {"parent": "body:area"}), ("body:there", {}), ("body:b", {}))
]
BODIES += [
    fact(f"p {org}", "organization.placed", "2024-01-01", org=org, body="body:here" if place == HERE else "body:there")
    for place in ORG
    for org in (*ORG[place], *(["group:moved"] if place == THERE else []))
]
# Limits by body, and at which place they let something be said.
LIMITS: dict[str, tuple[Scope, str | None]] = {
    "a body": (scope_of(None, ["body:here"]), HERE), "one above it": (scope_of(None, ["body:area"]), HERE),
    "another": (scope_of(None, ["body:there"]), THERE), "in its county": (scope_of([HERE], ["body:here"]), HERE),
    "in another county": (scope_of([THERE], ["body:here"]), None),
}  # fmt: skip
# What ends something does so a day later: what is said of it after that has a region alone.
ENDS = ("dissolved", "deregistered", "excluded", "removed", "withdrawn")


@pytest.mark.parametrize("limit", LIMITS)
def test_a_grant_by_body_lets_say_what_answers_to_it_and_names_no_region(intake: Intake, limit: str) -> None:
    intake.admit([http(each, STEWARD) for each in [*CITY, *BODIES, fact("v", "visit.made", **_visit())]])
    scope, held = LIMITS[limit]
    for place in (HERE, THERE):
        events = events_at(place)
        for _, event in events:
            if event["type"].removesuffix(".v1").endswith(ENDS):
                event["data"]["effective_on"] = "2024-03-02"
        receipts = intake.admit([http(event, Publisher("one", (Right(scope=scope),))) for _, event in events])
        for (type_, event), receipt in zip(events, receipts, strict=True):
            accepted = receipt.disposition == "accepted"
            assert accepted == (place == held and _is_by_body(type_, event)), (place, event, receipt.reasons)


def _is_by_body(type_: str, event: dict[str, Any]) -> bool:
    """Whether organizations that answer to the body, before and after, are all that an event changes."""
    # A branch that covers nothing stands in a region alone.
    named = any(each in str(event["data"]) for each in ("region", "branch:idle")) or family_of(type_) == "survey"
    at_organizations = EVENT_TYPES[type_].reach in (Reach.WHERE_IT_STANDS, Reach.WHAT_IT_NAMES)
    # The body that they are placed under, or taken from, is another's.
    return at_organizations and not named and not type_.endswith("placed.v1")


def _visit() -> dict[str, Any]:
    return {name: value for name, value in data_of("taizhang.visit.made.v1", HERE).items() if name != "effective_on"}


def test_every_type_is_in_the_matrix_by_what_it_changes() -> None:
    assert {type_ for type_, _ in events_at(HERE)} == set(EVENT_TYPES) - {CORRECTED, RETRACTED}
    assert {EVENT_TYPES[type_].reach for type_, _ in events_at(HERE)} == set(Reach) - {Reach.ITS_TARGET}
