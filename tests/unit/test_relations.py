"""Members whose relation is elsewhere, legal persons, and branches of one's own: cases worked by hand."""

from typing import Any

import pytest

from domain.assessment.assessments import differences
from domain.ledger.entities import Member, counted_as
from domain.ledger.rates import Counts, count_row, rates
from domain.ledger.rows import Row, ledger
from tests.explaining import DAY, ORG, changed, only, registered
from tests.histories import as_events, fits
from tests.sending import envelope

BOTH = {
    "effective_on": "2024-02-01", "full_members_for_branch": 3, "employees_for_branch": 50,
    "formations_counted": ["standalone", "joint", "affiliated"], "members_counted": "here_and_elsewhere",
}  # fmt: skip


def enrolled(id_: str, standing: str = "full", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    data = {"effective_on": "2024-02-02", "member": f"member:{id_}", "standing": standing, "org": ORG, **more}
    return envelope(id_, "member.enrolled", data)


def moved(id_: str, member: str, relation: str) -> dict[str, Any]:
    data = {"effective_on": "2024-02-03", "member": f"member:{member}", "relation": relation}
    return envelope(id_, "member.relation_changed", data)


def formed(formation: str) -> dict[str, Any]:
    data = {
        "effective_on": "2024-02-02", "branch": "branch:a", "name": "支部", "tier": "branch", "formation": formation,
        "region": "510104", "covers": [ORG],
    }  # fmt: skip
    return envelope("b1", "branch.formed", data)


def row(*contents: dict[str, Any]) -> Row:
    """The one row that these events give."""
    (found,) = ledger(as_events(list(contents)), DAY, fits).rows()
    return found


MEMBERS = [enrolled("m1"), enrolled("m2"), enrolled("m3", relation="elsewhere"), enrolled("m4", "probationary")]


def test_members_elsewhere_are_counted_apart_and_make_nobody_eligible() -> None:
    found = row(registered(), *MEMBERS, moved("e1x", "m4", "elsewhere"))
    assert (found.full_members, found.probationary_members, found.members_elsewhere) == (2, 0, 2)
    assert (found.eligible, found.measure) == (False, "combine")


def test_a_policy_that_counts_them_makes_eligible_and_says_so_of_what_decides() -> None:
    events = [registered(), *MEMBERS, envelope("p1", "policy.adopted", BOTH)]
    assert (row(*events).eligible, row(*events).measure, row(*events).full_members) == (True, "establish", 2)
    decided = only(*events)
    assert decided.eligible == (2, 3, 4, 6)
    assert decided.members_elsewhere == (4,)


def test_an_activist_counts_alike_wherever_the_relation_is() -> None:
    assert row(registered(), enrolled("m1", "activist", relation="elsewhere")).activists == 1
    assert counted_as(Member("activist", ORG, "elsewhere")) == "activist"
    with pytest.raises(ValueError, match="not enrolled"):
        counted_as(Member())


def test_a_transfer_without_a_relation_brings_it_here() -> None:
    data = {"effective_on": "2024-02-03", "member": "member:m1", "from_org": ORG, "to_org": ORG}
    found = row(registered(), enrolled("m1", relation="elsewhere"), envelope("t1", "member.transferred", data))
    assert (found.full_members, found.members_elsewhere) == (1, 0)


def test_a_legal_person_follows_from_the_category_where_nothing_is_said() -> None:
    shop = changed("c1", "2024-02-03", category="sole_proprietor")
    assert row(registered()).attributes.legal_person is True
    assert row(registered(), shop).attributes.legal_person is False
    assert row(registered(legal_person=True), shop).attributes.legal_person is True
    assert only(registered(), shop).attributes["legal_person"] == (1, 2)


@pytest.mark.parametrize(("formation", "alone"), [("standalone", 1), ("joint", 0)])
def test_an_eligible_organization_under_a_branch_of_its_own_counts_as_such(formation: str, alone: int) -> None:
    counted = count_row(row(registered(), *MEMBERS, enrolled("m5"), formed(formation)))
    assert (counted.eligible, counted.eligible_covered, counted.eligible_standalone) == (1, 1, alone)
    assert rates(counted)["eligible_standalone_coverage"].value == f"{alone}.0000"


def test_a_report_sealed_before_a_count_was_told_is_not_held_against_it() -> None:
    before = {name: n for name, n in Counts(registered=1)._asdict().items() if name != "members_elsewhere"}
    assert not list(differences({"total": before}, {"total": Counts(registered=1)._asdict()}))
    assert list(differences({"total": before}, {"total": Counts(registered=2)._asdict()}))
    del before["joint"]
    assert list(differences({"total": before}, {"total": Counts(registered=1)._asdict()}))
