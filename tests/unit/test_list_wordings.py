"""Wordings that offices use: headings, states, totals and feet, and a profile's own words, told by their meaning."""

from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from pydantic import ValidationError

from domain.listing.list_columns import USUAL_HEADINGS, is_ended, is_personal, plain_heading
from domain.listing.list_places import Places
from tests.full_lists import as_csv, compared, profiled, saved, stock, table

DAY = "2024-02-29"
CODE = stock(1)[0][0]
COLUMNS = {"org": "统一社会信用代码", "name": "企业名称", "category": "企业类型", "region": "行政区划代码"}
TITLE, REPORTED = ["某市名册"], ["填报单位：局", None, None, "日期：2024"]


@pytest.mark.parametrize("heading", [heading for each in USUAL_HEADINGS.values() for heading in each])
def test_no_heading_that_is_read_counts_as_personal_or_as_an_end(heading: str) -> None:
    assert not is_personal(plain_heading(heading))
    assert not is_ended(plain_heading(heading))


@pytest.mark.parametrize(
    "heading", ["行业主管部门", "企业主管单位", "监事会", "家庭农场类型", "宗教活动场所", "未注销原因"]
)
def test_what_only_holds_the_letters_of_a_person_is_not_personal(heading: str) -> None:
    assert not is_personal(heading)
    assert not is_ended(heading)


@pytest.mark.parametrize(
    "heading",
    ["业主", "企业业主", "董事长", "总经理", "监事", "会长", "秘书长", "合伙人", "户籍", "家庭住址", "教育程度",
     "宗教信仰", "固话", "传真", "E-mail", "TEL", "phone", "经办人", "银行账号", "职称", "网格员", "执业律师名单",
     "驾驶证号"],
)  # fmt: skip
def test_data_of_persons_are_named_as_such_and_never_read(heading: str) -> None:
    assert is_personal(plain_heading(heading))
    with pytest.raises(ValidationError, match="personal data"):
        profiled(columns={**COLUMNS, "supervisor": heading})


def test_the_department_of_a_trade_is_read(tmp_path: Path) -> None:
    content = table(
        "统一社会信用代码,企业名称,企业类型,行政区划代码,行业主管部门,从业人数（人）（必填）",
        f"{CODE},甲,私营企业,880107,工信局,5",
    )
    report, events, _ = compared(tmp_path, content, DAY, [])
    assert report.unread == []
    assert (events[0]["data"]["supervisor"], events[0]["data"]["employees"]) == ("工信局", 5)


@pytest.mark.parametrize("heading", ["所属乡镇街道", "所在街镇", "街镇"])
def test_a_town_is_found_below_its_county_under_each_of_its_headings(heading: str, tmp_path: Path) -> None:
    content = table(f"统一社会信用代码,企业名称,企业类型,县（市、区）,{heading}", f"{CODE},甲,私营企业,高朗区,景川街道")
    places = Places([("880107", "高朗区"), ("880107001", "景川街道"), ("880102", "澄江区"), ("880102001", "景川街道")])
    _, events, _ = compared(tmp_path, content, DAY, [], None, places)
    assert events[0]["data"]["region"] == "880107001"


