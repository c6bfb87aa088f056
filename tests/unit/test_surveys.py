"""Visits beside the ledger: what differs, who is visited again, and how far both agree."""

from collections import Counter
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.events.envelope import check_data
from domain.events.surveys import said_no_more
from domain.fieldwork.surveys import FINDINGS, Visit, agreements, discrepancies, sample, shown_findings
from domain.ledger.entities import Attributes, Organization
from domain.ledger.policy import DEFAULT_POLICY
from domain.ledger.presence import Presence
from domain.ledger.rows import Row, row
from services.fieldwork.surveys import Made, accuracy

DAY = date(2024, 10, 9)


def _findings(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return {name: {"clear": True, **({"value": values[name]} if name in values else {})} for name in FINDINGS}


def _visit(number: int, findings: dict[str, Any], revisits: str | None = None) -> Visit:
    return Visit(f"visit:{number}", "survey:s", "grid:g", f"group:{number}", None, DAY, findings, revisits, number)


def _row(employees: int | None = 12, full_members: int = 2) -> Row:
    attributes = Attributes("new_employment_group", "courier", "站", "880107", None, employees, None, None)
    presence = Presence(full_members, 0, 0, frozenset({"joint"}), 0)
    return row("group:1", Organization(attributes), presence, DEFAULT_POLICY)


def test_a_visit_that_agrees_with_the_ledger_differs_in_nothing() -> None:
    visit = _visit(1, _findings(operation="operating", employees=12, members=2, branch_work="joint"))
    assert discrepancies(visit, _row()) == []
    assert discrepancies(_visit(1, _findings()), _row()) == []


def test_a_visit_of_before_stays_readable_and_is_shown_without_what_no_event_carries() -> None:
    words = "他们说过的话"
    findings = _findings(operation="operating", employees=12, owner="member", problems=words)
    data = {"effective_on": "2024-10-09", "visit": "visit:1", "survey": "survey:s", "grid": "grid:g",
            "org": "group:g-1", "findings": findings}  # fmt: skip
    assert check_data("taizhang.visit.made.v1", data) == []
    assert [each.rule for each in said_no_more(data)] == ["owner_membership", "problem_words"]
    shown = {each.finding: each.value for each in shown_findings(_visit(1, findings))}
    assert shown == {"operation": "operating", "employees": 12, "members": None, "owner": None, "branch_work": None,
                     "problems": None}  # fmt: skip
    kept = _findings(problems="few_members")
    assert shown_findings(_visit(1, kept))[-1].value == "few_members"
    assert said_no_more({"findings": kept}) == []


def test_each_difference_has_its_proposal() -> None:
    visit = _visit(1, _findings(operation="closed", employees=40, members=3, branch_work="none"))
    found = {(d.finding, d.found, d.ledger, d.proposal) for d in discrepancies(visit, _row())}
    assert found == {
        ("operation", "closed", "operating", "exclude"), ("employees", 40, 12, "correction"),
        ("members", 3, 2, "registry_query"), ("branch_work", "none", "joint", "registry_query"),
    }  # fmt: skip


def test_what_is_not_clear_is_not_compared_and_an_unknown_head_count_is() -> None:
    findings = _findings(employees=40)
    findings["employees"]["clear"] = False
    assert discrepancies(_visit(1, findings), _row()) == []
    assert [d.ledger for d in discrepancies(_visit(1, _findings(employees=4)), _row(None))] == [None]


@given(st.integers(1, 60), st.text(min_size=1, max_size=5), st.randoms())
def test_a_sample_does_not_hang_on_the_order_of_visits(size: int, seed: str, random: Any) -> None:  # noqa: ANN401 - random.Random
    made = [_visit(n, _findings()) for n in range(50)]
    drawn = sample(made, size, seed)
    random.shuffle(made)
    assert sample(made, size, seed) == drawn
    assert len({v.visit for v in drawn}) == min(size, 50)


def test_each_visit_is_drawn_as_often_as_any_other() -> None:
    made = [_visit(n, _findings()) for n in range(20)]
    drawn = Counter(v.visit for n in range(2_000) for v in sample(made, 5, str(n)))
    assert min(drawn.values()) > 400
    assert max(drawn.values()) < 600


def test_the_accuracy_comes_with_its_wilson_interval() -> None:
    made = [_visit(n, _findings(employees=5)) for n in range(40)]
    again = [_visit(100 + n, _findings(employees=5 + (n < 3)), f"visit:{n}") for n in range(30)]
    whole = agreements([*made, *again])[0]
    assert (whole.agreed, whole.revisited) == (27, 30)
    first = accuracy(Made(None, [*made, *again]))[0]  # type: ignore[arg-type]  # the survey itself is not asked
    # Wilson 1927: centre and half-width by hand, z = 1.959964.
    z2, n, p = 1.959964**2, 30, 0.9
    centre, half = (p + z2 / 60) / (1 + z2 / n), (z2 * p * (1 - p) / n + z2**2 / (4 * n * n)) ** 0.5 / (1 + z2 / n)
    assert first.low is not None
    assert first.high is not None
    assert abs(first.low - (centre - half)) < 1e-4
    assert abs(first.high - (centre + half)) < 1e-4
    assert first.share == 0.9
