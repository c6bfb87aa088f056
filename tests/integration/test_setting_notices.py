"""Notices on the setting of branches, each by a branch that gives cause and one that just does not."""

from typing import Any

import pytest

from tests.fix_service import Service
from tests.sending import envelope

pytestmark = pytest.mark.long

DAY = {"as_of": "2024-06-30"}
REGION = "510104"


def org(number: int) -> list[dict[str, Any]]:
    data = {"effective_on": "2023-01-01", "org": f"group:n-{number}", "kind": "new_employment_group",
            "category": "courier", "name": f"站 {number}", "region": REGION, "employees": 20}  # fmt: skip
    return [envelope(f"o{number}", "organization.registered", data)]


def enrolled(number: int, count: int, standing: str = "full") -> list[dict[str, Any]]:
    return [
        envelope(f"m{number} {standing} {n}", "member.enrolled", {
            "effective_on": "2023-02-01", "member": f"member:n-{number}-{standing}-{n}", "standing": standing,
            "org": f"group:n-{number}"})
        for n in range(count)
    ]  # fmt: skip


def formed(name: str, formation: str, covers: range | list[Any], tier: str = "branch", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
    return envelope(name, "branch.formed", {
        "effective_on": "2023-03-01", "branch": f"branch:{name}", "name": name, "tier": tier, "formation": formation,
        "region": REGION, "covers": [f"group:n-{n}" if isinstance(n, int) else n for n in covers], **more})  # fmt: skip


def test_each_notice_has_a_cause_and_stops_at_its_bound(fresh_service: Service) -> None:
    """Five joint units are as the rule has it, six are not; 50 members carry a general branch, 49 do not."""
    service = fresh_service
    events = [each for number in range(40) for each in org(number)]
    events += [
        formed("six", "joint", range(6)), formed("five", "joint", range(6, 11)),
        formed("two", "standalone", [11, 12]), formed("one", "standalone", [13]),
        # What is said of a pair goes before: one stands alone, the other is attached to it.
        formed("pair", "standalone", [14, {"org": "group:n-15", "formation": "affiliated"}]),
        formed("general-50", "joint", [], "general_branch"), formed("general-49", "joint", [], "general_branch"),
        formed("a", "standalone", [16], parent="branch:general-50"),
        formed("b", "standalone", [17], parent="branch:general-49"),
        formed("committee", "standalone", [18], "committee"),
        formed("nobody", "standalone", [19]), formed("activists", "standalone", [20]),
        *enrolled(16, 46), *enrolled(16, 4, "probationary"), *enrolled(17, 45), *enrolled(17, 4, "probationary"),
        *enrolled(17, 3, "activist"), *enrolled(18, 100), *enrolled(20, 3, "activist"),
        *(each for n in (0, 6, 11, 13, 14) for each in enrolled(n, 3)),
    ]  # fmt: skip
    results = service.publish(events)
    assert {each["disposition"] for each in results} == {"accepted"}
    service.get("/v1/rates", min_position=results[-1]["position"])
    found = {each["branch"][7:]: each for each in service.get("/v1/weak-branches", **DAY)["branches"]}
    assert {name: sorted(each["weaknesses"]) for name, each in found.items()} == {
        "six": ["could_stand_alone", "joint_over_many"], "five": ["could_stand_alone"],
        "two": ["standalone_over_several"], "general-49": ["tier_not_carried"], "committee": ["committee_covers"],
        "nobody": ["below_threshold", "without_members"], "activists": ["below_threshold", "without_members"],
    }  # fmt: skip
    assert (found["general-49"]["covers"], found["general-49"]["tier"]) == (0, "general_branch")
    for weakness, names in (("tier_not_carried", {"general-49"}), ("joint_over_many", {"six"})):
        told = service.get("/v1/weak-branches", **DAY, weakness=weakness, region=REGION)
        assert {each["branch"][7:] for each in told["branches"]} == names
        page = service.http.get("/daily/branches", params={**DAY, "weakness": weakness, "lang": "zh"},
                                headers={"accept": "text/html"})  # fmt: skip
        assert page.status_code == 200
    assert service.get("/v1/weak-branches", **DAY, region="510105")["total"] == 0
    assert service.get("/v1/weak-branches", as_of="2023-02-28")["total"] == 0
