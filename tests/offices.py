"""Acts of offices about a random history, and what each question needs to be asked with them."""

from typing import Any

from tests.sending import envelope

AS_OF = "2024-12-31"
OFFICE = "/office/city"
LATEST = {"as_of": AS_OF}
SPAN = {"from": "2024-01-31", "to": "2024-12-31", "step": "quarter"}
# By route what it needs besides both clocks, or instead of them.
MORE = {
    "/v1/changes": {"since": "150"},
    "/v1/replay": {"since": "150"},
    "/inspection": {"since": "150"},
    "/v1/rates/compare": {"other_as_of": "2024-06-30"},
    "/v1/rates/contributions": {"other_as_of": "2024-06-30", "group_by": "kind"},
    "/v1/rates/ranking": {"group_by": "region:6"},
    "/v1/rates/improvement": {"other_as_of": "2024-06-30", "group_by": "region:6"},
    "/assessment/improvement": {"other_as_of": "2024-06-30", "group_by": "region:6"},
    "/v1/rates/export": {"format": "json", "group_by": "kind"},
    "/v1/rates/what-if": {"full_members_for_branch": "1"},
    "/v1/exemplars/offices": {"rate": "work_coverage", "least": "0", "months": "0", "small_below": "0"},
    "/search": {"q": "有限"},
    "/v1/signals": {"deadline": "2024-06-30"},
    "/inspection/signals": {"deadline": "2024-06-30"},
    "/v1/lists/profile": {"source": "/registry/market"},
    "/v1/lists/facts": {"source": "/registry/market"},
    "/v1/matches/candidates": {"region": "510104"},
    "/daily/matches": {"region": "510104"},
    "/v1/surveys/{survey}/sample": {"seed": "1"},
    "/v1/statutory/{table}/behind": {"line": "1"},
    "/assessment/statutory/{table}/behind": {"line": "1"},
}
INSTEAD: dict[str, dict[str, str]] = {
    "/v1/rates/vintage": SPAN, "/v1/rates/series": SPAN, "/inspection/vintage": LATEST,
    "/v1/assessments/{assessment}/export": {"format": "json"}, "/v1/assessments": {},
    "/v1/assessments/{assessment}": {}, "/assessment/reports/{assessment}": {}, "/v1/events/{position}": {},
}  # fmt: skip


def asked(template: str, known_at: int) -> dict[str, str]:
    """The parameters with which a question has something to tell."""
    return INSTEAD.get(template, {"as_of": AS_OF, "known_at": str(known_at)}) | MORE.get(template, {})


def facts(org: str, other: str, branch: str) -> list[dict[str, Any]]:
    """Acts of offices, so that every question has something to tell."""
    about = {"effective_on": "2024-10-08", "campaign": "campaign:c"}
    target = {"comparator": "at_least", "due_on": AS_OF, "office": "office:city", "target": "all"}
    findings = {
        name: {"clear": True}
        for name in ("operation", "employees", "members", "owner", "branch_work", "problems")
    }  # fmt: skip
    findings["employees"] = {"clear": True, "value": 999}  # type: ignore[dict-item]
    told: list[tuple[str, dict[str, Any]]] = [
        ("campaign.opened", {**about, "name": "攻坚", "office": "office:city"}),
        ("campaign.target_set", {**about, **target, "rate": "work_coverage", "value": "0.5"}),
        ("score_sheet.adopted", {"effective_on": "2024-10-08", "name": "2024", "title": "考核表", "items": [
            {"item": "work", "title": "工作覆盖", "worth": "60", "rate": "work_coverage", "zero_at": "0",
             "full_at": "1"},
            {"item": "rise", "title": "覆盖提升", "worth": "40", "rate": "organization_coverage", "measured": "rise",
             "base_on": "2024-06-30", "zero_at": "0", "full_at": "0.2"}]}),
        ("score.reported", {"effective_on": AS_OF, "name": "2024", "office": "office:county", "region": "510104",
                            "points": {"work": "55.5", "rise": "40"}}),
        ("survey.opened", {"effective_on": "2024-10-09", "survey": "survey:s", "name": "摸底", "region": "51",
                           "due_on": AS_OF, "office": "office:city"}),
        ("visit.made", {"effective_on": "2024-10-10", "visit": "visit:v-1", "survey": "survey:s", "grid": "grid:g-1",
                        "org": org, "findings": findings}),
        ("rectification.opened", {"effective_on": "2024-10-10", "rectification": "rectification:r", "branch": branch,
                                  "grounds": ["without_members"], "plan": "补足", "due_on": AS_OF,
                                  "office": "office:city"}),
        ("order.issued", {"effective_on": "2024-10-10", "order": "order:o", "office": "office:county",
                          "region": "510104", "by": "office:city", "by_region": None, "ground": "measures_overdue",
                          "asks": "尽快建立",
                          "due_on": "2024-11-30", "rises_to": ["office:city"]}),
        ("match.decided", {"effective_on": "2024-10-10", "match": "match:m", "org": org, "other": other, "same": False,
                           "reason": "分属两家"}),
        ("measure.deadlines_adopted", {"effective_on": "2024-10-01", "establish_days": 30, "combine_days": 30,
                                       "instruct_days": 30}),
        ("region.created", {"effective_on": "2024-01-01", "region": "510104", "name": "锦江区"}),
        ("body.created", {"effective_on": "2024-01-01", "body": "body:p", "kind": "park", "name": "东园"}),
        ("organization.placed", {"effective_on": "2024-10-10", "org": org, "body": "body:p"}),
        ("organization.changed", {"effective_on": "2024-10-10", "org": org, "supervisor": "区民政局"}),
        ("basis.adopted", {"effective_on": "2024-01-01", "name": "legal_units", "title": "法人单位口径",
                           "categories": ["private_enterprise"], "legal_persons_only": True, "employees_min": None,
                           "formations_counted": ["standalone", "joint", "affiliated"]}),
        ("city.joined", {"effective_on": "2024-01-01", "city": "city:c", "name": "东山市", "region": "9901",
                         "origin": "log.example/c", "key": f"log.example/c+01234567+{'A' * 44}"}),
        ("report.asked", {"effective_on": "2024-10-10", "report": "report:r", "title": "年末", "as_of": AS_OF,
                          "due_on": AS_OF, "rulesets": ["0" * 64],
                          "policy": {"full_members_for_branch": 3, "employees_for_branch": 50,
                                     "formations_counted": ["joint"]}}),
    ]  # fmt: skip
    return [envelope(f"office-{n}", name, data, OFFICE) for n, (name, data) in enumerate(told)]
