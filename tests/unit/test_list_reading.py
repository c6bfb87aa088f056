"""What a list's rows, columns and sheets are, told by their form; nothing is left out in silence."""

from pathlib import Path
from typing import Any

import pytest

from domain.listing.list_places import Places
from services.lists.errors import ListRefusedError
from services.lists.reconcile import Report
from tests.full_lists import HEADINGS, as_csv, as_xlsx, compared, profiled, saved, stock, table, taken

DAY = "2024-03-31"
PLACES = Places(
    [("88", "澜省"), ("8801", "澜渡市"), ("880102", "朗渡区"), ("880104", "澄江区"), ("880102001", "城关镇"),
     ("880104001", "城关镇"), ("880104002", "滨江街道"), ("880104002003", "和平社区")]
)  # fmt: skip


def _refused(folder: Path, content: bytes, **given: Any) -> tuple[str, str]:  # noqa: ANN401 - as `compared` takes
    """The rule and words by which a whole file, or its only unreadable row, is refused."""
    try:
        report, events, _ = compared(folder, content, DAY, [], **given)
    except ListRefusedError as error:
        return error.refusal.rule, str(error)
    assert events == []
    (refusal,) = report.refusals
    return refusal.rule, f"{refusal.row} {refusal.column} {refusal.message}"


def _columns(report: Report) -> dict[str, str]:
    return {each["heading"]: each["what"] for each in report.reading["columns"]}


