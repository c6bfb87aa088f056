"""GET /v1/scores over HTTP: points worked out by hand at both clocks, and the lists behind them that add up."""

from typing import Any

import pytest

from tests.fix_service import Service
from tests.sending import envelope, retracted

pytestmark = pytest.mark.long

HERE, THERE = "510104", "510105"
AS_OF = "2024-12-31"
HTML = {"accept": "text/html"}


def registered(number: int, region: str) -> dict[str, Any]:
    data = {
        "effective_on": "2023-01-02", "org": f"group:o-{number}", "kind": "new_employment_group", "category": "courier",
        "name": f"站 {number}", "region": region, "employees": 10,
    }  # fmt: skip
    return envelope(f"registered-{number}", "organization.registered", data)


def formed(number: int, on: str) -> dict[str, Any]:
    data = {
        "effective_on": on, "branch": f"branch:b-{number}", "name": "支部", "tier": "branch",
        "formation": "standalone", "region": HERE, "covers": [f"group:o-{number}"],
    }  # fmt: skip
    return envelope(f"formed-{number}", "branch.formed", data)


SHEET = {
    "effective_on": "2024-01-01", "name": "2024", "title": "百分制考核表", "items": [
        {"item": "cover", "title": "组织覆盖率", "worth": "60", "rate": "organization_coverage", "zero_at": "0",
         "full_at": "0.8"},
        {"item": "rise", "title": "较上年提升", "worth": "30", "rate": "organization_coverage", "measured": "rise",
         "base_on": "2023-12-31", "zero_at": "0", "full_at": "0.5"},
        {"item": "alive", "title": "有效覆盖率", "worth": "10", "rate": "effective_coverage", "zero_at": "0",
         "full_at": "1"},
    ],
}  # fmt: skip
# One county of 5 with 1 covered in 2023 and 3 in 2024, another of 4 with 3 covered in both; 5 and 6 answer to a park.
STORY = [
    *(registered(n, HERE) for n in range(1, 6)), formed(1, "2023-05-01"),
    *(registered(n, THERE) for n in range(6, 10)), *(formed(n, "2023-05-01") for n in (6, 7, 8)),
    formed(2, "2024-06-01"), formed(3, "2024-07-01"),
    envelope("park", "body.created", {"effective_on": "2024-01-01", "body": "body:p", "kind": "park", "name": "园"}),
    *(envelope(f"p{n}", "organization.placed", {"effective_on": "2024-01-01", "org": f"group:o-{n}", "body": "body:p"})
      for n in (5, 6)),
]  # fmt: skip


def own(id_: str, on: str, points: dict[str, str], **of: str) -> dict[str, Any]:
    data = {"effective_on": on, "name": "2024", "office": "office:o", "points": points, **of}
    return envelope(id_, "score.reported", data)


def publish(service: Service, events: list[dict[str, Any]]) -> int:
    results = service.publish(events)
    assert {each["disposition"] for each in results} == {"accepted"}, results
    position = int(results[-1]["position"])
    service.get("/v1/rates", min_position=position)
    return position


