"""Cells are read right or refused with the remedy; lists and events of the same world give the same ledger."""

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events.lists import ListProfiled
from domain.ledger.rows import ledger
from domain.listing import list_cells as cells
from services.demo_city.chance import credit_code
from tests.full_lists import HEADINGS, SOURCE, as_csv, as_xlsx, compared, saved, stock, taken
from tests.histories import fits

CODE = credit_code("private_enterprise", "880107", 7)
DAYS = ["2024-01-31", "2024-02-29", "2024-03-31"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (880107001001.0, "880107001001"), ("880107000000", "880107"), ("8.80107001001E+11", "880107001001"),
        ("８８０１０７", "880107"), (" 880107\u3000", "880107"), ('="880107"', "880107"), ("880107.0", "880107"),
    ],
)  # fmt: skip
def test_a_division_code_that_excel_has_touched_is_given_back(cell: cells.Cell, expected: str) -> None:
    assert cells.region(cell) == expected


@pytest.mark.parametrize(
    ("cell", "rule"), [("8.80107E+11", "digits_lost"), (880107.5, "fraction"), ("88010", "region")]
)
def test_a_division_code_whose_digits_are_lost_is_refused(cell: cells.Cell, rule: str) -> None:
    with pytest.raises(cells.CellError) as caught:
        cells.region(cell)
    assert caught.value.rule == rule


def test_a_credit_code_that_became_a_number_is_refused_with_the_remedy() -> None:
    for cell in (9.13301060000001e17, 913301060000001234, "9.1330106E+17"):
        with pytest.raises(cells.CellError, match="as text") as caught:
            cells.organization(cell, group=False)
        assert caught.value.rule == "digits_lost"
    assert cells.organization(f" {CODE[5:].lower()} ", group=False) == CODE


@pytest.mark.parametrize(
    ("cell", "digits", "expected"),
    [("0111", None, "A0111"), (111, 4, "A0111"), (5, None, "A05"), ("F51", None, "F51"), (51.0, None, "F51"),
     ("", None, None)],
)  # fmt: skip
def test_an_industry_gets_its_section_and_its_lost_zero(cell: cells.Cell, digits: int | None, expected: str) -> None:
    assert cells.industry(cell, digits) == expected


def test_a_number_of_three_digits_may_be_either_and_is_refused() -> None:
    with pytest.raises(cells.CellError, match="leading zero"):
        cells.industry(111)


@pytest.mark.parametrize(
    ("cell", "expected"), [("1,280人", 1280), (12.0, 12), ("１２", 12), ("不详", None), (None, None), ("0", 0)]
)
def test_a_head_count_is_read_as_people_write_it(cell: cells.Cell, expected: int | None) -> None:
    assert cells.employees(cell) == expected


@pytest.mark.parametrize("cell", ["十二", 1.5, date(2024, 3, 1), "12,34", "-3", True])
def test_what_is_no_head_count_is_refused(cell: cells.Cell) -> None:
    with pytest.raises(cells.CellError):
        cells.employees(cell)


def test_titles_totals_notes_and_repeated_headings_are_no_organizations(tmp_path: Path) -> None:
    rows = stock(4)
    content = as_csv([rows[0], rows[1], ["小计", "", "", "", "", "99", ""], [], HEADINGS, rows[2], rows[3],
                      ["", "合计", "", "", "", "180", ""], ["制表人：某某"]])  # fmt: skip
    titled = "某区新经济组织名单,,,,,,\r\n".encode() + content
    report, events, read = compared(tmp_path, titled, "2024-03-31", [])
    assert report.refusals == []
    assert dict(report.rows) == {"row": 4, "total": 2, "blank": 1, "heading": 1, "note": 1}
    assert len(read) == report.differences["registered"] == len(events) == 4


def test_a_merged_cell_speaks_for_all_its_rows_and_a_merged_title_for_none(tmp_path: Path) -> None:
    rows = stock(5)
    for row in rows:
        row[3] = "880107001"
    book = as_xlsx(rows)
    sheet = book.active
    assert sheet is not None
    sheet.insert_rows(1)
    sheet["A1"] = "某区名单"
    sheet.merge_cells("A1:G1")
    sheet.merge_cells("D3:D7")
    report, _, read = compared(tmp_path, saved(book), "2024-03-31", [])
    assert report.refusals == []
    assert {each.fields["region"] for each in read} == {"880107001"}


def test_one_cell_far_out_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    book = as_xlsx(stock(2))
    sheet = book.active
    assert sheet is not None
    sheet["XFD1048576"] = "x"
    with pytest.raises(Exception, match="CSV"):
        compared(tmp_path, saved(book), "2024-03-31", [])


def test_a_row_that_stands_twice_and_differs_is_refused_with_both_rows(tmp_path: Path) -> None:
    rows = stock(3)
    other = [*rows[0][:5], "77", rows[0][6]]
    report, _, _ = compared(tmp_path, as_csv([*rows, rows[1], other]), "2024-03-31", [])
    assert report.rows["repeated"] == 2
    (refusal,) = report.refusals
    assert (refusal.row, refusal.rule) == (6, "listed_twice")
    assert "row 2" in refusal.message


