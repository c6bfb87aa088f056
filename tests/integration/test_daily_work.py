"""The offices' daily work on the demo city, over HTTP: what the speech tells is found on the right day.

`TAIZHANG_TEST_CITY_SCALE` chooses the scale, the smallest if unset; `make test-demo-city` takes 1.
"""

from datetime import date, timedelta
from itertools import islice
from typing import Any

import pytest
from icalendar import Calendar

from domain.ledger.rates import add, read_counts
from services.demo_city import divisions, plan, stories, survey
from services.demo_city.daily import RECTIFICATION
from services.demo_city.plan import LATE_COUNTY
from tests.fix_city import SCALE
from tests.fix_service import Service, shell
from tests.sending import envelope

# One district's organizations (5,600 of them in the speech), and as many visits as are made again.
LISTED = plan.scaled(5_600, SCALE)
REVISITED = max(60, int(LISTED * 0.03))

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


def test_the_late_formations_are_found_on_the_right_day_and_not_a_day_before(city: Service) -> None:
    before = city.get("/v1/measures", as_of="2024-12-31", state="overdue")
    assert before["total"] == 0
    due = city.get("/v1/measures", as_of="2024-12-31", state="due", office=f"office:county-{LATE_COUNTY}")
    late = city.get("/v1/measures", as_of="2025-01-01", state="overdue")
    assert late["total"] == 23
    assert {item["org"] for item in late["items"]} <= {item["org"] for item in due["items"]}
    for item in late["items"]:
        assert item["region"].startswith(LATE_COUNTY)
        assert (item["measure"], item["due_on"], item["overdue_days"]) == ("establish", "2024-12-31", 1)
        assert item["office"] == f"office:county-{LATE_COUNTY}"
    (tally,) = late["offices"]
    assert (tally["open"], tally["due"], tally["overdue"]) == (23, 0, 23)


def test_a_late_formation_closes_its_measure_and_is_never_opened_twice(city: Service) -> None:
    org = city.get("/v1/measures", as_of="2025-01-01", state="overdue", limit=1)["items"][0]["org"]
    told = city.get(f"/v1/measures/organizations/{org}", as_of="2025-06-30")["measures"]
    assert [each["measure"] for each in told] == ["combine", "establish"]
    assert told[0]["closed_by"] == "superseded"
    assert told[1]["closed_by"] == "covered"
    assert told[1]["closed_on"] >= "2025-01-13"


def test_work_lists_page_without_a_gap(city: Service) -> None:
    whole = city.get("/v1/measures", as_of="2024-12-31", limit=1000, region="8801")
    cursor, found, limit = None, [], int(100 + 800 * SCALE)
    while True:
        page = city.get("/v1/measures", as_of="2024-12-31", limit=limit, region="8801", cursor=cursor)
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert found[:1000] == whole["items"]
    assert len(found) == whole["total"]


def test_the_calendar_names_every_due_date_of_an_office(city: Service) -> None:
    answer = city.http.get("/v1/measures/calendar", params={"as_of": "2024-12-01", "region": LATE_COUNTY})
    assert answer.headers["content-type"].startswith("text/calendar")
    found = Calendar.from_ical(answer.content)
    counted = sum(int(str(event["summary"]).split()[1]) for event in found.walk("VEVENT"))
    work = city.get("/v1/measures", as_of="2024-12-01", region=LATE_COUNTY, limit=1000)
    assert counted == sum(item["due_on"] is not None for item in work["items"]) > 20


def test_durations_count_what_is_still_open(city: Service) -> None:
    (group,) = city.get("/v1/measures/durations", as_of="2025-01-01", region_digits="0")["groups"]
    still_open = city.get("/v1/measures", as_of="2025-01-01", limit=1000)["items"]
    assert group["censored"] >= sum(item["measure"] == "establish" for item in still_open)
    shares = [point["still_open"] for point in group["curve"]]
    assert shares == sorted(shares, reverse=True)
    assert all(p["low"] <= p["still_open"] <= p["high"] for p in group["curve"] if p["low"] is not None)
    by_county = city.get("/v1/measures/durations", as_of="2025-01-01")["groups"]
    assert sum(each["ended"] for each in by_county) == group["ended"]


