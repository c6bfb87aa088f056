"""How a branch covers is said of the pair, and parents that would make a circle: cases worked by hand."""

from datetime import date
from typing import Any

import pytest

from domain.events.envelope import check_data
from domain.ledger.rows import Ledger, ledger
from tests.explaining import DAY, ORG, only, registered
from tests.fact_data import ECONOMIC
from tests.histories import as_events, fits
from tests.sending import envelope

FIRM, NEIGHBOUR = ECONOMIC[0], ECONOMIC[1]


def formed(covers: list[Any], branch: str = "branch:a", formation: str = "standalone", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    data = {
        "effective_on": "2024-02-02", "branch": branch, "name": "支部", "tier": "branch", "formation": formation,
        "region": "510104", "covers": covers, **more,
    }  # fmt: skip
    return envelope(f"formed-{branch[7:]}", "branch.formed", data)


def coverage(id_: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return envelope(id_, "branch.coverage_changed", {"effective_on": "2024-02-03", "branch": "branch:a", **said})


def changed(id_: str, branch: str, on: str = "2024-02-04", **said: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return envelope(id_, "branch.changed", {"effective_on": on, "branch": branch, **said})


def folded(*contents: dict[str, Any], day: date = DAY) -> Ledger:
    firms = [registered(), {**registered("e2"), "data": {**registered()["data"], "org": NEIGHBOUR}}]
    return ledger(as_events([*firms, *contents]), day, fits)


def told(*contents: dict[str, Any]) -> dict[str, str | None]:
    return {row.org: row.formation for row in folded(*contents).rows()}


ATTACHED = {"org": NEIGHBOUR, "formation": "affiliated"}


def test_a_neighbour_is_attached_to_a_firms_own_branch_while_the_firm_stands_alone() -> None:
    assert told(formed([FIRM, ATTACHED])) == {FIRM: "standalone", NEIGHBOUR: "affiliated"}


def test_adding_again_says_anew_how() -> None:
    assert told(formed([FIRM, ATTACHED]), coverage("c1", add=[{**ATTACHED, "formation": "joint"}])) == {
        FIRM: "standalone", NEIGHBOUR: "joint",
    }  # fmt: skip
    assert told(formed([FIRM, ATTACHED]), coverage("c1", add=[NEIGHBOUR]))[NEIGHBOUR] == "standalone"


def test_the_branchs_own_formation_moves_only_those_of_whom_nothing_else_is_said() -> None:
    assert told(formed([FIRM, ATTACHED]), coverage("c1", formation="joint")) == {
        FIRM: "joint", NEIGHBOUR: "affiliated",
    }  # fmt: skip


def test_what_is_dropped_is_covered_no_more_however_it_was() -> None:
    found = folded(formed([FIRM, ATTACHED]), coverage("c1", drop=[NEIGHBOUR]))
    assert found.branches["branch:a"].covers == {FIRM}
    assert not found.branches["branch:a"].pairs


def test_a_pair_of_which_it_is_said_how_is_decided_by_that_alone() -> None:
    own = coverage("c1", formation="joint")
    assert only(registered(), formed([{"org": ORG, "formation": "affiliated"}]), own).formation == (2,)
    assert only(registered(), formed([ORG]), own).formation == (2, 3)


@pytest.mark.parametrize("item", [{"org": FIRM}, {"org": FIRM, "formation": "loose"}, {**ATTACHED, "more": 1}, 5])
def test_an_item_of_another_form_is_refused(item: Any) -> None:  # noqa: ANN401 - any JSON
    assert check_data("taizhang.branch.formed.v1", formed([item])["data"])


def test_a_parent_that_would_make_a_circle_has_no_effect() -> None:
    found = folded(
        formed([], "branch:a"), formed([], "branch:b", parent="branch:a"), changed("c1", "branch:a", parent="branch:b")
    )
    assert found.parents == {"branch:b": "branch:a"}
    assert [(each.anomaly, each.subject) for each in found.anomalies] == [("parent_in_circle", "branch:a")]


def test_a_parent_is_cleared_and_then_the_other_way_round_is_no_circle() -> None:
    found = folded(
        formed([], "branch:a"), formed([], "branch:b", parent="branch:a"),
        changed("c1", "branch:b", parent=None), changed("c2", "branch:a", on="2024-02-05", parent="branch:b"),
    )  # fmt: skip
    assert found.parents == {"branch:a": "branch:b"}
    assert not found.anomalies


def test_a_branch_changes_its_name_and_tier_and_nothing_while_not_formed() -> None:
    found = folded(
        formed([]),
        changed("c1", "branch:a", name="总支", tier="general_branch", groups=2),
        changed("c2", "branch:b", groups=1),
    )
    state = found.branches["branch:a"]
    assert (state.name, state.tier, state.groups) == ("总支", "general_branch", 2)
    assert [(each.anomaly, each.subject) for each in found.anomalies] == [("not_formed", "branch:b")]
