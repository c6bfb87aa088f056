"""An office's own ledger file beside the ledger: what it adds, what it never overwrites, what it refuses."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.types import EVENT_TYPES
from domain.fieldwork.lists import Refusal
from domain.fieldwork.office_cells import (
    OFFICE_HEADINGS,
    count,
    formation,
    formed_on,
    instructors,
    never_read,
    office_field,
    tier,
)
from domain.fieldwork.office_files import Compared, Discrepancy, Entry, Known, Statement, compare, entry
from domain.ledger.branches import Branch, branch_coverage_changed, branch_formed
from domain.listing.list_cells import CellError
from tests.fact_data import ECONOMIC, SOCIAL

OFFICE = "/office/880102"
DAY = date(2024, 3, 31)
ORGS = (*ECONOMIC, *SOCIAL)
REGIONS = dict(zip(ORGS, ("880102001", "880102001002", "880102003", "880104001", "8801"), strict=True))
NOTHING = Known(REGIONS, {}, {}, {})
FORMED = "taizhang.branch.formed.v1"
COVERS = "taizhang.branch.coverage_changed.v1"
ASSIGNED = "taizhang.instructor.assigned.v1"
HEADINGS = {name: known[0] for name, known in OFFICE_HEADINGS.items()}


def _entry(org: str, **cells: Any) -> Entry:  # noqa: ANN401 - cells hold anything
    found = entry(1, org, cells, HEADINGS)  # type: ignore[arg-type]  # names of fields
    assert isinstance(found, Entry), found
    return found


def _compared(*entries: Entry, known: Known = NOTHING) -> Compared:
    return compare(OFFICE, DAY, enumerate(entries, 2), known)


def _after(known: Known, statements: tuple[Statement, ...]) -> Known:
    """The ledger once the statements are in it, by the ledger's own fold."""
    branches = dict(known.branches)
    assigned: dict[str, frozenset[str]] = defaultdict(frozenset, known.instructors)
    for type_, data in statements:
        if type_ == ASSIGNED:
            assert data["instructor"] not in assigned[data["org"]]
            assigned[data["org"]] |= {data["instructor"]}
            continue
        fold = {FORMED: branch_formed, COVERS: branch_coverage_changed}[type_]
        branches[data["branch"]], anomaly = fold(branches.get(data["branch"], Branch()), data)
        assert anomaly is None
    return known._replace(branches=branches, instructors=dict(assigned))


def _fits(statements: tuple[Statement, ...]) -> None:
    for type_, data in statements:
        EVENT_TYPES[type_].model_validate(dict(data))


def _rules(found: Compared) -> list[tuple[int, str]]:
    return [(each.row, each.rule) for each in found.refusals]


def test_several_organizations_of_one_branch_are_one_branch_with_its_pairs() -> None:
    """Full and half width are one name; a firm's own branch has a neighbour attached to it."""
    found = _compared(
        _entry(ORGS[0], branch="瑞达（集团）党支部", tier="党支部", formation="单独组建", formed_on="2021年3月5日"),
        _entry(
            ORGS[1],
            branch="瑞达(集团)党支部",
            tier="支部",
            formation="挂靠",
            formed_on=datetime(2021, 3, 5, tzinfo=UTC),
        ),
    )
    assert not found.refusals
    assert not found.discrepancies
    (formed, covers) = found.statements
    assert (formed.type, covers.type) == (FORMED, COVERS)
    assert formed.data["effective_on"] == "2021-03-05"
    assert (formed.data["formation"], formed.data["region"], formed.data["covers"]) == ("standalone", "880102001", [])
    assert covers.data["effective_on"] == DAY.isoformat()
    assert sorted((each["org"], each["formation"]) for each in covers.data["add"]) == sorted(
        [(ORGS[0], "standalone"), (ORGS[1], "affiliated")]
    )
    _fits(found.statements)