def weak(city: Service, branch: str, **asked: str) -> list[dict[str, Any]]:
    """What the weak branches say of one, over all their pages."""
    cursor, found = None, []
    while True:
        page = city.get("/v1/weak-branches", limit=1000, cursor=cursor, **asked)
        found += [each for each in page["branches"] if each["branch"] == branch]
        cursor = page["next"]
        if cursor is None:
            return found


def test_eight_of_the_parks_thirty_two_firms_could_stand_alone(city: Service) -> None:
    (park,) = weak(city, stories.PARK_BRANCH, as_of="2024-09-30", weakness="could_stand_alone", region="880107")
    assert (park["covers"], len(park["could_stand_alone"])) == (32, 8)
    assert park["rectification"] is None
    assert weak(city, stories.PARK_BRANCH, as_of="2024-03-01", weakness="could_stand_alone", region="880107") == []
    (park,) = weak(city, stories.PARK_BRANCH, as_of="2024-11-01", region="880107")
    assert park["rectification"] == RECTIFICATION
    opened = city.get("/v1/rectifications", as_of="2025-07-01")
    assert (opened["open"], opened["overdue"]) == (1, 1)


def test_branches_below_the_threshold_have_too_few_members_by_the_dossiers(city: Service) -> None:
    found = city.get("/v1/weak-branches", as_of="2024-09-30", weakness="below_threshold", limit=200)["branches"]
    assert found
    for each in islice(found, 5):
        history = city.get(f"/v1/branches/{each['branch']}/history", as_of="2024-09-30")
        assert history
        assert each["full_members"] < 3


def test_the_district_is_surveyed_in_ten_days_and_as_accurately_as_the_sample_says(city: Service) -> None:
    path = f"/v1/surveys/{survey.NAME}"
    before = city.get(f"{path}/progress", as_of="2024-10-07", by="6")["total"]
    assert (before["listed"], before["visited"]) == (LISTED, 0)
    done = city.get(f"{path}/progress", as_of="2024-10-17", by="9")
    assert (done["total"]["listed"], done["total"]["visited"]) == (LISTED, LISTED)
    days = [date.fromisoformat(each) for each in done["by_day"]]
    assert (days[-1] - days[0]).days + 1 == len(days) == 10
    day_before = city.get(f"{path}/progress", as_of=(days[-1] - timedelta(1)).isoformat(), by="6")["total"]
    assert day_before["visited"] < LISTED
    assert sum(group["visited"] for group in done["groups"]) == LISTED
    assert len(done["unknown"]) == 3
    halfway = city.get(f"{path}/progress", as_of="2024-10-12", by="grid")
    assert sum(group["visited"] for group in halfway["groups"]) == halfway["total"]["visited"] == LISTED // 2
    first = city.get(f"{path}/accuracy", as_of="2024-11-30")["accuracy"][0]
    assert first["revisited"] == REVISITED
    # One visit in 25 is mistaken: the interval holds that, and narrows as the sample grows.
    assert first["low"] < first["share"] < first["high"] < 1
    assert first["low"] < 0.96 < first["high"]
    drawn = city.get(f"{path}/sample", as_of="2024-10-17", seed=survey.SEED, size=REVISITED)["visits"]
    assert city.get(f"{path}/sample", as_of="2024-11-30", seed=survey.SEED, size=REVISITED)["visits"] == drawn


def test_what_was_found_otherwise_comes_with_a_proposal(city: Service) -> None:
    found = city.get(f"/v1/surveys/{survey.NAME}/discrepancies", as_of="2024-10-17")
    assert 0 < found["total"] == sum(found["proposals"].values()) < LISTED * 0.5
    for each in found["discrepancies"][:60]:
        row = city.get(f"/v1/organizations/{each['org']}", as_of=each["made_on"])["row"]
        if each["finding"] == "employees":
            assert row["attributes"]["employees"] == each["ledger"] != each["found"]
            assert each["proposal"] == "correction"


def together(one: dict[str, int | None], other: dict[str, int | None]) -> dict[str, int | None]:
    return add(read_counts(one), read_counts(other))._asdict()


