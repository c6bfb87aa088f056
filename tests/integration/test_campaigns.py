"""GET /v1/campaigns over HTTP: where targets stand at any pair of clocks, worked out by hand."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.fix_service import BATCH, Service, new_database
from tests.sending import envelope, retracted

pytestmark = pytest.mark.long

NAME = "campaign:2024"
DUE = "2024-12-31"
REGION = "510104"


def org(number: int) -> str:
    return f"group:o-{number}"


def registered(number: int, on: str = "2024-01-02", employees: int = 10) -> dict[str, Any]:
    data = {
        "effective_on": on, "org": org(number), "kind": "new_employment_group", "category": "courier",
        "name": f"站 {number}", "region": REGION, "employees": employees,
    }  # fmt: skip
    return envelope(f"registered-{number}", "organization.registered", data)


def formed(number: int, on: str) -> dict[str, Any]:
    data = {
        "effective_on": on, "branch": f"branch:b-{number}", "name": "支部", "tier": "branch",
        "formation": "standalone", "region": REGION, "covers": [org(number)],
    }  # fmt: skip
    return envelope(f"formed-{number}", "branch.formed", data)


def campaign() -> list[dict[str, Any]]:
    """70 % of the organizations of one county, and of their employees more than half."""
    about = {"effective_on": "2024-10-08", "campaign": NAME}
    target = {"comparator": "at_least", "value": "0.7", "due_on": DUE, "office": "office:county", "region": REGION}
    employees = {**target, "rate": "employee_coverage", "comparator": "more_than", "value": "0.5000"}
    return [
        envelope("opened", "campaign.opened", {**about, "name": "集中攻坚", "office": "office:city"}),
        envelope(
            "t1", "campaign.target_set", {**about, **target, "target": "coverage", "rate": "organization_coverage"}
        ),
        envelope("t2", "campaign.target_set", {**about, **employees, "target": "employees"}),
    ]


# Until the deadline: 10 organizations, 4 covered before the campaign, 3 in it. Number 10 has 100 employees, others 10.
BEFORE = [
    *(registered(n) for n in range(1, 10)), registered(10, employees=100),
    *(formed(n, "2024-09-01") for n in range(1, 5)), *campaign(), *(formed(n, "2024-11-15") for n in range(5, 8)),
]  # fmt: skip
# Learned later: an organization registered in time, and a branch that never was.
AFTER = [registered(11, on="2024-12-20"), retracted("r1", "formed-7"), registered(12, on="2025-02-01")]


@pytest.fixture(scope="module")
def told(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The log of an office that kept it since 2024: what is in BEFORE was recorded by the deadline."""
    database = new_database(postgres)
    with Service(tmp_path_factory.mktemp("campaigns"), "--dev", database_url=database) as running:
        publish(running, BEFORE + AFTER)
        set_back(database, len(BEFORE), f"{DUE} 15:59:59+00", "2025-03-01 00:00:00+00")
        yield running


def publish(service: Service, events: list[dict[str, Any]]) -> None:
    results = service.publish(events)
    assert [each for each in results if each["disposition"] != "accepted"] == []
    service.get("/v1/rates", min_position=results[-1]["position"])


