"""Columns of lists: their headings, marks, states, places by name, and the profile that says what words mean."""

from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from pydantic import ValidationError

from domain.listing.list_cells import Cell, CellError
from domain.listing.list_marks import truth
from domain.listing.list_places import Places
from services.lists.errors import ListRefusedError
from services.lists.reconcile import Report
from tests.full_lists import HEADINGS, as_csv, compared, profiled, saved, stock, table, taken

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


def test_headings_over_three_rows_merged(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["某市党建名册"])
    sheet.append(["基本情况", None, None, None, None, None, "党组织情况", None, "法定代表人", None])
    sheet.append(
        [
            "统一社会\n信用代码",
            "单位名称（全称）",
            "企业类型",
            None,
            "行政区划代码",
            "人员",
            "名称",
            "党员数",
            "姓 名",
            "住所",
        ]
    )
    sheet.append([None, None, "私营企业", "港澳台商投资", None, "从业人数（人）"])
    for each in (
        "A1:J1",
        "A2:F2",
        "G2:H2",
        "I2:J2",
        "C3:D3",
        "A3:A4",
        "B3:B4",
        "E3:E4",
        "G3:G4",
        "H3:H4",
        "I3:I4",
        "J3:J4",
    ):
        sheet.merge_cells(each)
    for n, row in enumerate(stock(4)):
        sheet.append(
            [row[0], row[1], "√" if n % 2 else None, "否" if n % 2 else "是", row[3], n, "支部", 3, "某某", "某处"]
        )
    report, events, _ = compared(tmp_path, saved(book), DAY, [])
    assert report.refusals == []
    assert {event["data"]["category"] for event in events} == {"private_enterprise", "hmt_enterprise"}
    assert sorted(event["data"]["employees"] for event in events) == [0, 1, 2, 3]
    assert [event["data"]["name"][:2] for event in events] == ["瑞达"] * 4
    assert "address" not in events[0]["data"]
    assert _columns(report)["党组织情况/名称"] == "not_read"
    assert (_columns(report)["法定代表人/姓 名"], _columns(report)["法定代表人/住所"]) == ("personal", "personal")


def test_headings_over_two_rows_of_a_text(tmp_path: Path) -> None:
    content = table(
        "某市名单,,,,,,", "代码,单位全称,单位性质类别,,,县（市、区）,人员情况,,住 所",
        ",,私营,外商投资,个体,,从业人数,其中:党员,", *(f"{row[0]},{row[1]},1,0,,880107,5,1,某路" for row in stock(2)),
    )  # fmt: skip
    report, events, _ = compared(tmp_path, content.replace("代码".encode(), "信用代码".encode(), 1), DAY, [])
    assert report.refusals == []
    data = events[0]["data"]
    assert (data["category"], data["employees"], data["address"]) == ("private_enterprise", 5, "某路")


@pytest.mark.parametrize("marks", [("√", "√"), ("", ""), ("√", "？")])
def test_of_columns_with_one_value_each_one_is_marked(marks: tuple[str, str], tmp_path: Path) -> None:
    row = stock(1)[0]
    content = table(
        "统一社会信用代码,名称,私营企业,外商投资企业,区划代码", f"{row[0]},{row[1]},{marks[0]},{marks[1]},880107"
    )
    rule, words = _refused(tmp_path, content)
    assert rule in ("mark", "marks")
    assert words.startswith("2 ")


@pytest.mark.parametrize(("cell", "expected"), [("√", True), ("是", True), (1.0, True), (True, True), ("Ｙ", True),
                                               (None, False), ("否", False), ("0", False), ("—", False)])  # fmt: skip
def test_yes_and_no_are_read_as_people_mark_them(cell: Cell, expected: bool) -> None:  # noqa: FBT001 - the value itself
    assert truth(cell) is expected
    with pytest.raises(CellError):
        truth("二")


def test_columns_are_read_or_named_and_personal_ones_are_never_read(tmp_path: Path) -> None:
    personal = [
        "法定代表人",
        "联系电话",
        "出资人政治面貌",
        "是否是党员",
        "党组织书记",
        "身份证号码",
        "是否按时足额交纳党费",
    ]
    others = ["备注", "党员总数", "党建工作指导员数", "是否选派党建工作指导员或联络员"]
    lines = [",".join([*row, *["x"] * (len(personal) + len(others))]) for row in stock(2)]
    report, events, _ = compared(tmp_path, table(",".join([*HEADINGS, *personal, *others]), *lines), DAY, [])
    assert len(events) == 2
    what = _columns(report)
    assert {what[name] for name in personal} == {"personal"}
    assert {what[name] for name in others} == {"not_read"}
    assert {what[name] for name in HEADINGS} == {"read"}


def test_of_social_organizations_the_kind_is_read_and_not_the_field_of_work(tmp_path: Path) -> None:
    code = "51880107MJ00000017"
    content = table("统一社会信用代码,社会组织名称,类别,社会组织性质,区划代码", f"{code},某协会,科技研究,社团,880107")
    report, _, _ = compared(tmp_path, content, DAY, [])
    assert report.profile is not None
    assert report.profile.columns["category"] == "社会组织性质"
    assert _columns(report)["类别"] == "not_read"


def _with_state(*states: str, heading: str = "登记状态") -> bytes:
    rows = stock(len(states))
    return table(",".join([*HEADINGS, heading]), *(",".join([*row, s]) for row, s in zip(rows, states, strict=True)))