def test_a_branch_that_the_ledger_has_is_found_by_its_name_and_only_what_is_new_is_said() -> None:
    state = Branch("东街联合党支部", "branch", "joint", "880102", covers=frozenset(ORGS[:2]))
    known = NOTHING._replace(branches={"branch:b1": state}, instructors={ORGS[0]: frozenset(["person:p1"])})
    found = _compared(
        _entry(ORGS[0], branch="东街联合党支部", formation="联建", instructor="p1"),
        _entry(ORGS[1], branch="东街联合党支部", formation="挂靠组建"),
        _entry(ORGS[2], branch="东街联合党支部", formation="联合组建", instructor="p1、person:p2"),
        known=known,
    )
    assert found.statements[0].data == {
        "effective_on": "2024-03-31",
        "branch": "branch:b1",
        "add": sorted(
            [{"org": ORGS[1], "formation": "affiliated"}, {"org": ORGS[2], "formation": "joint"}],
            key=lambda each: each["org"],
        ),
    }
    assert [(each.data["org"], each.data["instructor"]) for each in found.statements[1:]] == [
        (ORGS[2], "person:p1"), (ORGS[2], "person:p2"),
    ]  # fmt: skip
    assert not found.refusals


def test_numbers_of_members_are_shown_beside_the_ledgers_and_never_published() -> None:
    known = NOTHING._replace(members={ORGS[0]: (3, 1), ORGS[1]: (2, 0)})
    found = _compared(
        _entry(ORGS[0], full="4人", probationary=1, members="5"),
        _entry(ORGS[1], full=2.0, members="—"),
        _entry(ORGS[2], members=1),
        known=known,
    )
    assert found.statements == ()
    assert set(found.discrepancies) == {
        Discrepancy(ORGS[0], "full", 4, 3),
        Discrepancy(ORGS[0], "members", 5, 4),
        Discrepancy(ORGS[2], "members", 1, 0),
    }


def test_nothing_is_ended_by_an_empty_cell_or_another_branch() -> None:
    state = Branch("东街党支部", "branch", "joint", "880102", covers=frozenset(ORGS[:3]))
    known = NOTHING._replace(branches={"branch:b1": state}, instructors={ORGS[0]: frozenset(["person:p1"])})
    found = _compared(
        _entry(ORGS[0], branch="无", instructor=""),
        _entry(ORGS[1], branch="西街党支部", tier="党支部", formation="联合"),
        _entry(ORGS[2], full=0),
        known=known,
    )
    assert {each.type for each in found.statements} == {FORMED, COVERS}
    assert not any("drop" in each.data for each in found.statements)
    assert set(found.discrepancies) == {
        Discrepancy(ORGS[0], "branch", None, "branch:b1"), Discrepancy(ORGS[1], "branch", "西街党支部", "branch:b1"),
    }  # fmt: skip


def test_another_tier_than_the_ledgers_is_a_discrepancy() -> None:
    state = Branch("东街党委", "committee", "standalone", "880102", covers=frozenset(ORGS[:1]))
    said = _entry(ORGS[0], branch="东街党委", tier="党总支", formation="单独")
    found = _compared(said, known=NOTHING._replace(branches={"branch:b1": state}))
    assert found == Compared((), (Discrepancy(ORGS[0], "tier", "general_branch", "committee"),), ())


def _twin(name: str) -> Branch:
    return Branch(name, "branch", "joint", "880102")