@pytest.mark.parametrize(
    ("what", "row"),
    [
        ("total", ["合计：100户"]), ("total", ["", "本页小计", "", "", "", "1,234"]), ("total", ["合计（户）", "100"]),
        ("total", ["朗渡区小计", "", "", "", "", "99人"]), ("total", ["共 100 户"]), ("total", ["总户数：100"]),
        ("note", ["制表人：某某", "", "审核人：某某"]), ("note", ["第1页", "共3页"]), ("note", ["第 1 页 / 共 3 页"]),
        ("note", ["- 2 -"]), ("note", ["单位负责人（签章）：", "某某", "", "填表日期：", "2024年3月31日"]),
        ("note", ["制表人", "某某", "审核人", "某某"]), ("note", ["说明：本表截至3月底，含分支机构。"]),
        ("note", ["一、非公有制企业"]), ("note", ["2024年3月31日"]),
        ("heading", ["甲", "乙", "丙", "1", "2", "3", "4"]),
        ("heading", ["1", "2", "3", "4", "5", "6", "7"]), ("heading", HEADINGS),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_workbook", [False, True])
def test_totals_and_feet_are_told_by_their_form(
    what: str, row: list[str], tmp_path: Path, *, is_workbook: bool
) -> None:
    rows = [*stock(3), row]
    content = saved(as_xlsx(rows)) if is_workbook else as_csv(rows)
    report, events, _ = compared(tmp_path, content, DAY, [])
    assert report.refusals == []
    assert (report.rows["row"], report.rows[what], len(events)) == (3, 1, 3)
    assert "某某" not in str(report.left_out)


@pytest.mark.parametrize(
    "row",
    [
        ["", "瑞达商贸有限公司"], ["瑞达商贸有限公司"], ["", "上海合计算机有限公司"], ["", "瑞达", "", "", "", "合计"],
        ["", "合计", "私营企业", "880107", "", "3", "某路1号"], ["", "", "", "880107"], ["#REF!"],
        ["制表人", "某某", "某路"], ["待补"], ["98"], ["？"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_workbook", [False, True])
def test_a_row_that_holds_anything_else_is_refused_by_its_number(
    row: list[str], tmp_path: Path, *, is_workbook: bool
) -> None:
    rows = [*stock(3), row]
    report, events, _ = compared(tmp_path, saved(as_xlsx(rows)) if is_workbook else as_csv(rows), DAY, [])
    assert [each.row for each in report.refusals] == [5]
    assert events == []


def test_numbers_printed_before_empty_rows_are_nothing(tmp_path: Path) -> None:
    rows = [["1", *stock(1)[0]], ["2"], ["3"]]
    content = "\r\n".join(",".join(row) for row in [["序号", *HEADINGS], *rows]).encode()
    report, events, _ = compared(tmp_path, content, DAY, [])
    assert (len(events), report.rows["blank"], report.refusals) == (1, 2, [])


@pytest.mark.parametrize("value", ["#REF!", "#N/A", "#DIV/0!", "#VALUE!", "#NAME?", "Err:502", "########"])
@pytest.mark.parametrize("column", range(len(HEADINGS)))
def test_an_error_is_refused_in_every_column(value: str, column: int, tmp_path: Path) -> None:
    rows = stock(3)
    rows[1][column] = value
    rule, words = _refused(tmp_path, as_csv(rows))
    assert rule == "formula_error"
    assert words.startswith(f"3 {HEADINGS[column]} ")


def test_errors_in_columns_that_nobody_reads_stop_the_list_until_they_are_set_aside(tmp_path: Path) -> None:
    lines = [",".join([*row, "#N/A"]) for row in stock(2)]
    content = table(",".join([*HEADINGS, "备注"]), *lines)
    report, _, _ = compared(tmp_path, content, DAY, [])
    assert [each.column for each in report.refusals] == ["备注", "备注"]
    fields = ("org", "name", "category", "region")
    columns = dict(zip(fields, HEADINGS, strict=False))
    report, _, _ = compared(tmp_path, content, DAY, [], profiled(columns=columns, set_aside=["备注"]))
    assert report.refusals == []
    assert _columns(report)["备注"] == "set_aside"


def test_a_sheet_with_organizations_and_without_headings_refuses_the_list_by_its_name(tmp_path: Path) -> None:
    book = as_xlsx(stock(3))
    cover = book.create_sheet("说明", 0)
    cover["A1"] = "本表由某局填写"
    hidden = book.create_sheet("旧表")
    hidden.append([stock(1)[0][0]])
    hidden.sheet_state = "hidden"
    report, events, _ = compared(tmp_path, saved(book), DAY, [])
    assert len(events) == 3
    assert {each["sheet"]: each["what"] for each in report.reading["sheets"]} == {
        "说明": "no_headings", "Sheet": "read", "旧表": "hidden",
    }  # fmt: skip
    book.create_sheet("续表").append(stock(4)[3])
    with pytest.raises(ListRefusedError, match=r"sheet 续表.*headings"):
        compared(tmp_path, saved(book), DAY, [])


def test_a_row_is_named_by_its_sheet_where_it_stands_in_two(tmp_path: Path) -> None:
    rows = stock(3)
    book = as_xlsx(rows)
    more = book.create_sheet("高朗区")
    more.append(HEADINGS)
    more.append([*rows[1][:5], "77", rows[1][6]])
    report, _, _ = compared(tmp_path, saved(book), DAY, [])
    (refusal,) = report.refusals
    assert (refusal.sheet, refusal.row, refusal.rule) == ("高朗区", 2, "listed_twice")
    assert "row 3 of sheet Sheet" in refusal.message


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("others", [";；、", ",，", "\t|"])
def test_the_delimiter_is_found_beside_long_cells_full_of_others(delimiter: str, others: str, tmp_path: Path) -> None:
    scope = "".join(f"批发{n}号商品{others}" for n in range(60))
    rows = [[*row, f'"{scope}"' if delimiter in scope else scope] for row in stock(3)]
    content = table(*(delimiter.join(row) for row in [[*HEADINGS, "经营范围"], *rows]))
    _, events, _ = compared(tmp_path, content, DAY, [])
    assert [event["data"]["address"] for event in events] == [row[6] for row in stock(3)]


def test_a_delimiter_without_quotes_shifts_nothing_in_silence(tmp_path: Path) -> None:
    rows = stock(2)
    rows[1][1] = "瑞达,商贸"
    rule, words = _refused(tmp_path, table(*(",".join(row) for row in [HEADINGS, *rows])))
    assert (rule, words[:1]) == ("cells_beyond", "3")


def test_a_file_cut_off_within_a_row_is_refused(tmp_path: Path) -> None:
    content = as_csv(stock(5)).removesuffix(b"\r\n")
    assert _refused(tmp_path, content[: content.rindex(b",")])[0] == "cut_off"
    assert len(compared(tmp_path, content, DAY, [])[1]) == 5
    assert len(compared(tmp_path, content + "\r\n合计,5户".encode(), DAY, [])[1]) == 5


@pytest.mark.parametrize(
    "begin", ["<html><table>", "\ufeff\r\n<!DOCTYPE html>", '<?xml version="1.0"?>', "MIME-Version: 1.0"]
)
def test_a_web_page_under_a_workbooks_name_is_named_as_such(begin: str, tmp_path: Path) -> None:
    rule, words = _refused(tmp_path, f"{begin}<tr><td>统一社会信用代码</td></tr>".encode())
    assert rule == "html"
    assert ".xlsx" in words


@pytest.mark.parametrize(
    "mark", ["\u202a{}\u202c", "\u200e{}\u200f", "\u200b{}\ufeff", "\u2066{}\u2069", "\u00a0{}\u3000", "\u00ad{}"]
)
def test_characters_that_nobody_sees_are_no_part_of_a_cell(mark: str, tmp_path: Path) -> None:
    rows = stock(3)
    marked = [[mark.format(cell) for cell in row] for row in rows]
    right = compared(tmp_path, as_csv(rows), DAY, [])[2]
    for content in (as_csv(marked), saved(as_xlsx(marked))):
        report, _, read = compared(tmp_path, content, DAY, [])
        assert report.refusals == []
        assert read == right


def test_a_group_whose_code_is_a_credit_code_is_refused(tmp_path: Path) -> None:
    rows = stock(2)
    rows[0][2] = "其他"
    assert _refused(tmp_path, as_csv(rows))[0] == "category_of_another_kind"


def test_the_width_of_a_name_is_no_change(tmp_path: Path) -> None:
    rows = stock(2)
    rows[0][1], rows[1][6] = "瑞达（高朗）Ａ座１号商贸有限公司", "高朗区(东)1号"
    _, events, _ = compared(tmp_path, as_csv(rows), "2024-01-31", [])
    rows[0][1], rows[1][6] = "瑞达(高朗)A座1号商贸有限公司 ", "高朗区（东）１号"
    report, _, _ = compared(tmp_path, as_csv(rows), "2024-02-29", taken(events))
    assert report.differences["unchanged"] == 2


def test_one_number_merged_over_several_organizations_is_refused_and_of_one_it_is_read(tmp_path: Path) -> None:
    """Filled down it would count each of them with the number of all."""
    rows = stock(4)
    shared = as_xlsx(rows)
    shared.worksheets[0].merge_cells("F3:F4")
    shared.worksheets[0].merge_cells("D2:D5")
    report, _, read = compared(tmp_path, saved(shared), "2024-01-31", [])
    assert [(each.cell, each.rule) for each in report.refusals] == [("F3", "merged_number"), ("F4", "merged_number")]
    assert len(read) == 2
    # An organization that stands over two rows, its code merged as its number is.
    one = as_xlsx([*rows[:2], rows[1], *rows[2:]])
    for column in "ABCDEFG":
        one.worksheets[0].merge_cells(f"{column}3:{column}4")
    report, _, read = compared(tmp_path, saved(one), "2024-01-31", [])
    assert (report.refused, len(read)) == (0, 4)


@pytest.mark.parametrize(("cell", "said"), [("80名", 80), ("８０ 人", 80), (True, None), ("80户", None)])
def test_a_head_count_with_its_unit_is_read_and_no_other_word(cell: object, said: int | None, tmp_path: Path) -> None:
    rows = [[*stock(1)[0][:5], cell, ""]]
    report, _, read = compared(tmp_path, saved(as_xlsx(rows)), "2024-01-31", [])
    assert [each.fields["employees"] for each in read] == ([] if said is None else [said])
    assert [each.rule for each in report.refusals] == ([] if said is not None else ["employees"])


@pytest.mark.parametrize(
    "heading", ["统一社会信用代码（纳税人识别号）", "纳税人识别号（统一社会信用代码）", "统一信用代码"]
)
def test_the_codes_column_is_known_by_what_taxes_call_it(heading: str, tmp_path: Path) -> None:
    book = saved(as_xlsx(stock(2), [heading, *HEADINGS[1:]]))
    assert len(compared(tmp_path, book, "2024-01-31", [])[2]) == 2