def test_a_merged_county_compares_with_the_year_before_both_ways(city: Service) -> None:
    into, gone = divisions.INTO, divisions.MERGED
    by_county = {
        year: city.get("/v1/regions/rates", as_of=f"{year}-12-31", regions_at=f"{year}-12-31")
        for year in ("2024", "2025")
    }
    then, now = ({g["region"]: g["counts"] for g in answer["groups"]} for answer in by_county.values())
    assert gone in then
    assert gone not in now
    # By the regions of 2025: the year before is the sum of both counties.
    forward = city.get("/v1/regions/rates", as_of="2025-12-31", compare_with="2024-12-31")
    assert forward["unmapped"] == forward["unmapped_before"] == {}
    (merged,) = [g for g in forward["groups"] if g["region"] == into]
    assert merged["counts"] == now[into]
    both = together(then[into], then[gone])
    assert merged["before"]["counts"] == both
    # By the regions of 2024: both counties are there, recoded firms too.
    back = city.get("/v1/regions/rates", as_of="2025-12-31", regions_at="2024-12-31", compare_with="2024-12-31")
    groups = {g["region"]: g for g in back["groups"]}
    assert groups[gone]["before"]["counts"] == then[gone]
    assert groups[into]["before"]["counts"] == then[into]
    assert together(groups[into]["counts"], groups[gone]["counts"]) == now[into]
    recoded = city.get("/v1/organizations", as_of="2025-12-31", region=f"{into}01", limit=1000)["organizations"]
    assert recoded
    unmapped_codes = city.get("/v1/rates", as_of="2025-12-31", group_by="region:6")["groups"]
    assert gone in [g["key"]["region:6"] for g in unmapped_codes]


def test_the_tree_has_its_names_of_the_day(city: Service) -> None:
    before = {r["region"]: r["name"] for r in city.get("/v1/regions", as_of="2025-06-30")["regions"]}
    after = {r["region"]: r["name"] for r in city.get("/v1/regions", as_of="2025-07-01")["regions"]}
    assert len(before) == 2 + 14 + 112 + 896
    assert (before["880122"], after["880122"]) == ("云碓县", "云碓区")
    assert "880127" not in after
    assert after["880126011"] == before["880127001"]
    assert city.get("/v1/regions", as_of="2025-07-01", known_at="1")["regions"] == []


def test_an_organization_under_two_codes_is_a_candidate_until_a_person_decides(city: Service) -> None:
    row = city.get("/v1/organizations", as_of="2025-06-30", region="880107", kind="new_social")["organizations"][0]
    twin = {**row["attributes"], "org": "group:twin", "kind": "new_employment_group", "category": "other_group"}
    twin = {name: value for name, value in twin.items() if value is not None}
    twin["name"] = twin["name"].replace("区", "")
    registered = envelope("twin", "organization.registered", {"effective_on": "2025-01-01", **twin}, "/registry/twin")
    position = city.publish([registered])[0]["position"]
    path, clocks = "/v1/matches/candidates", {"region": "880107", "as_of": "2025-06-30", "limit": 1000}

    def pairs(position: int) -> list[set[str]]:
        found = city.get(path, min_position=position, **clocks)["candidates"]
        assert [each["score"] for each in found] == sorted((each["score"] for each in found), reverse=True)
        return [{each["left"]["record"], each["right"]["record"]} for each in found]

    assert {"group:twin", row["org"]} in pairs(position)
    data = {"effective_on": "2025-06-01", "match": "match:twin", "reason": "同址同人"}
    decided = envelope(
        "d1", "match.decided", {**data, "org": row["org"], "other": "group:twin", "same": True}, "/office"
    )
    position = city.publish([decided])[0]["position"]
    assert {"group:twin", row["org"]} not in pairs(position)
    position = city.publish([envelope("d2", "match.undone", data, "/office")])[0]["position"]
    assert {"group:twin", row["org"]} in pairs(position)
    (decision,) = city.get("/v1/matches", as_of="2025-06-30", min_position=position)["decisions"]
    assert (decision["same"], decision["undone_on"]) == (True, "2025-06-01")