def test_an_organization_that_is_over_is_deregistered_with_the_lists_own_reason(tmp_path: Path) -> None:
    _, events, _ = compared(tmp_path, _with_state("存续", "在业", "开业", "正常"), "2024-01-31", [])
    assert len(events) == 4
    gone = _with_state("存续（在营、开业、在册）", "注销", "吊销，未注销", "迁出")
    _, events, _ = compared(tmp_path, gone, "2024-02-29", taken(events))
    assert [(event["type"].split(".")[2], event["data"].get("reason")) for event in events] == [
        ("deregistered", "dissolved"), ("deregistered", "revoked"), ("deregistered", "moved_away"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "heading"), [("待定", "登记状态"), ("", "登记状态"), ("否", "是否正常经营"), ("停业", "经营状况")]
)
def test_a_state_that_nobody_knows_stops_the_list_until_it_is_mapped_or_set_aside(
    state: str, heading: str, tmp_path: Path
) -> None:
    content = _with_state("正常" if heading != "是否正常经营" else "是", state, heading=heading)
    rule, words = _refused(tmp_path, content)
    assert rule in ("status_unknown", "status_missing")
    assert "statuses" in words
    assert "set_aside" in words
    columns = dict(zip(("org", "name", "category", "region"), HEADINGS, strict=False))
    mapped = profiled(columns={**columns, "status": heading}, statuses={state: "dissolved"})
    assert len(compared(tmp_path, content, DAY, [], mapped)[1]) == 1
    aside = profiled(columns=columns, set_aside=[heading])
    assert len(compared(tmp_path, content, DAY, [], aside)[1]) == 2


def test_a_date_of_deregistration_without_a_state_stops_the_list(tmp_path: Path) -> None:
    rule, words = _refused(tmp_path, _with_state("", "2023-05-01", heading="注销日期"))
    assert (rule, words[:6]) == ("ended", "3 注销日期")


def _placed(*rows: str, headings: str = "统一社会信用代码,名称,类别,所属区县,所在乡镇（街道）,所属村（社区）") -> bytes:
    return table(headings, *(f"{s[0]},{s[1]},私营企业,{row}" for s, row in zip(stock(len(rows)), rows, strict=True)))


def test_places_are_found_by_name_below_each_other(tmp_path: Path) -> None:
    content = _placed(
        "朗渡区,城关镇,", "澜渡市澄江区,城关镇,", "澄江区,滨江街道,和平社区", "880104,滨江街道,", "澄江区,,"
    )
    report, events, _ = compared(tmp_path, content, DAY, [], places=PLACES)
    assert report.refusals == []
    assert sorted(event["data"]["region"] for event in events) == sorted(
        ["880102001", "880104001", "880104002003", "880104002", "880104"]
    )


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("东海区,,", "place_unknown"), ("朗渡区,滨江街道,", "place_unknown"), ("城关镇,,", "place_ambiguous"),
        (",,", "region_missing"),
    ],
)  # fmt: skip
def test_a_place_that_is_not_one_division_is_refused(row: str, rule: str, tmp_path: Path) -> None:
    assert _refused(tmp_path, _placed(row), places=PLACES)[0] == rule


def test_a_profile_maps_words_and_states_what_an_empty_cell_means(tmp_path: Path) -> None:
    cells = ("东片,N/A,N/A", ",零售,", "880104,F52,9")
    rows = (f"{row[0]},{row[1]},,{said}" for row, said in zip(stock(3), cells, strict=True))
    content = table("码,名,性质,区,行业,人数", *rows)
    profile = profiled(
        columns={
            "org": "码",
            "name": "名",
            "category": "性质",
            "region": "区",
            "industry": "行业",
            "employees": "人数",
        },
        defaults={"category": "私营企业", "region": "880104"},
        values={
            "region": {"东片": "880102"},
            "industry": {"零售": "F52", "N/A": "F51"},
            "employees": {"": "1", "N/A": None},
        },
    )
    report, events, _ = compared(tmp_path, content, DAY, [], profile)
    assert report.refusals == []
    found = {event["data"]["name"]: event["data"] for event in events}
    said = [[found[row[1]].get(f) for f in ("region", "industry", "employees")] for row in stock(3)]
    assert said == [["880102", "F51", None], ["880104", "F52", 1], ["880104", "F52", 9]]
    assert {data["category"] for data in found.values()} == {"private_enterprise"}


_COLUMNS = {"org": "码", "name": "名", "category": "性质", "region": "区"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"categories": {"民办": "private"}}, "民办 is to mean private"),
        ({"constants": {"region": "朗渡"}}, "constants: region"),
        ({"constants": {"industry": "Z99"}}, "constants: industry"),
        ({"defaults": {"employees": "许多"}}, "defaults: employees"),
        ({"values": {"region": {"东片": "88010"}}}, "东片"),
        ({"statuses": {"停业": "closed"}}, "statuses"), ({"columns": {**_COLUMNS, "address": "名"}}, "named for"),
        ({"set_aside": ["名"]}, "named for"), ({"columns": {**_COLUMNS, "supervisor": "联系人"}}, "personal data"),
    ],
)  # fmt: skip
def test_a_profile_that_is_wrong_says_so(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        profiled(**{"columns": _COLUMNS, **given})


def test_a_profile_that_begins_after_the_list_is_refused(tmp_path: Path) -> None:
    profile = profiled(columns=dict(zip(("org", "name", "category", "region"), HEADINGS, strict=False)))
    late = profile.model_copy(update={"effective_on": profile.effective_on.replace(year=2025)})
    rule, words = _refused(tmp_path, as_csv(stock(1)), profile=late)
    assert rule == "profile_date"
    assert "2025-01-01" in words