def set_back(database: str, count: int, then: str, later: str) -> None:
    """Let the first `count` events be recorded then, the others later; the log's guard makes way for its owner."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE taizhang.log DISABLE TRIGGER USER")
        connection.execute("UPDATE taizhang.log SET recorded_at = %s WHERE notification_id <= %s", (then, count))
        connection.execute("UPDATE taizhang.log SET recorded_at = %s WHERE notification_id > %s", (later, count))


def targets(service: Service, **asked: object) -> dict[str, dict[str, Any]]:
    found = service.get(f"/v1/campaigns/{NAME}", **asked)["targets"]
    return {each["target"]: each for each in found}


def test_a_target_met_as_known_then_and_missed_as_known_now(told: Service) -> None:
    """On 2024-12-31 as known that evening 7 of 10 are covered: 70 %, met.

    As known now one more was registered by then and one branch never was: 6 of 11. 70 % of 11 is 7.7, so 8: missed.
    """
    coverage = targets(told, as_of="2025-03-31")["coverage"]
    then, now = coverage["as_known_then"], coverage["as_known_now"]
    assert then["rate"] == {"numerator": 7, "denominator": 10, "value": "0.7000"}
    assert (then["reached"], then["known_at"]["position"], then["basis"]) == (True, len(BEFORE), "recorded")
    assert now["rate"] == {"numerator": 6, "denominator": 11, "value": "0.5455"}
    assert (now["reached"], now["known_at"]["position"]) == (False, len(BEFORE) + len(AFTER))


def test_where_it_stands_what_is_missing_and_the_pace(told: Service) -> None:
    """On 2024-12-01 as known then: 4 of 10 on the eve of 8 October, 7 of 10 now, so 3 in 55 days, 0.05 a day; reached.

    On 2024-11-10: still 4 of 10, so 3 are missing, 0 were gained in 34 days, and 51 days are left: 0.06 a day.
    """
    late = targets(told, as_of="2024-12-01", known_at=len(BEFORE))["coverage"]
    assert late["start"] == {"numerator": 4, "denominator": 10, "value": "0.4000"}
    assert (late["required"], late["missing"], late["reached"], late["pace_needed"]) == (7, 0, True, None)
    assert late["pace_so_far"] == {"gained": 3, "days": 55, "per_day": "0.05"}
    assert late["as_known_then"] is late["as_known_now"] is None
    early = targets(told, as_of="2024-11-10", known_at=len(BEFORE))["coverage"]
    assert (early["missing"], early["organizations_missing"], early["on_pace"]) == (3, 3, False)
    assert early["pace_so_far"] == {"gained": 0, "days": 34, "per_day": "0.00"}
    assert early["pace_needed"] == {"gained": 3, "days": 51, "per_day": "0.06"}


def test_of_employees_the_largest_uncovered_organization_is_enough(told: Service) -> None:
    """190 employees; more than half are 96, 70 are covered: 26 missing, and number 10 with 100 makes them up alone."""
    employees = targets(told, as_of="2024-12-31", known_at=len(BEFORE))["employees"]
    assert (employees["now"]["numerator"], employees["now"]["denominator"]) == (70, 190)
    assert (employees["unit"], employees["required"], employees["missing"]) == ("employees", 96, 26)
    assert employees["organizations_missing"] == 1


def test_nothing_is_said_from_beyond_the_state_of_knowledge_asked_for(told: Service) -> None:
    """As known before the three branches of the campaign, the day itself had 4 of 10."""
    known_at = len(BEFORE) - 3
    coverage = targets(told, as_of="2025-03-31", known_at=known_at)["coverage"]
    for side in ("as_known_then", "as_known_now"):
        assert coverage[side]["known_at"]["position"] == known_at
        assert coverage[side]["rate"]["numerator"] == 4


def test_of_a_history_published_as_if_it_were_news_nothing_was_known_then(fresh_service: Service) -> None:
    """The log begins today, and so does what is known; a history is brought as an import."""
    publish(fresh_service, BEFORE)
    then = targets(fresh_service, as_of="2025-03-31")["coverage"]["as_known_then"]
    assert (then["basis"], then["known_at"]["position"], then["reached"]) == ("recorded", 0, None)
    assert then["rate"] == {"numerator": 0, "denominator": 0, "value": None}


def test_of_an_import_what_its_sources_had_said_was_known_then(fresh_service: Service) -> None:
    """All of BEFORE was said by the deadline, the rest after it."""
    said = [{**each, "time": f"{DUE}T23:59:59+08:00"} for each in BEFORE]
    said += [{**each, "time": "2025-01-01T00:00:00+08:00"} for each in AFTER]
    answer = fresh_service.http.post(
        "/v1/events", json=said, headers={"content-type": BATCH, "taizhang-import": "history"}
    )
    fresh_service.get("/v1/rates", min_position=answer.json()["results"][-1]["position"])
    then = targets(fresh_service, as_of="2025-03-31")["coverage"]["as_known_then"]
    assert (then["basis"], then["known_at"]["position"]) == ("said", len(BEFORE))
    assert then["rate"] == {"numerator": 7, "denominator": 10, "value": "0.7000"}


def test_campaigns_are_known_from_their_event_on(told: Service) -> None:
    opening = len(BEFORE) - 5
    assert told.get("/v1/campaigns", known_at=opening - 1)["campaigns"] == []
    (found,) = told.get("/v1/campaigns", known_at=opening)["campaigns"]
    assert (found["campaign"], found["targets"], found["decided_by"]) == (NAME, [], [opening])
    assert told.get("/v1/campaigns", as_of="2024-10-07")["campaigns"] == []


@pytest.mark.parametrize(("path", "status"), [("campaign:none", 404), ("c", 400), (f"{NAME}?as_of=2024-10-07", 404)])
def test_a_campaign_that_is_not_there_is_said_to_be_missing(told: Service, path: str, status: int) -> None:
    answer = told.http.get(f"/v1/campaigns/{path}")
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_the_log_is_where_a_campaign_is_traced(told: Service) -> None:
    events = told.get("/v1/audit", subject=NAME)["events"]
    assert [each["type"] for each in events] == [
        "taizhang.campaign.opened.v1",
        *["taizhang.campaign.target_set.v1"] * 2,
    ]


COUNTY, OTHER = "510104", "510105"


def at_region(number: int, region: str, on: str) -> dict[str, Any]:
    told = registered(number, on=on)
    return {**told, "data": {**told["data"], "region": region}}


def relative_targets() -> list[dict[str, Any]]:
    """For one county: up by 20 points on 2023-12-31, substantially up, and at least the city's average."""
    about = {"effective_on": "2024-01-10", "campaign": NAME}
    target = {"rate": "organization_coverage", "comparator": "at_least", "due_on": "2024-12-31", "office": "office:o"}
    here = {**about, **target, "region": COUNTY}
    own = {"against": "itself", "base_on": "2023-12-31"}
    return [
        envelope("opened", "campaign.opened", {**about, "name": "攻坚", "office": "office:city"}),
        envelope("t1", "campaign.target_set", {**here, "target": "points", **own, "points": "20"}),
        envelope("t2", "campaign.target_set", {**here, "target": "words", **own, "wording": "大幅提升"}),
        envelope("t3", "campaign.target_set", {**here, "target": "city", "against": "city", "points": "0"}),
        envelope("t4", "campaign.target_set", {**here, "target": "above", "against": "city", "points": "0",
                                               "comparator": "more_than", "due_on": "2025-12-31"}),
    ]  # fmt: skip