def test_a_match_is_decided_and_undone_from_the_shell(city: Service) -> None:
    unknown = city.get(f"/v1/surveys/{survey.NAME}/progress", as_of="2025-06-30")["unknown"][0]["visit"]
    org = city.get("/v1/organizations", as_of="2025-06-30", region="880107", limit=1)["organizations"][0]["org"]

    def run(command: str, *options: str, code: int = 0) -> str:
        told = shell(command, org, unknown, *options, "--as-of", "2025-06-30", url=city.url)
        assert told.returncode == code, told.stderr
        return told.stderr + told.stdout

    def decisions(said: str) -> list[tuple[bool, str | None, str | None]]:
        position = int(said.rsplit(maxsplit=1)[-1])
        made = city.get("/v1/matches", as_of="2025-06-30", min_position=position)["decisions"]
        return [(d["same"], d["undone_on"], d["undone_reason"]) for d in made if d["other"] == unknown]

    assert "decide-match" in run("undo-match", "--reason", "误", code=1)
    assert decisions(run("decide-match", "--answer", "same", "--reason", "同址同人")) == [(True, None, None)]
    assert "同址同人" in run("decide-match", "--answer", "different", "--reason", "误", code=1)
    assert decisions(run("undo-match", "--reason", "核实为两家")) == [(True, "2025-06-30", "核实为两家")]
    said = run("decide-match", "--answer", "different", "--reason", "核实为两家", "--source", "/office/880107")
    assert (False, None, None) in decisions(said)
    event = city.get(f"/v1/events/{int(said.split()[-1])}")
    assert (event["source"], event["type"]) == ("/office/880107", "taizhang.match.decided.v1")
    assert "/reason" in run("undo-match", "--reason", "x" * 5_000, code=1)


def test_a_decision_that_is_corrected_or_retracted_is_read_anew(city: Service) -> None:
    data = {"effective_on": "2025-06-02", "match": "match:c", "org": "group:c", "other": "group:d", "same": True,
            "reason": "同址"}  # fmt: skip

    def said(position: int, known_at: int) -> list[tuple[bool, str]]:
        found = city.get("/v1/matches", as_of="2025-06-30", min_position=position, known_at=known_at)["decisions"]
        return [(each["same"], each["reason"]) for each in found if each["match"] == "match:c"]

    first = city.publish([envelope("c1", "match.decided", data, "/office")])[0]["position"]
    assert said(first, first) == [(True, "同址")]
    of = {"reason": "笔误"}
    target = {"source": "/office", "id": "c1"}
    replaced = {**of, "corrects": target, "replacement": {**data, "same": False, "reason": "两家"}}
    second = city.publish([envelope("c2", "event.corrected", replaced, "/office")])[0]["position"]
    assert said(second, second) == [(False, "两家")]
    third = city.publish([envelope("c3", "event.retracted", {**of, "retracts": target}, "/office")])[0]["position"]
    assert said(third, third) == []
    assert said(third, second) == [(False, "两家")]
    assert said(third, first) == [(True, "同址")]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("measures", "--as-of", "2025-01-01", "--state", "overdue"), "23 measures"),
        (("durations", "--as-of", "2025-06-30", "--region-digits", "0"), "all"),
        (("weak-branches", "--as-of", "2024-09-30", "--weakness", "could_stand_alone"), "branches"),
        (("survey", "progress", survey.NAME, "--as-of", "2024-10-17"), f"{LISTED:,} / {LISTED:,}"),
        (("survey", "discrepancies", survey.NAME), "correction"),
        (("survey", "sample", survey.NAME, "--seed", "x", "--size", "3"), f'"of": {LISTED}'),
        (("survey", "accuracy", survey.NAME), "all_six"),
        (("regions", "--as-of", "2025-12-31", "--regions-at", "2024-12-31"), "880127"),
        (("matches", "880107", "--as-of", "2024-10-17"), "pairs"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]) if isinstance(arguments, tuple) else "",
)
def test_the_shell_asks_the_same_questions(city: Service, arguments: tuple[str, ...], shown: str) -> None:
    told = shell(*arguments, url=city.url)
    assert told.returncode == 0, told.stderr
    assert shown in " ".join(told.stdout.split())  # a title wraps where its table is narrow
