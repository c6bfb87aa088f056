"""What decides a row's values: the law of domain/ledger/traces.py on random histories, and cases worked by hand."""

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.rows import ledger
from tests.explaining import ORG, changed, explained, only, registered
from tests.histories import as_events, deliveries, fits
from tests.sending import corrected, envelope, retracted


@settings(max_examples=150, deadline=None)
@given(deliveries(), st.integers(1, 28))
def test_the_deciding_events_alone_give_the_same_value(history: list[Any], day_of_month: int) -> None:
    events, day = as_events(history), date(2024, 2, day_of_month)
    for row, decided in explained(events, day):
        for name, positions in [*decided._asdict().items(), *decided.attributes.items()]:
            if name == "attributes":
                continue
            # An organization that is not registered has no row in which a value could stand.
            alone = {*positions, *decided.attributes["kind"]}
            rows = ledger([e for e in events if e.position in alone], day, fits).rows()
            (again,) = [each for each in rows if each.org == row.org]
            if name in decided.attributes:
                assert getattr(again.attributes, name) == getattr(row.attributes, name)
            else:
                assert getattr(again, name) == getattr(row, name), name


def enrolled(id_: str, member: str, standing: str) -> dict[str, Any]:
    data = {"effective_on": "2024-02-02", "member": member, "standing": standing, "org": ORG}
    return envelope(id_, "member.enrolled", data)


def test_a_value_is_decided_by_the_registration_and_its_last_change() -> None:
    decided = only(registered(employees=3), changed("e2", "2024-02-02", employees=60, name="乙"))
    assert decided.attributes["employees"] == (1, 2)
    assert decided.attributes["region"] == (1,)
    assert decided.measure == (1, 2)


def test_a_change_to_what_already_holds_decides_nothing() -> None:
    decided = only(registered(employees=60), changed("e2", "2024-02-02", employees=60))
    assert decided.attributes["employees"] == (1,)


def test_a_correction_that_stands_decides_beside_its_target() -> None:
    replacement = {**registered()["data"], "name": "丙"}
    decided = only(registered(), corrected("c1", "e1", replacement))
    assert decided.attributes["name"] == (1, 2)


def test_a_retracted_change_decides_nothing() -> None:
    decided = only(registered(), changed("e2", "2024-02-02", name="乙"), retracted("r1", "e2"))
    assert decided.attributes["name"] == (1,)


def test_members_are_told_by_standing() -> None:
    standing = {"effective_on": "2024-02-03", "member": "member:b", "standing": "full"}
    decided = only(
        registered(),
        enrolled("e2", "member:a", "full"),
        enrolled("e3", "member:b", "probationary"),
        envelope("e4", "member.standing_changed", standing),
        enrolled("e5", "member:c", "activist"),
    )
    assert decided.full_members == decided.eligible == (2, 3, 4)
    assert decided.probationary_members == ()
    assert decided.activists == (5,)


def test_a_policy_decides_what_rests_on_it() -> None:
    formed = {
        "effective_on": "2024-02-02", "branch": "branch:a", "name": "支部", "tier": "branch", "formation": "joint",
        "region": "510104", "covers": [ORG],
    }  # fmt: skip
    adopted = {
        "effective_on": "2024-02-01", "full_members_for_branch": 3, "employees_for_branch": 50,
        "formations_counted": ["standalone"],
    }  # fmt: skip
    decided = only(registered(), envelope("e2", "branch.formed", formed), envelope("e3", "policy.adopted", adopted))
    assert decided.formation == decided.work_covered == (2,)
    assert decided.organization_covered == (2, 3)
    assert decided.eligible == (3,)
    assert decided.measure == (1, 3)
