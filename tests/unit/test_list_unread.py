"""What a list holds and nobody reads: named before anything is published, refused where it calls one over."""

from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from domain.fieldwork.list_statements import STATED
from services.lists.errors import ListRefusedError
from services.lists.reconcile import Report
from tests.full_lists import HEADINGS, as_csv, compared, planned, profiled, saved, stock, taken

DAY = "2024-02-29"
ROWS = stock(5)


def _csv(headings: list[str], rows: list[list[Any]]) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in [headings, *rows]).encode()


def _with(heading: str, third: object, others: object = "") -> bytes:
    """A list with one more column, of which the third row differs."""
    return _csv([*HEADINGS, heading], [[*row, third if n == 2 else others] for n, row in enumerate(ROWS)])


def _read(folder: Path, content: bytes, **profile: Any) -> Report:  # noqa: ANN401 - any JSON
    return compared(folder, content, DAY, [], profiled(**profile) if profile else None)[0]


def test_a_column_that_nobody_has_named_holds_the_list_until_its_plan_is_confirmed(tmp_path: Path) -> None:
    report = _read(tmp_path, _with("注册资本", "100"))
    assert report.unread == ["注册资本"]
    assert report.plan is not None
    assert "注册资本" in (report.hindrance(None) or "")
    assert report.hindrance(report.plan.name) is None


def test_a_list_without_such_a_column_is_held_by_nothing(tmp_path: Path) -> None:
    content = _csv(["序号", *HEADINGS], [[n, *row] for n, row in enumerate(ROWS, 1)])
    report = _read(tmp_path, content)
    assert (report.unread, report.hindrance(None)) == ([], None)


@pytest.mark.parametrize("heading", ["党员数", "正式党员人数", "人员情况/党员总数（人）"])
def test_a_number_of_members_is_named_and_holds_nothing(heading: str, tmp_path: Path) -> None:
    report = _read(tmp_path, _with(heading, 3))
    assert (report.unread, report.hindrance(None)) == ([], None)
    assert [each["heading"] for each in report.reading["columns"] if each["what"] == "not_read"] == [heading]


def test_a_column_that_the_profile_sets_aside_holds_nothing(tmp_path: Path) -> None:
    names = ("org", "name", "category", "region", "industry", "employees", "address")
    columns = dict(zip(names, HEADINGS, strict=True))
    report = _read(tmp_path, _with("注册资本", "100"), columns=columns, set_aside=["注册资本"])
    assert (report.unread, report.hindrance(None)) == ([], None)


def test_what_was_confirmed_once_is_stated_and_holds_no_later_list(tmp_path: Path) -> None:
    _, published, _ = planned(tmp_path, _with("注册资本", "100"), DAY, [])
    assert [each["data"]["unread"] for each in published if each["type"] == STATED] == [["注册资本"]]
    known = taken(published)
    again, _, _ = planned(tmp_path, _with("注册资本", "100"), "2024-03-31", known)
    assert (again.unread, again.hindrance(None)) == ([], None)
    another, _, _ = planned(tmp_path, _with("成立日期", "2020-01-01"), "2024-03-31", known)
    assert another.unread == ["成立日期"]


def test_a_hidden_sheet_is_named_as_a_column_is(tmp_path: Path) -> None:
    book = Workbook()
    for sheet, rows in ((book.active, ROWS[:3]), (book.create_sheet("二"), ROWS[3:])):
        assert sheet is not None
        for row in [HEADINGS, *rows]:
            sheet.append(row)
    book["二"].sheet_state = "hidden"
    report = _read(tmp_path, saved(book))
    assert report.unread == ["sheet 二"]


@pytest.mark.parametrize(
    ("heading", "says"),
    [
        ("备注", "已注销"), ("备注", "2024年1月注销"), ("备注", "已于2024年1月注销"), ("备注", "该企业已注销"),
        ("异动情况", "迁出外地"),
        ("其他状态", "吊销，未注销"),
        ("备注", "已被吊销营业执照"), ("列1", "注 销"),
         ("吊销否", "√"), ("已注销否", "1"), ("已注销否", "TRUE"),
    ],
)  # fmt: skip
def test_a_column_that_is_not_read_and_calls_one_over_refuses_the_row(heading: str, says: str, tmp_path: Path) -> None:
    report = _read(tmp_path, _with(heading, says))
    assert [(each.row, each.column, each.rule) for each in report.refusals] == [(4, heading, "over_unread")]


@pytest.mark.parametrize("says", ["拟注销", "企业注销代办", "注销登记代理", "无", "否", "2024年1月开业"])
def test_words_that_call_nobody_over_refuse_nothing(says: str, tmp_path: Path) -> None:
    assert _read(tmp_path, _with("备注", says)).refused == 0


@pytest.mark.parametrize(
    ("heading", "over", "active"),
    [
        ("登记机关状态", "注销", "存续"), ("注销标志", "是", "否"), ("注销标识", 1, 0),
         ("吊销标志", "√", "否"), ("单位状态", "吊销", "正常")],
)  # fmt: skip
def test_a_state_of_registration_under_another_heading_decides(
    heading: str, over: object, active: object, tmp_path: Path
) -> None:
    report = _read(tmp_path, _with(heading, over, active))
    assert (report.refused, report.rows["gone"]) == (0, 1)
    assert report.differences["registered"] == 4


@pytest.mark.parametrize(
    "heading",
    ["从业人数/人", "3.从业人数", "(6)从业人数", "从业人数【人】", "期末从业人数", "用工人数", "从业人数[单位：人]"],
)
def test_a_heading_is_known_by_its_words_whatever_its_number_unit_and_brackets(heading: str, tmp_path: Path) -> None:
    report = _read(tmp_path, _csv([heading if each == "从业人数" else each for each in HEADINGS], ROWS))
    assert [each["field"] for each in report.reading["columns"] if each["heading"] == heading] == ["employees"]


@pytest.mark.parametrize(
    ("begin", "rule"),
    [
        (b"<!-- x --><html>", "html"), (b"<o:p><table>", "html"),
        (b"From: a\r\nSubject: b\r\nMIME-Version: 1.0\r\n", "html"),
        (b"%PDF-1.7", "file_kind"), (b"{\\rtf1", "file_kind"), (b"\x1f\x8b\x08", "file_kind"),
         (b"Rar!\x1a", "file_kind"),
        (b"ID;PWXL;N;E", "file_kind"), (b"\x09\x08\x08\x00", "file_kind"),
         (b"\xd0\xcf\x11\xe0" + bytes(600), "old_excel"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_is_refused_by_name(begin: bytes, rule: str, tmp_path: Path) -> None:
    with pytest.raises(ListRefusedError) as caught:
        _read(tmp_path, begin)
    assert caught.value.refusal.rule == rule


@pytest.mark.parametrize("foot", ["（以下无正文）", "(续下页)", "-----", "记录数：5", "累计户数：5"])
def test_such_a_foot_is_no_organization(foot: str, tmp_path: Path) -> None:
    report = _read(tmp_path, as_csv([*ROWS, [foot, *[""] * (len(HEADINGS) - 1)]]))
    assert (report.refused, report.rows["row"]) == (0, 5)
