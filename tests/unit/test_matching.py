"""Names are compared without what says nothing; a decision stands until another undoes it."""

from typing import Any

import pytest

from domain.facts import Fact, standing_facts
from domain.matching import decided_pairs, decisions, plain_name
from tests.histories import as_events, fits


@pytest.mark.parametrize(
    ("name", "place", "plain"),
    [
        ("高朗区瑞达（商贸）有限公司", "高朗区", "瑞达商贸"),
        ("高朗瑞达商贸有限责任公司", "高朗区", "瑞达商贸"),
        ("瑞达 商贸", None, "瑞达商贸"),
        ("Ｒｕｉｄａ科技有限公司分公司", None, "ruida科技"),
        ("某某省某某市好味餐饮店", None, "某某市好味餐饮"),
        ("有限公司", None, "有限公司"),
    ],
)
def test_a_name_is_compared_without_place_and_legal_form(name: str, place: str | None, plain: str) -> None:
    assert plain_name(name, place) == plain


def _facts(*told: tuple[str, dict[str, Any]]) -> list[Fact]:
    events = [
        {
            "specversion": "1.0", "id": f"e{n}", "source": "/office", "time": f"2024-01-0{n + 1}T00:00:00Z",
            "type": f"taizhang.match.{name}.v1",
            "data": {"effective_on": f"2024-01-0{n + 1}", "match": "match:1", **data},
        }
        for n, (name, data) in enumerate(told)
    ]  # fmt: skip
    return standing_facts(as_events(events), fits)[0]


PAIR = {"org": "group:a", "other": "group:b", "same": True, "reason": "同址同人"}
UNDO = {"reason": "分属两家"}


def test_a_decision_stands_until_it_is_undone_and_may_be_made_anew() -> None:
    made, wrong = decisions(_facts(("decided", PAIR)))
    assert decided_pairs(made) == {frozenset({"group:a", "group:b"})}
    assert wrong == []
    made, _ = decisions(_facts(("decided", PAIR), ("undone", UNDO)))
    assert decided_pairs(made) == frozenset()
    assert made[0].undone_reason == "分属两家"
    made, wrong = decisions(_facts(("decided", PAIR), ("undone", UNDO), ("decided", {**PAIR, "same": False})))
    assert [(each.same, each.undone_on) for each in made] == [(False, None)]
    assert wrong == []


def test_what_contradicts_is_reported_and_has_no_effect() -> None:
    made, wrong = decisions(_facts(("undone", UNDO), ("decided", PAIR), ("decided", {**PAIR, "same": False})))
    assert [each.contradiction for each in wrong] == ["not_decided", "already_decided"]
    assert made[0].same