def test_scores_beside_own_scores_on_both_clocks(fresh_service: Service) -> None:
    """No activity policy: the third item has no answer, and all is out of 90.

    The first county has 3 of 5: 0.6 / 0.8 · 60 = 45; from 1 to 3 of 5 is 0.4 / 0.5 · 30 = 24; together 69. The second
    has 3 of 4 in both years: 0.75 / 0.8 · 60 = 56.25 and 0. The first gave itself 50 and 30: 11 more than the ledger.
    The park has 1 of 2: 37.5, and its base of 2023, before it was there, has nobody: no answer, out of 60.
    """
    service = fresh_service
    assert service.http.get("/v1/scores", params={"as_of": AS_OF}).status_code == 404
    assert service.get("/v1/score-sheets", as_of=AS_OF)["score_sheets"] == []
    assert "没有施行中的考核表" in service.http.get("/assessment/scores", params={"lang": "zh"}, headers=HTML).text
    publish(service, STORY)
    known = publish(service, [
        envelope("sheet", "score_sheet.adopted", SHEET),
        own("own", AS_OF, {"cover": "50", "rise": "30"}, region=HERE),
        own("park's", "2024-06-30", {"cover": "60"}, body="body:p"),
    ])  # fmt: skip
    told = service.get("/v1/scores", as_of=AS_OF)
    first, second = told["offices"]
    assert (first["key"], first["points"], first["out_of"]) == ({"region:6": HERE}, "69.00", "90.00")
    assert [each["points"] for each in first["items"]] == ["45.00", "24.00", None]
    assert (first["own"], first["difference"], first["reported"]["on"]) == ("80.00", "11.00", AS_OF)
    assert [each["difference"] for each in first["items"]] == ["5.00", "6.00", None]
    assert (second["points"], second["own"], second["reported"]) == ("56.25", None, None)
    assert (first["rank"]["rank"], second["rank"]["rank"]) == (1, 2)
    assert_lists_add_up(service, told)

    # Those that answer to no park are no office's.
    (park,) = service.get("/v1/scores", as_of=AS_OF, by="body:park")["offices"]
    assert (park["key"], park["points"], park["out_of"]) == ({"body:park": "body:p"}, "37.50", "60.00")
    # What it gave itself half a year before is shown with its date, and set against nothing.
    assert (park["own"], park["difference"], park["reported"]["on"]) == ("60.00", None, "2024-06-30")
    assert_lists_add_up(service, service.get("/v1/scores", as_of=AS_OF, by="body:park"))

    page = service.http.get("/assessment/scores", params={"as_of": AS_OF, "lang": "zh"}, headers=HTML)
    assert page.status_code == 200
    assert "69.00 分（满分 90.00），第 1 位" in page.text
    for each in ("/assessment/scores?by=body:park", "/assessment/score-sheets?lang=en", "/v1/scores?format=csv",
                 "/v1/scores?by=region:9&format=xlsx", "/v1/score-sheets?format=csv"):  # fmt: skip
        link = each + ("&" if "?" in each else "?") + f"as_of={AS_OF}"
        assert service.http.get(link, headers=HTML if each.startswith("/a") else {}).status_code == 200, each
    for bad in ("by=kind", "by=x", "score_sheet=2025"):
        assert service.http.get(f"/v1/scores?as_of={AS_OF}&{bad}").status_code in (400, 404), bad

    # A branch of 2023 becomes known to have been none: base 0 and 2 of 5 now, 30 + 24; as known before, as it was.
    publish(service, [retracted("late", "formed-1")])
    assert [each["points"] for each in county(service, HERE)["items"]] == ["30.00", "24.00", None]
    assert county(service, HERE, known_at=known)["points"] == "69.00"
    # The day before the sheet there is none.
    assert service.http.get("/v1/scores", params={"as_of": "2023-12-31"}).status_code == 404


def test_a_sheet_replaced_and_two_in_force(fresh_service: Service) -> None:
    service = fresh_service
    items = [{**SHEET["items"][0], "worth": "100", "full_at": "0.6"}]  # type: ignore[dict-item]
    publish(service, [
        *STORY, envelope("a", "score_sheet.adopted", SHEET),
        envelope("b", "score_sheet.adopted", {**SHEET, "effective_on": "2024-07-01", "items": items}),
        own("own", AS_OF, {"cover": "50", "rise": "30"}, region=HERE),
    ])  # fmt: skip
    assert county(service, HERE, as_of="2024-06-30")["out_of"] == "90.00"
    after = county(service, HERE)
    # What the office said of an item that the sheet no longer has counts for nothing.
    assert (after["points"], after["out_of"], after["own"], after["difference"]) == (
        "100.00", "100.00", "50.00", "-50.00",
    )  # fmt: skip
    publish(service, [envelope("c", "score_sheet.adopted", {**SHEET, "name": "townships", "items": items})])
    refused = service.http.get("/v1/scores", params={"as_of": AS_OF})
    assert refused.status_code == 400
    assert "2024, townships" in refused.json()["detail"]
    assert len(service.get("/v1/scores", as_of=AS_OF, score_sheet="townships")["offices"]) == 2
    assert service.http.get("/assessment/scores", params={"as_of": AS_OF}, headers=HTML).status_code == 200, (
        service.log.read_text()[-3000:]
    )


def county(service: Service, region: str, as_of: str = AS_OF, **asked: object) -> dict[str, Any]:
    found = service.get("/v1/scores", as_of=as_of, **asked)["offices"]
    (one,) = [each for each in found if each["key"] == {"region:6": region}]
    return dict(one)


def assert_lists_add_up(service: Service, told: dict[str, Any]) -> None:
    for office in told["offices"]:
        for item in office["items"]:
            for rate, behind in ((item["now"], item["behind"]), (item["base"], item["behind_base"])):
                for side in ("numerator", "denominator") if behind else ():
                    if behind[side] is None:
                        assert not rate[side]
                        continue
                    found = service.http.get(behind[side]).json()
                    assert sum(each["counts"][found["count"]] for each in found["organizations"]) == rate[side]
                    page = behind[side].replace("/v1/rates/explain", "/explain")
                    assert service.http.get(page, headers=HTML).status_code == 200
