"""Effective coverage as it is asked over HTTP: as a rate, a filter, what it misses, and under another policy."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fix_service import Service, new_database
from tests.folding import publish
from tests.small_city import event

POLICY = {
    "meetings": {"general": {"least": 1, "per": "month"}}, "periods": 1, "term_years": {"branch": 3},
    "members_for_branch_committee": 7, "vacant_days_max": 30,
}  # fmt: skip
LIVING, IDLE, BARE = "group:effective-living", "group:effective-idle", "group:effective-bare"


def story() -> list[dict[str, Any]]:
    """Two organizations under a branch each, of which one met in May, and one without; a policy from June on."""
    registered = [
        event(f"registered {org}", "organization.registered", org=org, kind="new_employment_group", category="courier",
              name="站", region="990101", employees=5)
        for org in (LIVING, IDLE, BARE)
    ]  # fmt: skip
    formed = [
        event(f"formed {org}", "branch.formed", branch=f"branch:{how}", name="支部", tier="branch", formation=how,
              region="990101", covers=[org])
        for org, how in ((LIVING, "joint"), (IDLE, "standalone"))
    ]  # fmt: skip
    met = event(
        "met", "branch.meeting_held", branch="branch:joint", kind="general", quorate=True, effective_on="2024-05-20"
    )  # fmt: skip
    adopted = event("adopted", "activity_policy.adopted", **{**POLICY, "effective_on": "2024-06-01"})
    return [*registered, *formed, met, adopted]


@pytest.fixture(scope="module")
def told(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("effective"), "--dev", database_url=new_database(postgres)) as service:
        publish(service, story())
        yield service


def listed(service: Service, path: str, **asked: Any) -> list[str]:  # noqa: ANN401 - query parameters
    return [each.get("row", each)["org"] for each in service.get(path, **asked)["organizations"]]


def test_without_a_policy_the_rate_is_null_and_nobody_is_among_those_with_or_without(told: Service) -> None:
    answer = told.get("/v1/rates", as_of="2024-05-31")
    assert answer["total"]["counts"]["effectively_covered"] is None
    assert answer["total"]["rates"]["effective_coverage"]["value"] is None
    for asked in ({"effectively_covered": True}, {"effectively_covered": False}):
        assert told.get("/v1/rates", as_of="2024-05-31", **asked)["total"]["counts"]["registered"] == 0
        assert listed(told, "/v1/organizations", as_of="2024-05-31", **asked) == []
    assert listed(told, "/v1/rates/explain", as_of="2024-05-31", missing="effective_coverage") == []


def test_whoever_is_under_an_idle_branch_or_none_is_what_the_rate_misses(told: Service) -> None:
    rate = told.get("/v1/rates", as_of="2024-06-15")["total"]["rates"]["effective_coverage"]
    assert (rate["numerator"], rate["denominator"], rate["value"]) == (1, 3, "0.3333")
    missing = listed(told, "/v1/rates/explain", as_of="2024-06-15", missing="effective_coverage")
    assert sorted(missing) == [BARE, IDLE]
    assert listed(told, "/v1/rates/explain", as_of="2024-06-15", count="effectively_covered") == [LIVING]
    assert listed(told, "/v1/organizations", as_of="2024-06-15", effectively_covered=True) == [LIVING]
    assert sorted(listed(told, "/v1/organizations", as_of="2024-06-15", effectively_covered=False)) == [BARE, IDLE]


def test_a_branch_falls_out_of_effect_on_its_day_and_not_a_day_before(told: Service) -> None:
    """The month without a meeting is complete, and judged, on its last day."""
    found = [
        told.get("/v1/rates", as_of=day)["total"]["counts"]["effectively_covered"]
        for day in ("2024-06-01", "2024-06-29", "2024-06-30")
    ]
    assert found == [1, 1, 0]


def test_a_policy_that_does_not_count_how_the_living_branch_covers_has_nobody_effectively_covered(
    told: Service,
) -> None:
    answer = told.get("/v1/rates/what-if", as_of="2024-06-15", formations_counted="standalone")
    sides = [answer["total"][side]["counts"]["effectively_covered"] for side in ("in_force", "supposed")]
    assert sides == [1, 0]
    before = told.get("/v1/rates/what-if", as_of="2024-05-31", formations_counted="standalone")
    assert before["total"]["supposed"]["counts"]["effectively_covered"] is None
