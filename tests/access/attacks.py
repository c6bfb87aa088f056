"""A small city of two counties, what attacks on it were tried, and what a county's own office may say of it."""

from collections.abc import Sequence
from typing import Any

from tests.sending import envelope, limited

HERE, THERE = "990101", "990202"
ORG = {place: [f"group:{place}-{n}" for n in range(3)] for place in (HERE, THERE)}
SOURCE = "/registry/groups"
OFFICE = limited("here", HERE)
OTHER = limited("there", THERE)
COUNTY_STEWARD = limited("here-steward", HERE, steward=True)


def fact(id_: str, name: str, on: str = "2024-02-01", /, *, source: str = SOURCE, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
    return envelope(id_, name, {"effective_on": on, **data}, source)


def registered(org: str, place: str, on: str = "2024-01-01", id_: str | None = None) -> dict[str, Any]:
    return fact(
        id_ or f"r {org}", "organization.registered", on, org=org, kind="new_employment_group", category="courier",
        name="组", region=f"{place}001",
    )  # fmt: skip


def formed(branch: str, place: str, covers: Sequence[str], id_: str | None = None) -> dict[str, Any]:
    return fact(
        id_ or f"f {branch}", "branch.formed", branch=branch, name="支部", tier="branch", formation="joint",
        region=place, covers=list(covers),
    )  # fmt: skip


FINDINGS: dict[str, Any] = {
    name: {"clear": False} for name in ("operation", "employees", "members", "owner", "branch_work", "problems")
}


def visited(id_: str, visit: str, survey: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
    return fact(id_, "visit.made", visit=visit, survey=survey, grid="grid:g", findings=FINDINGS, **more)


ACTIVITY: dict[str, Any] = {
    "meetings": {"general": {"least": 1, "per": "quarter"}}, "periods": 2, "term_years": {"branch": 3},
    "members_for_branch_committee": 7, "vacant_days_max": 90,
}  # fmt: skip
POLICY: dict[str, Any] = {"full_members_for_branch": 3, "employees_for_branch": 50, "formations_counted": ["joint"]}
TARGET: dict[str, Any] = {
    "campaign": "campaign:c", "target": "t", "rate": "organization_coverage", "comparator": "at_least",
    "value": "0.9", "due_on": "2024-12-31", "office": "office:o",
}  # fmt: skip


def ordered(id_: str, order: str, region: str, by_region: str | None) -> dict[str, Any]:
    return fact(id_, "order.issued", order=order, office="office:o", region=f"{region}001", by="office:p",
                by_region=by_region, ground="other", asks="x", due_on="2024-12-31")  # fmt: skip


CITY: list[dict[str, Any]] = [
    *(registered(org, place) for place in ORG for org in ORG[place]),
    registered("group:moved", THERE),
    fact("moved", "organization.changed", "2024-06-01", org="group:moved", region=f"{HERE}002"),
    *(fact(f"m {p}", "member.enrolled", member=f"member:{p}", standing="full", org=ORG[p][0]) for p in ORG),
    fact("m none", "member.enrolled", member="member:none", standing="full", org=None),
    formed("branch:here", HERE, ORG[HERE][:2]),
    formed("branch:there", THERE, ORG[THERE][:2]),
    formed("branch:both", "9902", [ORG[HERE][2], ORG[THERE][2]]),
    formed("branch:idle", THERE, []),
    fact("i", "instructor.assigned", org=ORG[THERE][0], instructor="person:i"),
    fact("p", "policy.adopted", **POLICY),
    fact("c", "campaign.opened", campaign="campaign:c", name="攻坚", office="office:o"),
    fact("g", "region.created", region=HERE, name="县"),
    fact("d", "measure.extended", org=ORG[THERE][0], measure="combine", due_on="2024-12-31", reason="x"),
    fact("q", "rectification.opened", rectification="rectification:there", branch="branch:there", grounds=["other"],
         plan="x", due_on="2024-12-31", office="office:o"),
    ordered("o there", "order:there", THERE, THERE),
    ordered("o city", "order:city", HERE, None),
    *(fact(f"s {name}", "survey.opened", survey=f"survey:{name}", name="排查", region=region, due_on="2024-12-31",
           office="office:o") for name, region in (("there", THERE), ("here", HERE), ("both", "99"))),
    visited("v there", "visit:first", "survey:there", org=ORG[THERE][0]),
    visited("v both", "visit:both", "survey:both", org=ORG[THERE][0]),
    visited("v here", "visit:of-here", "survey:both", org=ORG[HERE][0]),
]  # fmt: skip


def word(id_: str, target: str, replacement: dict[str, Any] | None = None, source: str = SOURCE) -> dict[str, Any]:
    about = {"source": SOURCE, "id": target}
    if replacement is None:
        return envelope(id_, "event.retracted", {"retracts": about, "reason": "x"}, source)
    return envelope(id_, "event.corrected", {"corrects": about, "replacement": replacement, "reason": "x"}, source)


ELSEWHERE = "organization_of_another_office"
ATTACKS: dict[str, tuple[dict[str, Any], str]] = {
    "remove another county's member": (fact("x", "member.removed", member=f"member:{THERE}"), ELSEWHERE),
    "change its standing": (
        fact("x", "member.standing_changed", member=f"member:{THERE}", standing="activist"),
        ELSEWHERE,
    ),
    "pull it over": (
        fact("x", "member.transferred", member=f"member:{THERE}", from_org=None, to_org=ORG[HERE][0]),
        ELSEWHERE,
    ),
    "push one's own there": (
        fact("x", "member.transferred", member=f"member:{HERE}", from_org=ORG[HERE][0], to_org=ORG[THERE][0]),
        ELSEWHERE,
    ),
    "enrol it before it was": (
        fact("x", "member.enrolled", "2024-01-15", member=f"member:{THERE}", standing="full", org=ORG[HERE][0]),
        ELSEWHERE,
    ),
    "a member who is nowhere": (fact("x", "member.removed", member="member:none"), ELSEWHERE),
    "a member nobody knows": (fact("x", "member.removed", member="member:unknown"), ELSEWHERE),
    "dissolve another county's branch": (fact("x", "branch.dissolved", branch="branch:there"), ELSEWHERE),
    "dissolve a branch of both": (fact("x", "branch.dissolved", branch="branch:both"), ELSEWHERE),
    "dissolve its idle branch": (fact("x", "branch.dissolved", branch="branch:idle"), ELSEWHERE),
    "drop what it covers": (
        fact("x", "branch.coverage_changed", branch="branch:there", drop=[ORG[THERE][0]]),
        ELSEWHERE,
    ),
    "cover there with one's own": (
        fact("x", "branch.coverage_changed", branch="branch:here", add=[ORG[THERE][0]]),
        ELSEWHERE,
    ),
    "tell of a meeting of its branch": (
        fact("x", "branch.meeting_held", branch="branch:there", kind="general", quorate=True),
        ELSEWHERE,
    ),
    "tell of one that changes nothing": (
        fact("x", "branch.meeting_held", branch="branch:there", kind="general", quorate=False),
        ELSEWHERE,
    ),
    "tell of a meeting of a branch of both": (
        fact("x", "branch.meeting_held", branch="branch:both", kind="general", quorate=True),
        ELSEWHERE,
    ),
    "begin a term of a branch of both": (fact("x", "branch.term_began", branch="branch:both"), ELSEWHERE),
    "extend the term of a branch of both": (
        fact("x", "branch.term_extended", branch="branch:both", to="2027-06-01"),
        ELSEWHERE,
    ),
    "have no secretary in a branch of both": (
        fact("x", "branch.secretary_reported", branch="branch:both", state="vacant"),
        ELSEWHERE,
    ),
    "adopt an activity policy": (fact("x", "activity_policy.adopted", **ACTIVITY), "whole_city_only"),
    "form a branch there": (formed("branch:new", THERE, [], "x"), "region_of_another_office"),
    "form it before theirs": (
        {**formed("branch:there", HERE, [ORG[HERE][0]], "x"), "time": "2023-01-01T00:00:00Z"},
        ELSEWHERE,
    ),
    "withdraw its instructor": (fact("x", "instructor.withdrawn", org=ORG[THERE][0], instructor="person:i"), ELSEWHERE),
    "exclude its organization": (fact("x", "organization.excluded", org=ORG[THERE][0], reason="duplicate"), ELSEWHERE),
    "rename it": (fact("x", "organization.changed", org=ORG[THERE][0], name="别"), ELSEWHERE),
    "move it here": (fact("x", "organization.changed", org=ORG[THERE][0], region=HERE), ELSEWHERE),
    "move one's own there": (
        fact("x", "organization.changed", org=ORG[HERE][0], region=THERE),
        "region_of_another_office",
    ),
    "deregister it": (fact("x", "organization.deregistered", org=ORG[THERE][0], reason="revoked"), ELSEWHERE),
    "register it earlier": ({**registered(ORG[THERE][0], HERE, id_="x"), "time": "2023-01-01T00:00:00Z"}, ELSEWHERE),
    "register it later": ({**registered(ORG[THERE][0], HERE, id_="x"), "time": "2024-12-01T00:00:00Z"}, ELSEWHERE),
    "exclude what nobody registered": (
        fact("x", "organization.excluded", org="group:none", reason="duplicate"),
        ELSEWHERE,
    ),
    "exclude before it moved here": (
        fact("x", "organization.excluded", "2024-05-01", org="group:moved", reason="duplicate"),
        ELSEWHERE,
    ),
    "adopt a policy": (fact("x", "policy.adopted", **POLICY), "whole_city_only"),
    "close the campaign": (fact("x", "campaign.closed", campaign="campaign:c", reason="x"), "whole_city_only"),
    "set its target": (fact("x", "campaign.target_set", **TARGET), "whole_city_only"),
    "rename a region": (fact("x", "region.renamed", region=HERE, name="x"), "whole_city_only"),
    "put off its measure": (
        fact("x", "measure.extended", org=ORG[THERE][0], measure="combine", due_on="2025-12-31", reason="x"),
        ELSEWHERE,
    ),
    "assign measures of the city": (
        fact("x", "measure.assigned", office="office:o", region="9901"),
        "region_of_another_office",
    ),
    "close its rectification": (
        fact("x", "rectification.closed", rectification="rectification:there", outcome="rectified", reason="x"),
        ELSEWHERE,
    ),
    "issue an order to another county": (ordered("x", "order:x", THERE, HERE), "region_of_another_office"),
    "issue one in the city's name": (ordered("x", "order:x", HERE, None), ELSEWHERE),
    "issue one in another county's name": (ordered("x", "order:x", HERE, THERE), ELSEWHERE),
    "issue the city's anew, earlier": (
        {**ordered("x", "order:city", HERE, HERE), "time": "2023-01-01T00:00:00Z"},
        ELSEWHERE,
    ),
    "answer another county's order": (
        fact("x", "order.answered", order="order:there", region=f"{THERE}001", says="done"),
        "region_of_another_office",
    ),
    "answer it as its own": (
        fact("x", "order.answered", order="order:there", region=f"{HERE}001", says="done"),
        ELSEWHERE,
    ),
    "close what the city has ordered": (
        fact("x", "order.closed", order="order:city", region=f"{HERE}001", outcome="done"),
        ELSEWHERE,
    ),
    "send it back": (
        fact("x", "order.sent_back", order="order:city", region=f"{HERE}001", lacks="other", due_on="2025-12-31"),
        ELSEWHERE,
    ),
    "close what nobody has ordered yet": (
        fact("x", "order.closed", order="order:later", region=f"{HERE}001", outcome="done"),
        ELSEWHERE,
    ),
    "open a survey there": (
        fact("x", "survey.opened", survey="survey:x", name="x", region=THERE, due_on="2024-12-31", office="office:o"),
        "region_of_another_office",
    ),
    "visit its organization": (visited("x", "visit:x", "survey:both", org=ORG[THERE][0]), ELSEWHERE),
    "visit within its survey": (visited("x", "visit:x", "survey:there", org=ORG[HERE][0]), ELSEWHERE),
    "find an unknown one within its survey": (
        visited("x", "visit:x", "survey:there", unknown={"name": "店", "region": HERE}),
        ELSEWHERE,
    ),
    "visit within a survey nobody opened": (visited("x", "visit:x", "survey:later", org=ORG[HERE][0]), ELSEWHERE),
    "visit again what it has visited": (
        visited("x", "visit:x", "survey:both", org=ORG[HERE][0], revisits="visit:both"),
        ELSEWHERE,
    ),
    "visit again what nobody has visited": (
        visited("x", "visit:x", "survey:both", org=ORG[HERE][0], revisits="visit:later"),
        ELSEWHERE,
    ),
    "state a list with its organization": (
        fact(
            "x",
            "list.stated",
            list=SOURCE,
            statement="0" * 32,
            part={"regions": [HERE]},
            fields=["name"],
            rows=1,
            reason="dissolved",
            sha256="0" * 64,
            otherwise=[{"org": ORG[THERE][0], "fields": None}],
        ),
        ELSEWHERE,
    ),
    "match its organization": (
        fact("x", "match.decided", match="match:m", org=ORG[HERE][0], other=ORG[THERE][0], same=True, reason="x"),
        ELSEWHERE,
    ),
    "retract its registration": (word("x", f"r {ORG[THERE][0]}"), ELSEWHERE),
    "retract its member": (word("x", f"m {THERE}"), ELSEWHERE),
    "correct its member to here": (
        word("x", f"m {THERE}", fact("", "", member=f"member:{THERE}", standing="full", org=ORG[HERE][0])["data"]),
        ELSEWHERE,
    ),
    "correct one's own member to there": (
        word("x", f"m {HERE}", fact("", "", member=f"member:{HERE}", standing="full", org=ORG[THERE][0])["data"]),
        ELSEWHERE,
    ),
    "correct one's own member to theirs": (
        word("x", f"m {HERE}", fact("", "", member=f"member:{THERE}", standing="full", org=ORG[HERE][0])["data"]),
        ELSEWHERE,
    ),
    "retract the policy": (word("x", "p"), "whole_city_only"),
    "retract the campaign": (word("x", "c"), "whole_city_only"),
    "retract a region": (word("x", "g"), "whole_city_only"),
    "retract its measure": (word("x", "d"), ELSEWHERE),
    "retract what is not there yet": (word("x", "of tomorrow"), "target_unknown"),
    "correct a branch of both to one's own": (
        word("x", "f branch:both", formed("branch:both", HERE, [ORG[HERE][2]])["data"]),
        ELSEWHERE,
    ),
    "correct one's own branch to cover there": (
        word("x", "f branch:here", formed("branch:here", HERE, [ORG[THERE][0]])["data"]),
        ELSEWHERE,
    ),
    "retract a branch of both": (word("x", "f branch:both"), ELSEWHERE),
    "rename a branch of both": (fact("x", "branch.changed", branch="branch:both", name="别"), ELSEWHERE),
    "retract the move that brought one here": (word("x", "moved"), ELSEWHERE),
    "correct that move to elsewhere here": (
        word("x", "moved", fact("", "", "2024-01-02", org="group:moved", region=f"{HERE}003")["data"]),
        ELSEWHERE,
    ),
    "correct its registration to one's own": (
        word("x", f"r {ORG[THERE][1]}", registered(ORG[HERE][1], HERE)["data"]),
        ELSEWHERE,
    ),
    "say whom its organization answers to": (
        fact("x", "organization.placed", org=ORG[THERE][0], body="body:b"),
        ELSEWHERE,
    ),
    "say that its member's relation is elsewhere": (
        fact("x", "member.relation_changed", member=f"member:{THERE}", relation="elsewhere"),
        ELSEWHERE,
    ),
}


OWN: list[dict[str, Any]] = [
    registered("group:new", HERE),
    fact("o1", "organization.excluded", org="group:new", reason="duplicate"),
    fact("o2", "member.enrolled", member="member:new", standing="full", org="group:new"),
    fact("o3", "member.transferred", member="member:new", from_org="group:new", to_org=ORG[HERE][1]),
    fact("o4", "member.transferred", "2024-03-01", member="member:new", from_org=ORG[HERE][1], to_org=None),
    fact("o5", "member.transferred", "2024-04-01", member="member:none", from_org=None, to_org=ORG[HERE][1]),
    fact("o6", "branch.coverage_changed", branch="branch:here", add=["group:new"]),
    fact("o7", "branch.dissolved", "2024-05-01", branch="branch:here"),
    fact("o8", "organization.changed", "2024-06-01", org="group:moved", name="迁来"),
    fact("o9", "measure.extended", org="group:new", measure="combine", due_on="2024-12-31", reason="x"),
    fact(
        "o10", "survey.opened", survey="survey:o", name="x", region=f"{HERE}001", due_on="2024-12-31", office="office:o"
    ),
    word("o11", "o2", fact("", "", member="member:new", standing="activist", org="group:new")["data"]),
    word("o12", "o2"),
    formed("branch:new", HERE, ["group:new"], "o13"),
    fact("o14", "branch.meeting_held", "2024-03-01", branch="branch:here", kind="general", quorate=True),
    fact("o15", "branch.term_began", "2024-03-01", branch="branch:here", to="2025-03-01"),
    fact("o16", "branch.term_extended", "2024-03-02", branch="branch:here", to="2025-06-01"),
    visited("o18", "visit:o18", "survey:here", org=ORG[HERE][0]),
    visited("o19", "visit:o19", "survey:both", unknown={"name": "店", "region": f"{HERE}001"}),
    visited("o20", "visit:o20", "survey:both", org=ORG[HERE][0], revisits="visit:of-here"),
    fact("o17", "branch.secretary_reported", "2024-03-02", branch="branch:here", state="vacant"),
]