def test_a_list_that_leaves_many_out_needs_its_plan_confirmed(tmp_path: Path) -> None:
    rows = stock(20)
    _, events, _ = compared(tmp_path, as_csv(rows), "2024-01-31", [])
    report, gone, _ = compared(tmp_path, as_csv(rows[:18]), "2024-02-29", taken(events))
    assert report.differences["deregistered"] == len(gone) == 2
    assert report.plan is not None
    assert f"--confirm {report.plan.name}" in (report.hindrance(None) or "")
    assert report.hindrance("4-" + "0" * 32) is not None
    assert report.hindrance(report.plan.name) is None
    report, _, _ = compared(tmp_path, as_csv(rows[:19]), "2024-02-29", taken(events))
    assert report.hindrance(None) is None


def test_a_list_with_an_unreadable_row_publishes_nothing(tmp_path: Path) -> None:
    rows = stock(3)
    rows[1][0] = "91330106"
    report, events, _ = compared(tmp_path, as_csv(rows), "2024-01-31", [])
    assert (report.refusals[0].row, report.refusals[0].column) == (3, "统一社会信用代码")
    assert events == []
    assert "cannot be read" in (report.hindrance(None) or "")


def test_what_the_list_has_no_column_for_stays_as_it_was(tmp_path: Path) -> None:
    rows = stock(3)
    _, events, _ = compared(tmp_path, as_csv(rows), "2024-01-31", [])
    short = "\r\n".join(",".join(row[:4]) for row in [HEADINGS, *rows]).encode()
    report, none, _ = compared(tmp_path, short, "2024-02-29", taken(events))
    assert none == []
    assert report.differences["unchanged"] == 3


def test_a_profile_names_columns_constants_and_words(tmp_path: Path) -> None:
    profile = ListProfiled.model_validate(
        {
            "effective_on": "2024-01-01", "list": SOURCE,
            "columns": {"org": "代码", "name": "全称", "category": "性质"},
            "constants": {"region": "880107"}, "categories": {"民办": "private_enterprise"},
        }
    )  # fmt: skip
    content = f"代码,全称,性质\n{CODE[5:]},瑞达,民办\n".encode("gb18030")
    report, events, _ = compared(tmp_path, content, "2024-01-31", [], profile)
    assert report.file["encoding"] == "gb18030"
    assert events[0]["data"]["region"] == "880107"
    assert events[0]["data"]["category"] == "private_enterprise"


worlds = st.lists(
    st.dictionaries(
        st.integers(1, 6),
        st.tuples(
            st.sampled_from(["甲", "乙"]), st.sampled_from(["880107", "880107001"]), st.sampled_from(["", "3", "60"])
        ),
        min_size=1,
    ),
    min_size=3,
    max_size=3,
)


def _list_of(world: dict[int, tuple[str, str, str]]) -> bytes:
    rows = stock(6)
    return as_csv(
        [[rows[n - 1][0], name, "私营企业", region, "", count, ""] for n, (name, region, count) in world.items()]
    )


def _events_of(history: list[dict[int, tuple[str, str, str]]]) -> list[dict[str, Any]]:
    """The same history as a registry that has events would tell it."""
    told: list[dict[str, Any]] = []
    before: dict[int, tuple[str, str, str]] = {}
    for day, world in zip(DAYS, history, strict=True):
        for n in sorted(before.keys() | world.keys()):
            org, was, now = f"uscc:{stock(6)[n - 1][0]}", before.get(n), world.get(n)
            if was == now:
                continue
            name, data = "deregistered", {"reason": "dissolved"}
            if now is not None:
                data = {"name": now[0], "region": now[1], "employees": int(now[2]) if now[2] else None}  # type: ignore[dict-item]  # any JSON
                name = "changed"
            if was is None:
                name = "registered"
                data = {"kind": "new_economic", "category": "private_enterprise", **data}
            told.append(
                {
                    "specversion": "1.0", "id": f"{day}-{n}", "source": SOURCE, "time": f"{day}T09:00:00+08:00",
                    "type": f"taizhang.organization.{name}.v1", "data": {"effective_on": day, "org": org, **data},
                }
            )  # fmt: skip
        before = world
    return told


@settings(max_examples=60)
@given(worlds, st.integers(0, 3))
def test_lists_and_events_of_the_same_world_give_the_same_ledger(
    history: list[dict[int, tuple[str, str, str]]], told_by_events: int
) -> None:
    by_events = _events_of(history)
    # The registry tells the first days by events and goes over to lists.
    log = [event for event in by_events if event["data"]["effective_on"] in DAYS[:told_by_events]]
    with tempfile.TemporaryDirectory() as folder:
        for day, world in list(zip(DAYS, history, strict=True))[max(told_by_events - 1, 0) :]:
            _, published, _ = compared(Path(folder), _list_of(world), day, taken(log))
            log += published
            _, again, _ = compared(Path(folder), _list_of(world), day, taken(log))
            assert again == []
    for day in DAYS:
        expected = ledger(taken(by_events), date.fromisoformat(day), fits).rows()
        assert ledger(taken(log), date.fromisoformat(day), fits).rows() == expected


@settings(max_examples=40)
@given(worlds)
def test_a_list_is_the_last_word_on_its_day(history: list[dict[int, tuple[str, str, str]]]) -> None:
    late = _events_of(history)
    for event in late:
        event["data"]["effective_on"] = DAYS[0]
        event["time"] = f"{event['time'][:10]}T23:59:59.999999999Z"
    with tempfile.TemporaryDirectory() as folder:
        _, published, _ = compared(Path(folder), _list_of(history[0]), DAYS[0], taken(late))
        assert compared(Path(folder), _list_of(history[0]), DAYS[0], taken(late + published))[1] == []