@pytest.mark.parametrize("above", [[], [TITLE], [TITLE, REPORTED], [TITLE, [None]]])
def test_headings_of_three_rows_stand_below_a_title(above: list[list[Any]], tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in above:
        sheet.append(row)
    top = len(above) + 1
    sheet.append(["统一社会信用代码", "名称", "企业类型", "区划代码", "人员", None, None])
    sheet.append([None, None, None, None, "从业人数", "党员", None])
    sheet.append([None, None, None, None, None, "正式", "预备"])
    sheet.append([CODE, "甲", "私营企业", "880107", 80, 2, 1])
    for column in "ABCD":
        sheet.merge_cells(f"{column}{top}:{column}{top + 2}")
    for place in (f"E{top}:G{top}", f"E{top + 1}:E{top + 2}", f"F{top + 1}:G{top + 1}"):
        sheet.merge_cells(place)
    report, events, _ = compared(tmp_path, saved(book), DAY, [])
    assert report.refusals == []
    assert events[0]["data"]["employees"] == 80
    assert report.unread == ["人员/党员/正式", "人员/党员/预备"]


def _state(folder: Path, word: str, heading: str = "登记状态") -> tuple[int, int, int]:
    content = table(
        f"统一社会信用代码\t企业名称\t企业类型\t行政区划代码\t{heading}", f"{CODE}\t甲\t私营企业\t880107\t{word}"
    )
    report, events, _ = compared(folder, content, DAY, [])
    return len(events), report.rows.get("gone", 0), report.refused


@pytest.mark.parametrize(
    "word",
    ["在营（开业）企业", "存续（在营、开业、在册）", "在营、开业、在册", "存续(在营,开业,在册)企业", "开业/正常经营"],
)
def test_a_state_in_several_words_that_agree_is_active(word: str, tmp_path: Path) -> None:
    assert _state(tmp_path, word) == (1, 0, 0)


@pytest.mark.parametrize("word", ["吊销企业", "吊销（未注销）", "注销企业", "迁出（外省）", "吊销，已注销"])
def test_what_is_over_stays_so_whatever_stands_beside(word: str, tmp_path: Path) -> None:
    assert _state(tmp_path, word) == (0, 1, 0)


@pytest.mark.parametrize("word", ["存续（已吊销）", "存续、注销", "存续（拟注销）", "正常(吊销)"])
def test_words_that_contradict_each_other_refuse_the_row(word: str, tmp_path: Path) -> None:
    assert _state(tmp_path, word) == (0, 0, 1)


def test_a_reason_of_deregistration_is_no_empty_remark(tmp_path: Path) -> None:
    assert _state(tmp_path, "决议解散", "注销原因") == (0, 0, 1)
    assert _state(tmp_path, "", "注销原因") == (1, 0, 0)


@pytest.mark.parametrize(
    "foot",
    ["合计(户):4", "【合计】,,,,,300", "合计数,,,,,300", "平均,,,,,75", "其中：规模以上,2,,,,200", "第一页",
     "第一页 共三页", "数据截至2024年2月29日", "——以下空白——", "续上页", "打印时间 2024-02-29 10:00:00"],
)  # fmt: skip
def test_totals_and_feet_are_told_by_their_form(foot: str, tmp_path: Path) -> None:
    report, events, _ = compared(tmp_path, as_csv(stock(4)) + table(foot), DAY, [])
    assert (report.refused, len(events)) == (0, 4)


@pytest.mark.parametrize(
    "name", ["其中正大公司", "平均律装饰店", "第三页咖啡店", "合计商贸有限公司", "一、二店", "其中：某公司,私营企业"]
)
def test_a_name_that_only_holds_such_words_is_an_organization(name: str, tmp_path: Path) -> None:
    cells = name.split(",")
    row = ["", *cells, *["私营企业", "880107", "", "", "某路1号"][len(cells) - 1 :]]
    report, events, _ = compared(tmp_path, as_csv([*stock(4), row]), DAY, [])
    assert (report.refused, events) == (1, [])


@pytest.mark.parametrize(
    ("said", "shown"), [("有限公司(独资)", "有限公司（独资）"), ("有限 公司", "有限公司"), ("Ａ类", "A类")]
)
def test_a_profiles_words_are_one_in_both_widths(said: str, shown: str, tmp_path: Path) -> None:
    row = [[CODE, "甲", shown, "880107", "", "", ""]]
    for profile in ({"categories": {said: "association"}}, {"values": {"supervisor": {said: "某局"}}}):
        columns = COLUMNS if "categories" in profile else {**COLUMNS, "supervisor": "住所"}
        if "values" in profile:
            row = [[CODE, "甲", "社会团体", "880107", "", "", shown]]
        found = profiled(columns=columns, **profile)
        _, events, _ = compared(tmp_path, as_csv(row), DAY, [], found)
        assert (events[0]["data"]["category"], events[0]["data"].get("supervisor")) in (
            ("association", None), ("association", "某局"),
        )  # fmt: skip
        assert ("supervisor" in events[0]["data"]) == ("values" in profile)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"columns": {**COLUMNS, "supervisor": "住所"}, "values": {"supervisor": {"８": "甲", "8": "乙"}}},
            "same word",
        ),
        ({"values": {"employees": {"N/A": None}}}, "no column is named"),
        ({"statuses": {"在营": "active"}}, "no column is named"),
        ({"defaults": {"employees": "0"}}, "no column is named"),
        ({"digits": {"industry": 4}}, "no column is named"),
        ({"constants": {"category": "association"}}, "both a column and a constant"),
        ({"columns": {**COLUMNS, "address": " * "}}, "blank"),
    ],
)
def test_a_profile_that_would_be_wrong_in_silence_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        profiled(**{"columns": COLUMNS, **given})
