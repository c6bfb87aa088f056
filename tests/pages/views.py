"""Every page with an address that shows it filled, on the demo city; what all pages are held to runs over these."""

from typing import Final

from tests.pages.offered import BAD, GOOD, NEWCOMER, TRANSPORT, plan

VIEWS: Final[dict[str, str]] = {
    "overview": "/?as_of=2024-12-31",
    "overview-county": "/?as_of=2024-09-30&region=880107&rate=work_coverage",
    "overview-trade": "/?as_of=2024-09-30&kind=new_economic&by=industry",
    "today": "/today?as_of=2025-02-28",
    "trend": "/trend?as_of=2024-12-31",
    "search": "/search?q=高朗&as_of=2024-12-31",
    "explain": "/explain?as_of=2024-12-31&kind=new_economic&region:6=880124&count=eligible",
    "ledger": "/ledger?as_of=2024-12-31&region=880107&sort=full_members",
    "dossier": "/ledger/group:880103-courier-000?as_of=2024-12-31",
    "history": "/ledger/group:880103-courier-000/history?as_of=2024-12-31",
    "event": "/events/1",
    "changes": "/inspection?as_of=2024-12-31",
    "vintage": "/inspection/vintage?as_of=2025-02-28&from=2024-09-30",
    "signals": "/inspection/signals?as_of=2025-06-30",
    "trail": "/inspection/events?as_of=2024-12-31&type=taizhang.branch.formed.v1",
    "evidence": "/inspection/evidence",
    "assessment": "/assessment?as_of=2024-11-30",
    "compare": "/assessment/compare?as_of=2024-12-31&other_as_of=2024-09-30",
    "what-if": "/assessment/what-if?as_of=2024-12-31&full_members_for_branch=5&formations_counted=standalone",
    "statutory": "/assessment/statutory/enterprises?as_of=2024-12-31",
    "statutory-behind": "/assessment/statutory/enterprises/behind?as_of=2024-12-31&line=9",
    "bulletin": "/assessment/bulletin?as_of=2024-12-31&previous=2024-11-30&survey=survey:880107-2024",
    "flows": "/assessment/flows?from=2023-12-31&as_of=2024-12-31",
    "flows-behind": "/assessment/flows/behind?from=2023-12-31&as_of=2024-12-31&movement=closed",
    "improvement": "/assessment/improvement?as_of=2024-12-31&other_as_of=2024-09-30&group_by=region:6",
    "scores": "/assessment/scores?as_of=2024-12-31",
    "score-sheets": "/assessment/score-sheets?as_of=2024-12-31",
    "exemplars": "/assessment/exemplars?as_of=2025-05-31&months=3",
    "exemplary-organizations": "/assessment/exemplars/organizations?as_of=2025-05-31&months=3&kind=new_social",
    "exemplary-offices": "/assessment/exemplars/offices?as_of=2025-05-31&months=3&least=0.3",
    "seal": "/assessment/seal?as_of=2024-12-31",
    "report": "/assessment/reports/assessment:first-look",
    "sources": "/intake",
    "notices": "/intake/notices",
    "quarantine": "/intake/quarantine",
    "quarantine-group": "/intake/quarantine/group?rule=form",
    "quarantined": "/intake/quarantine/1",
    "quarantined-json": "/intake/quarantine/2",
    "work": "/daily?as_of=2025-02-28&region=880124",
    "reminders": "/daily/reminders?as_of=2025-02-28&region=880124",
    "orders": "/daily/orders?as_of=2025-02-28",
    "instructors": "/daily/instructors?as_of=2025-02-28",
    "uncontacted": "/daily/instructors/uncontacted?as_of=2025-02-28",
    "surveys": "/daily/surveys?as_of=2024-11-30",
    "survey": "/daily/surveys/survey:880107-2024?as_of=2024-11-30&by=12",
    "survey-grid": "/daily/surveys/survey:880107-2024?as_of=2024-10-12&by=grid",
    "survey-discrepancies": "/daily/surveys/survey:880107-2024/discrepancies?as_of=2024-11-30",
    "survey-sample": "/daily/surveys/survey:880107-2024/sample?as_of=2024-11-30&seed=2024-10-18&size=60",
    "visits": "/daily/visits",
    "acts": "/acts",
    "act": "/acts/visit.made?as_of=2024-11-30&with=survey:survey:880107-2024",
    "act-rows": "/acts/branch.formed",
    "branches": "/daily/branches?as_of=2024-11-30&region=880107",
    "branch-list": "/branches?as_of=2024-11-30&region=880107&sort=full_members",
    "branch": "/branches/branch:880107-park-joint-committee?as_of=2024-11-30",
    "branch-card": "/branches/branch:880107-park-joint-committee/card?as_of=2024-11-30",
    "branch-history": "/branches/branch:880107-park-joint-committee/history?as_of=2024-11-30",
    "matches": "/daily/matches?as_of=2024-11-30&region=880107&name_min=60",
    "supervisors": "/daily/supervisors?as_of=2024-11-30&region=880107",
    "regions": "/daily/regions?as_of=2025-12-31&compare_with=2024-12-31",
    "regions-before": "/daily/regions?as_of=2025-12-31&regions_at=2024-12-31&prefix=880127",
    "lists": "/daily/lists",
    "list": plan(GOOD, NEWCOMER),
    "list-held": plan(GOOD, TRANSPORT),
    "list-refused": plan(BAD, NEWCOMER),
    "nothing": "/?as_of=2019-01-01",
    "wrong": "/?as_of=2024-02-30",
}
"""By name; a page that needs an organization or a position of the log takes one that every city has."""


def in_language(path: str, lang: str) -> str:
    """The address of a view in a language."""
    return f"{path}{'&' if '?' in path else '?'}lang={lang}"


SERIOUS = {"serious", "critical"}