@pytest.mark.parametrize(
    ("rule", "cells", "branches"),
    [
        ("branch_ambiguous", [{"tier": "党支部"}], {"branch:b1": _twin("甲党支部"), "branch:b2": _twin("甲党支部")}),
        ("branch_otherwise", [{"tier": "党支部"}, {"tier": "党委"}], {}),
        ("branch_otherwise", [{"tier": "党支部", "formed_on": "2021-03-05"}, {"formed_on": "2021-03-06"}], {}),
        ("tier_missing", [{}, {}], {}),
        ("formed_later", [{"tier": "党支部", "formed_on": "2024-04-01"}], {}),
    ],
)
def test_rows_of_one_branch_that_cannot_all_be_right_are_refused(
    rule: str, cells: list[dict[str, str]], branches: dict[str, Branch]
) -> None:
    said = [
        _entry(org, branch="甲党支部", formation="联合", instructor="p1", **each)
        for org, each in zip(ORGS, cells, strict=False)
    ]
    other = _entry(ORGS[4], branch="乙党支部", tier="党支部", formation="单独")
    found = _compared(*said, other, known=NOTHING._replace(branches=branches))
    assert _rules(found) == [(row, rule) for row in range(2, 2 + len(said))]
    assert {each.data.get("name", "乙党支部") for each in found.statements} == {"乙党支部"}
    assert ASSIGNED not in {each.type for each in found.statements}


def test_a_branch_that_was_dissolved_is_not_formed_again_by_a_file() -> None:
    said = _entry(ORGS[0], branch="甲党支部", tier="党支部", formation="单独")
    formed = _compared(said).statements[0].data["branch"]
    found = _compared(said, known=NOTHING._replace(branches={formed: Branch()}))
    assert (found.statements, _rules(found)) == ((), [(2, "branch_dissolved")])


def test_who_is_not_in_the_ledger_or_is_said_otherwise_twice_is_refused_by_row() -> None:
    known = NOTHING._replace(regions={org: REGIONS[org] for org in ORGS[:2]})
    again = _entry(ORGS[0], instructor="p1")
    found = _compared(again, again, _entry(ORGS[1], full=1), _entry(ORGS[1], full=2), _entry(ORGS[2]), known=known)
    assert _rules(found) == [(4, "listed_twice"), (5, "listed_twice"), (6, "not_registered")]
    assert "rows 4, 5" in found.refusals[0].message
    assert [each.type for each in found.statements] == [ASSIGNED]
    assert found.discrepancies == ()


def test_a_file_turned_upside_down_says_the_same() -> None:
    names = ("甲党支部", "乙党支部", "甲党支部", "丙党支部", "乙党支部")
    rows = [
        (row, _entry(org, branch=name, tier="党支部", formation="联合", instructor="p2;p1", full=row))
        for row, (org, name) in enumerate(zip(ORGS, names, strict=True), 2)
    ]
    found = compare(OFFICE, DAY, rows, NOTHING)
    assert [len(found.statements), len(found.discrepancies)] == [3 + 3 + 10, 5]
    for turned in (rows[::-1], rows[2:] + rows[:2]):
        assert compare(OFFICE, DAY, turned, NOTHING) == found


