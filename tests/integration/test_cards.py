"""The cards of an organization and of a branch: each line as the dossier has it, with the events that say so."""

import csv
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest

from tests.fact_data import ECONOMIC
from tests.fix_service import Service, new_database
from tests.sending import envelope

FIRM, SHOP, GONE = ECONOMIC
DAY = "2024-06-30"


def said(number: int, type_: str, day: str, /, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return envelope(f"k{number}", type_, {"effective_on": day, **data})


def registered(number: int, org: str, name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    data = {"org": org, "kind": "new_economic", "category": "private_enterprise", "name": name, "region": "880102"}
    return said(number, "organization.registered", "2024-01-02", **{**data, **more})


def enrolled(number: int, org: str, standing: str = "full", **more: str) -> dict[str, Any]:
    return said(
        number, "member.enrolled", "2024-01-10", member=f"member:{number}", standing=standing, org=org, **more
    )  # fmt: skip


EVENTS = [
    registered(1, FIRM, "旧名厂", employees=80, address="东街 1 号"),
    registered(2, SHOP, "小店", category="sole_proprietor"),
    registered(3, GONE, "已注销"),
    said(4, "organization.deregistered", "2024-03-01", org=GONE, reason="dissolved"),
    enrolled(5, FIRM), enrolled(6, FIRM), enrolled(7, FIRM),
    enrolled(8, FIRM, "probationary"), enrolled(9, FIRM, relation="elsewhere"),
    enrolled(10, SHOP), enrolled(11, SHOP),
    said(12, "branch.formed", "2024-01-15", branch="branch:up", name="行业党委", tier="committee", formation="joint",
         region="8801", covers=[]),
    said(13, "branch.formed", "2024-02-01", branch="branch:firm", name="厂支部", tier="branch", formation="standalone",
         region="880102", covers=[FIRM]),
    said(14, "branch.changed", "2024-03-01", branch="branch:firm", parent="branch:up"),
    said(15, "branch.meeting_held", "2024-04-01", branch="branch:firm", kind="general", quorate=True),
    said(16, "branch.meeting_held", "2024-05-06", branch="branch:firm", kind="lecture", quorate=True),
    said(17, "branch.secretary_reported", "2024-05-01", branch="branch:firm", state="vacant"),
    said(18, "branch.formed", "2024-02-01", branch="branch:shop", name="店支部", tier="branch", formation="affiliated",
         region="880102", covers=[SHOP]),
    said(19, "instructor.assigned", "2024-03-01", org=FIRM, instructor="person:i"),
    said(20, "body.created", "2024-01-01", body="body:a", kind="park", name="甲园"),
    said(21, "organization.placed", "2024-02-01", org=FIRM, body="body:a"),
    said(22, "organization.changed", "2024-03-01", org=FIRM, name="新名厂"),
]  # fmt: skip


@pytest.fixture(scope="module")
def told(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("cards"), "--dev", database_url=new_database(postgres)) as running:
        results = running.publish(EVENTS)
        assert {each["disposition"] for each in results} == {"accepted"}, results
        running.get("/v1/rates", min_position=len(EVENTS))
        yield running


def card(service: Service, path: str, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - query parameters
    found = service.get(f"/v1/{path}/card", **({"as_of": DAY} | asked))
    assert len({(each["part"], each["item"], each["of"]) for each in found["lines"]}) == len(found["lines"])
    return found


def values(found: dict[str, Any]) -> dict[str, Any]:
    return {each["item"]: each["value"] for each in found["lines"]}


def by(found: dict[str, Any]) -> dict[str, list[int]]:
    return {each["item"]: each["decided_by"] for each in found["lines"]}


def test_an_organization_s_card_says_what_the_dossier_says_and_by_which_events(told: Service) -> None:
    found, dossier = card(told, f"organizations/{FIRM}"), told.get(f"/v1/organizations/{FIRM}", as_of=DAY)
    row, shown = dossier["row"], values(found)
    for name in ("category", "region", "address", "employees"):
        assert shown[name] == row["attributes"][name]
        assert by(found)[name] == dossier["decided_by"]["attributes"][name]
    for name in ("full_members", "probationary_members", "members_elsewhere", "activists"):
        assert shown[name] == row[name]
        assert by(found)[name] == dossier["decided_by"][name]
    assert (shown["full_members"], shown["probationary_members"], shown["members_elsewhere"]) == (3, 1, 1)
    assert (shown["name"], by(found)["name"]) == ("新名厂", [1, 22])
    assert (shown["body_kind.park"], shown["instructors"], shown["organization_covered"]) == ("甲园", 1, True)
    assert [shown[name] for name in ("branch_name", "tier", "formation", "parent", "formed_on", "term_from")] == [
        "厂支部", "branch", "standalone", "branch:up", "2024-02-01", "2024-02-01",
    ]  # fmt: skip
    assert found["checks"] == dict.fromkeys(
        ("members_within_employees", "covered_by_a_branch", "formation_of_a_branch"), True
    )
    assert by(found)["body_kind.park"] == dossier["decided_by"]["bodies"]


def test_what_no_event_says_is_left_open_with_its_reason(told: Service) -> None:
    for path in (f"organizations/{FIRM}", "branches/branch:firm"):
        left = [each for each in card(told, path)["lines"] if each["open"]]
        assert {each["open"] for each in left} == {"personal", "not_held"}
        assert all(each["value"] is None and each["decided_by"] == [] for each in left)


def test_a_card_is_of_both_clocks(told: Service) -> None:
    assert values(card(told, f"organizations/{FIRM}", as_of="2024-02-29"))["name"] == "旧名厂"
    before = card(told, f"organizations/{FIRM}", known_at=21)
    assert (values(before)["name"], by(before)["name"]) == ("旧名厂", [1])
    assert values(card(told, "branches/branch:firm", known_at=15))["meetings"] == 1
    assert values(card(told, "branches/branch:firm", as_of="2024-02-29"))["parent"] is None


def test_members_of_a_single_small_unit_are_told_in_bands(told: Service) -> None:
    for path in (f"organizations/{SHOP}", "branches/branch:shop"):
        shown = values(card(told, path))
        assert [shown[name] for name in ("full_members", "probationary_members")] == ["band_few", "band_none"]
    assert card(told, f"organizations/{SHOP}")["checks"]["members_within_employees"] is None
    assert values(card(told, "branches/branch:firm"))["full_members"] == 3
    # The dossier, whose reading is recorded, has the numbers.
    assert told.get(f"/v1/organizations/{SHOP}", as_of=DAY)["row"]["full_members"] == 2


def test_a_branch_s_card_names_the_events_that_changed_each_line(told: Service) -> None:
    found = card(told, "branches/branch:firm")
    dossier = told.get("/v1/branches/branch:firm", as_of=DAY)
    shown = values(found)
    for name in ("tier", "formation", "region", "parent", "formed_on", "term_from", "term_to", "in_effect", "covers"):
        assert shown[name] == dossier["row"][name], name
    assert {name: by(found)[name] for name in ("name", "parent", "meetings", "vacant_since", "formed_on")} == {
        "name": [13], "parent": [13, 14], "meetings": [13, 15, 16], "vacant_since": [13, 17], "formed_on": [13],
    }  # fmt: skip
    assert (shown["meetings"], shown["last_meeting"], shown["vacant_since"]) == (2, "2024-05-06", "2024-05-01")
    assert [each["of"] for each in found["lines"] if each["part"] == "covers" and each["item"] == "org"] == [FIRM]
    assert found["checks"]["covers_as_listed"] is True


@pytest.mark.parametrize("path", [f"organizations/{FIRM}", "branches/branch:firm"])
def test_a_card_is_taken_away_in_the_layout_of_offices(told: Service, path: str) -> None:
    found = card(told, path)
    given = {"as_of": DAY, "lang": "zh"}
    book = openpyxl.load_workbook(
        io.BytesIO(told.http.get(f"/v1/{path}/card", params={**given, "format": "xlsx"}).content)
    )
    form = book["登记卡"]
    lines = [[cell.value for cell in form[5 + number]] for number in range(len(found["lines"]))]
    assert [row[2] for row in lines] == list(range(1, len(lines) + 1))
    assert [row[4] for row in lines] == [" ".join(map(str, each["decided_by"])) or None for each in found["lines"]]
    for row, each in zip(lines, found["lines"], strict=True):
        assert (row[3] is None) == (each["value"] is None), each
    text = "\n".join(str(cell.value) for row in form.iter_rows() for cell in row if cell.value is not None)
    for word in (
        "填报单位",
        "审核人",
        "填表人",
        "报出日期",
        "口径说明",
        f"截至 {DAY}",
        "含个人信息，台账不登记",
        "支部",
    ):
        assert word in text, word
    packed = told.http.get(f"/v1/{path}/card", params={**given, "format": "csv"})
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("card.csv").decode("utf-8-sig"))))
    assert len(rows) == len(found["lines"])


@pytest.mark.parametrize(
    ("page", "shown"),
    [(f"/ledger/{FIRM}/card", "新名厂"), (f"/ledger/{SHOP}/card", "1 to 2"), ("/branches/branch:firm/card", "厂支部")],
)
def test_a_card_is_a_page_to_print(told: Service, page: str, shown: str) -> None:
    answer = told.http.get(page, params={"as_of": DAY, "lang": "en"})
    assert answer.status_code == 200, answer.text
    assert shown in answer.text
    assert 'href="/events/' in answer.text


def test_who_is_not_there_has_no_card_and_is_told_where_the_events_are(told: Service) -> None:
    for path, history in ((f"organizations/{GONE}", GONE), ("branches/branch:firm", "branch:firm")):
        answer = told.http.get(f"/v1/{path}/card", params={"as_of": DAY if history == GONE else "2024-01-20"})
        assert answer.status_code == 404
        assert f"{history}/history" in answer.json()["detail"]
    assert told.http.get("/v1/branches/branch:nobody/card").status_code == 404
