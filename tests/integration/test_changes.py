"""What changed since: figures on both sides, who moved, by which events, from which source, how late; and replay."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.fact_data import ECONOMIC, GROUPS, SOCIAL
from tests.fix_service import Service
from tests.story import DAY, MARKET, OFFICE, PARTY, event, registered, tell

pytestmark = pytest.mark.long


def test_both_sides_and_their_difference_are_those_of_the_rates(told: Service) -> None:
    found = told.get("/v1/changes", as_of=DAY, since=4, group_by="region:6")
    before, after = (told.get("/v1/rates", as_of=DAY, known_at=p, group_by="region:6") for p in (4, 7))
    assert found["total"]["before"] == before["total"]
    assert found["total"]["after"] == after["total"]
    assert found["total"]["difference"]["counts"]["organization_covered"] == -2
    assert found["total"]["difference"]["rates"]["organization_coverage"] == "-66.67"
    for name, side in (("before", before), ("after", after)):
        expected = [(g["key"], g["counts"], g["rates"]) for g in side["groups"]]
        assert [(g["key"], g[name]["counts"], g[name]["rates"]) for g in found["groups"]] == expected


def test_each_organization_that_moved_names_its_counts_and_events(told: Service) -> None:
    found = told.get("/v1/changes", as_of=DAY, since=4)
    moved = {each["org"]: each for each in found["organizations"]}
    assert list(moved) == sorted([ECONOMIC[0], ECONOMIC[1], SOCIAL[0]])
    assert found["organizations_moved"] == 3
    lost = moved[ECONOMIC[1]]
    assert lost["moved"] == {"organization_covered": -1, "joint": -1, "work_covered": -1, "employees_covered": -10}
    assert lost["positions"] == [6]
    assert (lost["before"]["formation"], lost["after"]["formation"]) == ("joint", None)
    excluded = moved[SOCIAL[0]]
    assert excluded["moved"] == {"excluded": 1, "organizations": -1, "employees": -5}
    assert found["events"]["5"]["reason"] == "late_fact"
    assert found["events"]["6"]["reason"] == "retraction"


def test_an_event_says_how_late_it_is_by_the_calendar_of_shanghai(told: Service) -> None:
    events = told.get("/v1/changes", as_of=DAY, since=4)["events"]
    for position, effective in (("5", date(2024, 12, 20)), ("6", date(2024, 12, 1))):
        recorded = datetime.fromisoformat(events[position]["recorded_at"]).astimezone(ZoneInfo("Asia/Shanghai"))
        assert events[position]["effective_on"] == effective.isoformat()
        assert timedelta(events[position]["days_late"]) == recorded.date() - effective


def test_sources_are_told_apart(told: Service) -> None:
    market, party = told.get("/v1/changes", as_of=DAY, since=4)["sources"]
    assert (market["source"], market["events"], market["organizations"]) == (MARKET, 1, 1)
    assert (party["source"], party["events"], party["organizations"]) == (PARTY, 1, 2)
    assert market["days_late"]["min"] == market["days_late"]["max"] > 300
    assert party["days_late"] == {"min": None, "median": None, "max": None}


def test_a_fact_effective_later_changes_nothing_on_the_date(told: Service) -> None:
    found = told.get("/v1/changes", as_of=DAY, since=6)
    assert (found["organizations_moved"], found["organizations"], found["sources"]) == (0, [], [])


def test_filters_mean_rows_on_either_side(told: Service) -> None:
    found = told.get("/v1/changes", as_of=DAY, since=4, formation="joint")
    assert [each["org"] for each in found["organizations"]] == sorted(ECONOMIC[:2])
    assert {each["moved"]["registered"] for each in found["organizations"]} == {-1}


def test_a_policy_moves_organizations_that_no_event_names(fresh_service: Service) -> None:
    tell(fresh_service)
    adopted = event("p1", "policy.adopted", OFFICE, "2024-06-01", full_members_for_branch=3, employees_for_branch=50,
                    formations_counted=["standalone"])  # fmt: skip
    fresh_service.publish(adopted)
    fresh_service.get("/v1/rates", min_position=8)
    found = fresh_service.get("/v1/changes", as_of="2024-12-15", known_at=8, since=4)
    assert found["sources"][0] == {
        "source": OFFICE, "events": 1, "organizations": 2, "days_late": found["sources"][0]["days_late"],
    }  # fmt: skip
    assert all(8 in each["positions"] for each in found["organizations"])
    assert found["events"]["8"]["reason"] == "policy"


def test_pages_give_each_organization_once_though_events_arrive_meanwhile(fresh_service: Service) -> None:
    tell(fresh_service)
    seen: list[str] = []
    cursor = None
    while True:
        page = fresh_service.get("/v1/changes", as_of=DAY, since=0, limit=1, cursor=cursor)
        seen += [each["org"] for each in page["organizations"]]
        assert set(page["events"]) == {str(p) for each in page["organizations"] for p in each["positions"]}
        fresh_service.publish(registered(f"late-{len(seen)}", GROUPS[0], "51", 1))
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted([ECONOMIC[0], ECONOMIC[1], SOCIAL[0]])


@pytest.mark.parametrize("since", ["8", "yesterday", "2999-01-01"])
def test_since_is_a_state_of_knowledge_not_later_than_the_other(told: Service, since: str) -> None:
    answer = told.http.get("/v1/changes", params={"as_of": DAY, "since": since})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["at"] == "query.since"


def test_replay_steps_forwards_and_back_over_what_changed_a_region(told: Service) -> None:
    forwards = told.get("/v1/replay", as_of=DAY, since=0, region="510104")
    assert [each["position"] for each in forwards["steps"]] == [1, 2, 4, 6]
    assert [(each["previous"], each["next"]) for each in forwards["steps"]] == [(None, 2), (1, 4), (2, 6), (4, None)]
    for step in forwards["steps"]:
        for side, position in (("before", step["position"] - 1), ("after", step["position"])):
            assert step[side] == told.get("/v1/rates", as_of=DAY, known_at=position, region="510104")["total"]
    assert forwards["steps"][2]["difference"]["organization_covered"] == 2
    assert forwards["steps"][2]["organizations"] == 2
    backwards = told.get("/v1/replay", as_of=DAY, since=0, region="510104", direction="backwards", limit=3)
    rest = told.get(
        "/v1/replay", as_of=DAY, since=0, region="510104", direction="backwards", limit=3, cursor=backwards["next"]
    )
    assert [*backwards["steps"], *rest["steps"]] == forwards["steps"][::-1]


def test_a_branch_is_replayed_with_its_state_around_each_event(told: Service) -> None:
    formed, retracted = told.get("/v1/branches/branch:a/history", as_of=DAY)["events"]
    assert (formed["position"], formed["before"], formed["next"]) == (4, None, 6)
    assert formed["after"]["covers"] == sorted(ECONOMIC[:2])
    assert (retracted["before"], retracted["after"], retracted["reason"]) == (formed["after"], None, "retraction")
    assert told.http.get("/v1/branches/branch:nobody/history").status_code == 404
    assert told.http.get("/v1/branches/member:x/history").status_code == 400


def test_the_history_says_why_a_row_changed_and_steps_both_ways(told: Service) -> None:
    events = told.get(f"/v1/organizations/{ECONOMIC[0]}/history", as_of=DAY)["events"]
    assert [each["position"] for each in events] == [1, 4, 6, 7]
    assert [(each["previous"], each["next"]) for each in events] == [(None, 4), (1, 6), (4, 7), (6, None)]
    assert [each["reason"] for each in events] == ["late_fact", "late_fact", "retraction", "late_fact"]
    assert events[0]["changed"] == ["active"]
    assert events[1]["changed"] == events[2]["changed"] == ["formation", "organization_covered", "work_covered"]
    assert events[3]["changed"] == []
    second = told.get(f"/v1/organizations/{ECONOMIC[0]}/history", as_of=DAY, limit=1)
    (step,) = told.get(f"/v1/organizations/{ECONOMIC[0]}/history", as_of=DAY, limit=1, cursor=second["next"])["events"]
    assert step == events[1]
