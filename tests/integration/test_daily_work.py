"""The offices' daily work on the demo city, over HTTP: what the speech tells is found on the right day."""

from collections.abc import Iterator
from itertools import islice

import pytest
from icalendar import Calendar

from services.client import Client
from services.demo_city import stories
from services.demo_city.daily import RECTIFICATION
from services.demo_city.plan import LATE_COUNTY
from services.demo_city.world import events
from services.publishing import publish
from services.settings import load
from tests.fix_service import Service, new_database

SCALE = 0.02


@pytest.fixture(scope="module")
def city(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the smallest demo city; its stories have the size that they have at every scale."""
    with Service(tmp_path_factory.mktemp("city"), "--dev", database_url=new_database(postgres)) as service:
        with Client(load(), url=service.url) as client:
            outcome = publish(client, (line.rstrip(b"\n") for line in events(SCALE, 1)), lambda *_: None)
        service.get("/v1/rates", min_position=outcome.position)
        yield service


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
    cursor, found = None, []
    while True:
        page = city.get("/v1/measures", as_of="2024-12-31", limit=150, region="8801", cursor=cursor)
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


def test_eight_of_the_parks_thirty_two_firms_could_stand_alone(city: Service) -> None:
    found = city.get("/v1/weak-branches", as_of="2024-09-30", weakness="could_stand_alone", region="880107")
    park = next(each for each in found["branches"] if each["branch"] == stories.PARK_BRANCH)
    assert (park["covers"], len(park["could_stand_alone"])) == (32, 8)
    assert park["rectification"] is None
    before = city.get("/v1/weak-branches", as_of="2024-03-01", weakness="could_stand_alone", region="880107")
    assert stories.PARK_BRANCH not in [each["branch"] for each in before["branches"]]
    later = city.get("/v1/weak-branches", as_of="2024-11-01", region="880107", limit=1000)
    park = next(each for each in later["branches"] if each["branch"] == stories.PARK_BRANCH)
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