# In 2023 the county has 5 organizations with 1 covered; in 2024 two more are covered. Another has 5 with 3 covered.
RELATIVE = [
    *(at_region(n, COUNTY, "2023-01-02") for n in range(1, 6)), formed(1, "2023-05-01"),
    *(at_region(n, OTHER, "2023-01-02") for n in range(6, 11)), *(formed(n, "2023-05-01") for n in (6, 7, 8)),
    *relative_targets(), formed(2, "2024-06-01"), formed(3, "2024-07-01"),
]  # fmt: skip
DEFINED = envelope("w", "wording.adopted", {"effective_on": "2024-01-01", "name": "大幅提升", "points": "50.00"})


def test_relative_targets_on_both_clocks(fresh_service: Service) -> None:
    """On 2024-12-31 the county has 3 of 5, its base is 1 of 5: 20 + 20 = 40 %, so 2 are asked and 3 reach it.

    By 50 points (大幅提升) 70 % are asked: 4 of 5, one missing; before the wording is defined there is no answer. The
    city has 6 of 10: 60 % is at its average and not above it, for which one more of 5 is needed.

    Then it becomes known that a branch covered a second one in 2023 already: the base is 2 of 5, what is asked 60 and
    90 %: 5 of 5, two missing.
    """
    service = fresh_service
    publish(service, RELATIVE)
    before = targets(service, as_of=DUE)["words"]
    assert (before["asked"]["points"], before["asked"]["ratio"], before["required"], before["reached"]) == (None,) * 4
    assert before["relative"] == {"against": "itself", "base_on": "2023-12-31", "points": None, "wording": "大幅提升"}
    publish(service, [DEFINED])
    found = targets(service, as_of=DUE)
    points, words, city, above = (found[name] for name in ("points", "words", "city", "above"))
    assert points["value"] is None
    assert points["asked"] == {"base": {"numerator": 1, "denominator": 5, "value": "0.2000"}, "points": "20",
                               "ratio": "0.4000"}  # fmt: skip
    assert (points["required"], points["missing"], points["reached"]) == (2, 0, True)
    assert (words["asked"]["ratio"], words["required"], words["missing"], words["reached"]) == ("0.7000", 4, 1, False)
    assert (city["asked"]["base"]["numerator"], city["asked"]["base"]["denominator"]) == (6, 10)
    assert (city["required"], city["reached"]) == (3, True)
    assert (above["required"], above["missing"], above["reached"], above["as_known_now"]) == (4, 1, False, None)

    known = service.get("/v1/rates")["known_at"]["position"]
    publish(service, [retracted("late", "formed-2"), {**formed(2, "2023-11-01"), "id": "formed-2-earlier"}])
    found = targets(service, as_of=DUE)
    assert [(found[name]["asked"]["ratio"], found[name]["missing"]) for name in ("points", "words")] == [
        ("0.6000", 0), ("0.9000", 2),
    ]  # fmt: skip
    then = targets(service, as_of=DUE, known_at=known)
    assert then["points"]["asked"]["ratio"] == "0.4000"
    assert then["words"]["as_known_now"]["asked"]["ratio"] == "0.7000"
    # On the eve of the wording's date nothing defines it.
    assert targets(service, as_of="2024-01-10")["words"]["reached"] is False


