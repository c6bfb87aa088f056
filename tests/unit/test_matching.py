"""Names are compared without what says nothing; a decision stands until another undoes it."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opencc import OpenCC
from rapidfuzz import fuzz

from domain.events.facts import Fact, standing_facts
from domain.fieldwork.matching import decided_pairs, decisions, plain_name
from services.fieldwork import matching
from services.fieldwork.matching import NAME_MIN, Candidate, Record, alike, most_alike, name_score, simplified
from tests.examples import case
from tests.histories import as_events, fits

PLACES = ("澜陵省", "澜渡市", "澄江区")


def score(left: str, right: str) -> float:
    """How alike two names of the county are."""
    one, other = (plain_name(simplified(name), PLACES) for name in (left, right))
    return name_score(fuzz.ratio(one.text, other.text), one, other)


@pytest.mark.parametrize(
    ("name", "places", "plain"),
    [
        ("高朗区瑞达（商贸）有限公司", ["高朗区"], "瑞达商贸"),
        ("高朗瑞达商贸有限责任公司", ["高朗区"], "瑞达商贸"),
        ("某某市高朗区瑞达商贸", ["高朗区"], "瑞达商贸"),
        ("瑞达（高朗）商贸", ["高朗区"], "瑞达商贸"),
        ("瑞达 商贸", [], "瑞达商贸"),
        ("Ｒｕｉｄａ科技有限公司分公司", [], "ruida科技"),
        ("有限公司", [], "有限公司"),
        # What only looks like a place tells names apart, and so does a place where nothing else does.
        ("瑞和超市有限公司", ["高朗区"], "瑞和超市"),
        ("青石镇农贸市场", ["高朗区"], "青石镇农贸市场"),
        ("高朗区养老服务中心", ["高朗区"], "高朗区养老服务中心"),
        ("阳光社区食堂", ["阳光区"], "阳光社区食堂"),
    ],
)
def test_a_name_is_compared_without_the_places_that_all_share_and_the_legal_form(
    name: str, places: list[str], plain: str
) -> None:
    assert plain_name(name, places).text == plain


@pytest.mark.parametrize("alike", [True, False])
def test_the_case_of_names_comes_out_right(alike: bool) -> None:  # noqa: FBT001 - a parameter of the test
    for pair in case("11-match-names")["alike" if alike else "not_alike"]:
        assert (score(*pair) >= NAME_MIN) is alike, pair


def measured(which: str, least: float) -> tuple[int, int, int]:
    """Of the labelled pairs of a set: alike and scored so much, all scored so much, all alike."""
    with (Path(__file__).parents[1] / "data" / "names" / "pairs.csv").open(encoding="utf-8") as file:
        pairs = [(score(row["left"], row["right"]), row["alike"] == "1") for row in csv.DictReader(file)
                 if row["set"] == which]  # fmt: skip
    return sum(a for s, a in pairs if s >= least), sum(s >= least for s, _ in pairs), sum(a for _, a in pairs)


@pytest.mark.parametrize(
    ("which", "least", "expected"),
    [
        ("worked", 90.0, (93, 93, 102)),
        ("worked", NAME_MIN, (102, 104, 102)),
        ("held_out", 90.0, (18, 19, 25)),
        ("held_out", NAME_MIN, (22, 29, 25)),
    ],
)
def test_the_labelled_pairs_are_told_apart_as_well_as_the_readme_says(
    which: str, least: float, expected: tuple[int, int, int]
) -> None:
    assert measured(which, least) == expected


_WORDS = st.text(alphabet="瑞达青禾云帆锦程金穗", min_size=2, max_size=4)
_TRADE = st.sampled_from(("超市", "养老服务中心", "商贸有限公司", "幼儿园", "快递站", "餐饮店"))
_MARKS = (*(f"{n}店" for n in "一二三四五"), "十二号店", "12分店", "东门店", "西门店", "南街店", "北街店", "分公司", "")


@given(_WORDS, _TRADE, st.permutations(_MARKS).map(lambda found: found[:2]))
def test_one_of_several_is_never_offered_as_another(word: str, trade: str, marks: list[str]) -> None:
    assert score(*(f"{word}{trade}{mark}" for mark in marks)) < NAME_MIN


@given(st.lists(_WORDS, min_size=2, max_size=2, unique_by=lambda word: word[:2]), _TRADE)
def test_a_shared_trade_makes_no_two_names_one(words: list[str], trade: str) -> None:
    if not set(words[0]) & set(words[1]):
        assert score(*(f"{word}{trade}" for word in words)) < NAME_MIN


@given(
    _WORDS, _TRADE,
    st.sampled_from(("", "澄江", "澄江区", "澜渡市澄江区", "澜陵省澜渡市澄江区", "澜渡澄江", "澜渡市", "临水市澄江区")),
    st.sampled_from((str, OpenCC("s2t").convert, OpenCC("s2hk").convert, OpenCC("s2twp").convert)),
)  # fmt: skip
def test_places_before_it_and_traditional_characters_leave_a_name_the_same(
    word: str, trade: str, place: str, written: Callable[[str], str]
) -> None:
    name = f"{word}{trade}"
    assert score(name, written(f"{place}{name}")) == 100


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


_PLAIN = st.text(alphabet="瑞达商贸好味东西一二店", max_size=8)
_ADDRESS = st.none() | st.text(alphabet="路一二三号", max_size=5)


def _records(prefix: str) -> st.SearchStrategy[list[Record]]:
    told = st.lists(st.tuples(_PLAIN, _ADDRESS), max_size=25)
    return told.map(lambda of: [Record(f"{prefix}{n}", p, "880107", a, plain_name(p)) for n, (p, a) in enumerate(of)])


def _name_score(left: Record, right: Record) -> float:
    return name_score(fuzz.ratio(left.plain.text, right.plain.text), left.plain, right.plain)


def _compared(left: Record, right: Record) -> Candidate:
    name = _name_score(left, right)
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
    enough = {(a.record, b.record) for a, b in every if _name_score(a, b) >= name_min}
    assert {(c.left.record, c.right.record) for c in whole} == enough
    assert all(_close(each, _compared(each.left, each.right)) for each in whole)
    assert whole == sorted(whole, key=lambda c: (-c.score, c.left.record, c.right.record))
    assert first == whole[:most]