def test_of_equal_rows_the_first_is_named_whatever_their_order() -> None:
    said = _entry(ORGS[0], branch="甲党支部", formation="单独")
    for rows in ([(9, said), (4, said)], [(4, said), (9, said)]):
        assert _rules(compare(OFFICE, DAY, rows, NOTHING)) == [(4, "tier_missing")]


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"branch": "甲党支部"}, "formation_missing"),
        ({"formation": "单独"}, "branch_missing"),
        ({"branch": "甲党支部", "formation": "网格建立"}, "formation_unknown"),
        ({"tier": "党小组"}, "tier_unknown"),
        ({"formed_on": "2021年3月"}, "day"),
        ({"formed_on": "2021-02-30"}, "day"),
        ({"full": "三名"}, "employees"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_with_its_column_and_remedy(cells: Mapping[Any, Any], rule: str) -> None:
    found = entry(7, ORGS[0], cells, HEADINGS)
    assert isinstance(found, Refusal)
    assert (found.row, found.rule) == (7, rule)
    assert found.column in HEADINGS.values()


@pytest.mark.parametrize("said", ["张三", "11010519491231002X", "13800138000", "p1、李四", "person:a b;王五"])
def test_a_person_where_a_pseudonym_belongs_is_refused_and_never_repeated(said: str) -> None:
    found = entry(7, ORGS[0], {"instructor": said}, HEADINGS)
    assert isinstance(found, Refusal)
    assert found.rule == "pseudonym"
    assert not any(part in "".join(map(str, found)) for part in (said, "张三", "李四", "王五"))


def test_headings_of_offices_are_known_and_those_of_persons_never_read() -> None:
    for field, known in OFFICE_HEADINGS.items():
        for heading in known:
            assert (office_field(heading), never_read(heading)) == (field, False)
            assert office_field(f" {heading}（人） ".replace("党", " 党")) == field
    for heading in (
        "党建工作指导员", "党建工作指导员姓名", "指导员电话", "党组织书记", "书记姓名", "法定代表人", "联系人",
        "联系电话", "身份证号", "政治面貌", "是否是党员", "是否按时足额交纳党费", "处置不合格党员数", "性别", "学历",
    ):  # fmt: skip
        assert (office_field(heading), never_read(heading)) == (None, True), heading


def test_words_of_cells() -> None:
    assert [formation(each) for each in ("单独建立", "依托组建", "联建", "—", None)] == [
        "standalone", "affiliated", "joint", None, None,
    ]  # fmt: skip
    assert [tier(each) for each in ("党 委", "党总支部", "联合党支部", "无")] == [
        "committee", "general_branch", "branch", None,
    ]  # fmt: skip
    assert formed_on("2021.3.5") == formed_on(date(2021, 3, 5)) == date(2021, 3, 5)
    assert (count("12名"), count("无")) == (12, None)
    assert instructors("p-1; P2") == {"person:p-1", "person:P2"}
    with pytest.raises(CellError, match="2021-03-05"):
        formed_on(44_260)


_ENTRIES = st.lists(
    st.builds(
        lambda org, under, who, full, tells: Entry(
            org, under[0], under[1], under[2], None, frozenset(who), full, tells_branch=tells or under[0] is not None
        ),
        st.sampled_from(ORGS),
        st.sampled_from([
            (None, None, None), ("甲党支部", "branch", "joint"), ("甲党支部", None, "standalone"),
            ("甲党支部", "committee", "joint"), ("乙（东）党总支", "general_branch", "standalone"),
            ("乙(东)党总支", None, "affiliated"), ("丙党支部", "branch", "joint"),
        ]),
        st.lists(st.sampled_from(["person:p1", "person:p2"]), max_size=2),
        st.sampled_from([None, 0, 3]),
        st.booleans(),
    ),
    max_size=8,
)  # fmt: skip
_KNOWN = st.builds(
    lambda orgs, own, covers, there: Known(
        {org: REGIONS[org] for org in orgs},
        {"branch:b1": Branch("丙党支部", "branch", own, "8801", covers=frozenset(covers))},
        {ORGS[0]: frozenset(there)},
        {ORGS[1]: (3, 0)},
    ),
    st.sets(st.sampled_from(ORGS)),
    st.sampled_from(["joint", "standalone", None]),
    st.sets(st.sampled_from(ORGS)),
    st.sets(st.sampled_from(["person:p1", "person:p3"])),
)


@given(entries=_ENTRIES, known=_KNOWN, data=st.data())
def test_the_same_file_twice_is_once_and_rows_in_any_order_are_the_same(
    entries: list[Entry], known: Known, data: st.DataObject
) -> None:
    numbered = list(enumerate(entries, 2))
    found = compare(OFFICE, DAY, numbered, known)
    assert compare(OFFICE, DAY, data.draw(st.permutations(numbered)), known) == found
    _fits(found.statements)
    again = compare(OFFICE, DAY, numbered, _after(known, found.statements))
    assert again.statements == ()
    assert again.refusals == found.refusals
    counted = {each for each in found.discrepancies if each.field == "full"}
    assert counted == {each for each in again.discrepancies if each.field == "full"}
