"""Codes of regions used again, over HTTP: the call and the page map each organization by the day its code was said."""

import pytest

from tests.examples import case
from tests.fix_service import Service
from tests.sending import envelope

pytestmark = pytest.mark.long

PATH = "/v1/regions/rates"


def test_codes_used_again_are_told_apart_by_the_day_they_were_said(fresh_service: Service) -> None:
    old = {"effective_on": "2005-03-01", "org": "group:old", "kind": "new_employment_group", "category": "courier",
           "name": "老站", "region": "880201", "employees": 7}  # fmt: skip
    events = [*case("18-region-created-again"), envelope("old", "organization.registered", old)]
    at = {"as_of": "2021-02-01", "digits": "6", "min_position": fresh_service.publish(events)[-1]["position"]}

    def groups(**asked: str) -> dict[str, int]:
        answer = fresh_service.get(PATH, **at, **asked)
        assert answer["total"]["counts"]["organizations"] == 4
        return {each["region"]: each["counts"]["organizations"] for each in answer["groups"]}

    # Two are of the region of 2020; the old one is where its region went in 2010.
    assert groups(regions_at="2021-02-01") == {"880201": 2, "880202": 2}
    assert groups(regions_at="2015-01-01") == {"880202": 2}
    before = fresh_service.get(PATH, **at, regions_at="2005-06-01")
    assert groups(regions_at="2005-06-01") == {"880201": 1}
    assert before["unmapped"] == {"880201": 2}
    assert before["undivided"] == [{"regions": ["880201", "880202"], "organizations": 1}]
    asked = {name: at[name] for name in ("as_of", "min_position")} | {"regions_at": "2005-06-01", "lang": "en"}
    page = fresh_service.http.get("/daily/regions", params=asked).text
    assert "Not told apart" in page
    # By four digits both are of one city, and nothing is left to tell apart.
    city = fresh_service.get(PATH, **(at | {"digits": "4"}), regions_at="2005-06-01")
    assert (city["groups"][0]["counts"]["organizations"], city["undivided"]) == (2, [])


def test_the_case_of_a_region_created_again_comes_out_right(fresh_service: Service) -> None:
    position = fresh_service.publish(case("18-region-created-again"))[-1]["position"]
    asked = {"as_of": "2021-02-01", "regions_at": "2021-02-01", "digits": "6", "min_position": position}
    found = fresh_service.get(PATH, **asked)["groups"]
    assert {each["region"]: each["counts"]["organizations"] for each in found} == {"880201": 2, "880202": 1}
