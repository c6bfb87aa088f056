"""Names are compared without what says nothing; a decision stands until another undoes it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from domain.events.facts import Fact, standing_facts
from domain.fieldwork.matching import decided_pairs, decisions, plain_name
from services.fieldwork import matching
from services.fieldwork.matching import Candidate, Record, alike, most_alike
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


_PLAIN = st.text(alphabet="瑞达商贸好味", max_size=8)
_ADDRESS = st.none() | st.text(alphabet="路一二三号", max_size=5)


def _records(prefix: str) -> st.SearchStrategy[list[Record]]:
    told = st.lists(st.tuples(_PLAIN, _ADDRESS), max_size=25)
    return told.map(lambda of: [Record(f"{prefix}{n}", p, "880107", a, p) for n, (p, a) in enumerate(of)])


def _compared(left: Record, right: Record) -> Candidate:
    name = fuzz.ratio(left.plain, right.plain)
    if left.address is None or right.address is None:
        return Candidate(left, right, round(name, 1), None, round(name, 1))
    address = fuzz.ratio(left.address, right.address)
    return Candidate(left, right, round(name, 1), round(address, 1), round((3 * name + address) / 4, 1))


def _close(one: Candidate, other: Candidate) -> bool:
    # Names are scored in single precision, of which the last place may be rounded the other way.
    return (one.left, one.right, one.address_score) == (other.left, other.right, other.address_score) and (
        max(abs(one.name_score - other.name_score), abs(one.score - other.score)) < 0.11
    )


@settings(max_examples=100, deadline=None)
@given(_records("group:"), _records("visit:"), st.sampled_from([50.0, 66.7, 80.0, 100.0]), st.integers(1, 40))
def test_candidates_are_those_that_comparing_each_with_each_gives(
    orgs: list[Record], found: list[Record], name_min: float, most: int
) -> None:
    every = [
        *((one, other) for n, one in enumerate(orgs) for other in orgs[n + 1 :]),
        *((one, other) for one in found for other in orgs),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "_BLOCK", 4)
        pairs = [*alike(orgs, orgs, name_min, same=True), *alike(found, orgs, name_min, same=False)]
        patch.setattr(matching, "CANDIDATES_MAX", most)
        first = most_alike(pairs)
        patch.setattr(matching, "CANDIDATES_MAX", len(every) + 1)
        whole = most_alike(pairs)
    enough = {(a.record, b.record) for a, b in every if fuzz.ratio(a.plain, b.plain) >= name_min}
    assert {(c.left.record, c.right.record) for c in whole} == enough
    assert all(_close(each, _compared(each.left, each.right)) for each in whole)
    assert whole == sorted(whole, key=lambda c: (-c.score, c.left.record, c.right.record))
    assert first == whole[:most]