def test_a_report_with_relative_targets_renders_as_sealed_and_tells_what_came_since(fresh_service: Service) -> None:
    service = fresh_service
    publish(service, [*RELATIVE, DEFINED])
    body = {"assessment": "assessment:r", "title": "考核", "office": "office:a", "campaign": NAME, "as_of": DUE}
    answer = service.http.post("/v1/assessments", json=body)
    assert answer.status_code == 201, answer.text
    publish(service, [retracted("late", "formed-1")])
    report = service.get("/v1/assessments/assessment:r")
    assert (report["identical"], report["differences"]) == (True, [])
    sealed = {each["target"]: each for each in report["sealed"]["targets"]}
    assert "value" not in sealed["words"]
    assert sealed["words"]["asked"] == {"numerator": 1, "denominator": 5, "points": "50.00"}
    assert (sealed["words"]["against"], sealed["words"]["base_on"], sealed["words"]["required"]) == (
        "itself", "2023-12-31", 4,
    )  # fmt: skip
    now = {each["target"]: each for each in report["as_known_now"]["targets"]}
    # Without its one branch of 2023 the base is 0 of 5: up by 50 points is 3 of 5, and 2 are covered.
    assert (now["words"]["asked"]["numerator"], now["words"]["required"], now["words"]["missing"]) == (0, 3, 1)
    html = {"accept": "text/html"}
    page = service.http.get("/assessment/reports/assessment:r", params={"lang": "zh"}, headers=html)
    assert "较 2023-12-31 的 20.00% 提高 50.00 个百分点" in page.text
    page = service.http.get("/", params={"as_of": DUE, "region": COUNTY, "lang": "zh"}, headers=html)
    assert "较 2023-12-31 的 0.00% 提高 50.00 个百分点" in page.text
    assert "大幅提升" in service.http.get("/assessment", params={"as_of": DUE, "lang": "zh"}, headers=html).text
    for form in ("xlsx", "csv", "html", "json"):
        exported = service.http.get("/v1/assessments/assessment:r/export", params={"format": form})
        assert exported.status_code == 200, exported.text
    assert service.http.get(f"/v1/campaigns/{NAME}", params={"format": "csv", "as_of": DUE}).status_code == 200
