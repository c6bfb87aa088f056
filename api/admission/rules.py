"""Who may call what: one rule for each route. A route without one is closed to everyone."""

from typing import Final, Literal, NamedTuple

from services.access.callers import Role

# How a route treats a caller whose grant is limited to regions:
#   scoped: it answers from what lies in them, and as if nothing else existed;
#   whole: it is closed to the caller, since what it tells cannot be cut by region;
#   none: it tells nothing of any organization.
Regions = Literal["scoped", "whole", "none"]


class Rule(NamedTuple):
    """Roles of which a caller needs one, and what a region scope does.

    No role in the set: whoever is signed in. None: no sign-in at all.
    """

    roles: frozenset[Role] | None
    regions: Regions


_READING: Final[frozenset[Role]] = frozenset(("inspector", "assessment", "steward", "operator"))
_INSPECTING: Final[frozenset[Role]] = frozenset(("inspector", "steward"))
_PUBLISHING: Final[frozenset[Role]] = frozenset(("publisher", "steward"))
_STEWARDING: Final[frozenset[Role]] = frozenset(("steward",))
_AUDITING: Final[frozenset[Role]] = frozenset(("auditor",))
_ADMINISTERING: Final[frozenset[Role]] = frozenset(("administrator",))
_ASSESSING: Final[frozenset[Role]] = frozenset(("assessment",))
_ANYONE: Final = Rule(None, "none")

RULES: Final[dict[tuple[str, str], Rule]] = {
    ("GET", "/"): Rule(_READING, "scoped"),
    ("GET", "/explain"): Rule(_READING, "scoped"),
    ("GET", "/ledger"): Rule(_READING, "scoped"),
    ("GET", "/ledger/{org}"): Rule(_READING, "scoped"),
    ("GET", "/ledger/{org}/history"): Rule(_INSPECTING, "scoped"),
    ("GET", "/events/{position}"): Rule(_INSPECTING, "scoped"),
    ("GET", "/inspection"): Rule(_INSPECTING, "scoped"),
    ("GET", "/inspection/vintage"): Rule(_READING, "scoped"),
    ("GET", "/inspection/signals"): Rule(_INSPECTING, "scoped"),
    ("GET", "/inspection/events"): Rule(_INSPECTING, "scoped"),
    ("GET", "/trend"): Rule(_READING, "scoped"),
    ("GET", "/charts/trend.svg"): Rule(_READING, "scoped"),
    ("GET", "/assessment"): Rule(_READING, "scoped"),
    ("GET", "/assessment/compare"): Rule(_READING, "scoped"),
    ("GET", "/assessment/what-if"): Rule(_READING, "scoped"),
    ("GET", "/assessment/reports/{assessment}"): Rule(_READING, "whole"),
    ("GET", "/assessment/seal"): Rule(_ASSESSING, "whole"),
    ("POST", "/assessment/seal"): Rule(_ASSESSING, "whole"),
    ("GET", "/daily"): Rule(_READING, "scoped"),
    ("GET", "/daily/reminders"): Rule(_READING, "scoped"),
    ("GET", "/daily/surveys"): Rule(_READING, "none"),
    ("GET", "/daily/surveys/{survey}"): Rule(_READING, "whole"),
    ("GET", "/daily/surveys/{survey}/discrepancies"): Rule(_INSPECTING, "scoped"),
    ("GET", "/daily/surveys/{survey}/sample"): Rule(_INSPECTING, "scoped"),
    ("GET", "/daily/lists"): Rule(_PUBLISHING, "whole"),
    ("POST", "/daily/lists"): Rule(_PUBLISHING, "whole"),
    ("GET", "/daily/lists/{digest}"): Rule(_PUBLISHING, "whole"),
    ("POST", "/daily/lists/{digest}"): Rule(_PUBLISHING, "whole"),
    ("GET", "/daily/branches"): Rule(_READING, "scoped"),
    ("GET", "/daily/matches"): Rule(_INSPECTING, "whole"),
    ("POST", "/daily/matches"): Rule(_PUBLISHING, "whole"),
    ("GET", "/daily/regions"): Rule(_READING, "scoped"),
    ("GET", "/intake"): Rule(_STEWARDING, "whole"),
    ("GET", "/intake/quarantine"): Rule(_STEWARDING, "whole"),
    ("GET", "/intake/quarantine/group"): Rule(_STEWARDING, "whole"),
    ("POST", "/intake/quarantine/group"): Rule(_STEWARDING, "whole"),
    ("GET", "/intake/quarantine/{quarantine_id}"): Rule(_STEWARDING, "whole"),
    ("POST", "/intake/quarantine/{quarantine_id}"): Rule(_STEWARDING, "whole"),
    ("GET", "/health/live"): _ANYONE,
    ("GET", "/health/ready"): _ANYONE,
    ("GET", "/metrics"): _ANYONE,
    ("GET", "/v1/contract/asyncapi.json"): _ANYONE,
    ("GET", "/v1/contract/schemas/{type_}.json"): _ANYONE,
    ("GET", "/v1/log/checkpoint"): _ANYONE,
    ("GET", "/v1/log/checkpoint/cosigned"): _ANYONE,
    ("GET", "/v1/log/key"): _ANYONE,
    ("GET", "/v1/log/tile/{path}"): _ANYONE,
    ("GET", "/v1/log/proof/inclusion"): _ANYONE,
    ("GET", "/v1/log/proof/consistency"): _ANYONE,
    ("GET", "/sign-in"): _ANYONE,
    ("GET", "/sign-in/callback"): _ANYONE,
    ("POST", "/sign-out"): _ANYONE,
    ("GET", "/static/{version}/{name}"): _ANYONE,
    ("POST", "/v1/events"): Rule(_PUBLISHING, "scoped"),
    ("GET", "/v1/organizations"): Rule(_READING, "scoped"),
    ("GET", "/v1/organizations/{org}"): Rule(_READING, "scoped"),
    ("GET", "/v1/organizations/{org}/history"): Rule(_INSPECTING, "scoped"),
    ("GET", "/v1/branches/{branch}/history"): Rule(_INSPECTING, "scoped"),
    ("GET", "/v1/rates"): Rule(_READING, "scoped"),
    ("GET", "/v1/rates/series"): Rule(_READING, "scoped"),
    ("GET", "/v1/rates/compare"): Rule(_READING, "scoped"),
    ("GET", "/v1/rates/explain"): Rule(_READING, "scoped"),
    ("GET", "/v1/rates/vintage"): Rule(_READING, "scoped"),
    ("GET", "/v1/campaigns"): Rule(_READING, "scoped"),
    ("GET", "/v1/campaigns/{campaign}"): Rule(_READING, "scoped"),
    ("GET", "/v1/audit"): Rule(_INSPECTING, "scoped"),
    ("GET", "/v1/events/{position}"): Rule(_INSPECTING, "scoped"),
    ("GET", "/v1/changes"): Rule(_INSPECTING, "scoped"),
    ("GET", "/v1/replay"): Rule(_INSPECTING, "scoped"),
    ("GET", "/v1/signals"): Rule(_INSPECTING, "scoped"),
    ("GET", "/v1/anomalies"): Rule(_INSPECTING, "scoped"),
    ("GET", "/v1/ledger/stream"): Rule(_INSPECTING, "scoped"),
    ("GET", "/v1/rates/ranking"): Rule(_READING, "scoped"),
    ("GET", "/v1/rates/contributions"): Rule(_READING, "scoped"),
    ("GET", "/v1/rates/what-if"): Rule(_READING, "scoped"),
    ("GET", "/v1/rates/export"): Rule(_READING, "scoped"),
    # The bytes of many events at once.
    ("GET", "/v1/evidence"): Rule(_INSPECTING, "whole"),
    ("GET", "/v1/export"): Rule(_INSPECTING, "whole"),
    # A sealed report is of the whole campaign.
    ("POST", "/v1/assessments"): Rule(_ASSESSING, "whole"),
    ("GET", "/v1/assessments"): Rule(_READING, "whole"),
    ("GET", "/v1/assessments/{assessment}"): Rule(_READING, "whole"),
    ("GET", "/v1/assessments/{assessment}/export"): Rule(_READING, "whole"),
    # A registry's own full list is of all regions.
    ("GET", "/v1/lists/profile"): Rule(_PUBLISHING, "whole"),
    ("GET", "/v1/lists/facts"): Rule(_PUBLISHING, "whole"),
    ("GET", "/v1/lists/places"): Rule(_PUBLISHING, "none"),
    ("POST", "/v1/lists"): Rule(_PUBLISHING, "whole"),
    ("POST", "/v1/lists/elsewhere"): Rule(_PUBLISHING, "whole"),
    ("POST", "/v1/lists/turn"): Rule(_PUBLISHING, "whole"),
    ("GET", "/v1/measures"): Rule(_READING, "scoped"),
    ("GET", "/v1/measures/organizations/{org}"): Rule(_READING, "scoped"),
    ("GET", "/v1/measures/durations"): Rule(_READING, "scoped"),
    ("GET", "/v1/measures/calendar"): Rule(_READING, "scoped"),
    ("GET", "/v1/measures/reminders"): Rule(_READING, "scoped"),
    # A decision names two organizations of possibly two regions.
    ("POST", "/v1/matches"): Rule(_PUBLISHING, "whole"),
    ("GET", "/v1/matches"): Rule(_INSPECTING, "whole"),
    ("GET", "/v1/matches/candidates"): Rule(_INSPECTING, "whole"),
    ("GET", "/v1/surveys"): Rule(_READING, "none"),
    ("GET", "/v1/surveys/{survey}/progress"): Rule(_READING, "whole"),
    ("GET", "/v1/surveys/{survey}/discrepancies"): Rule(_INSPECTING, "scoped"),
    ("GET", "/v1/surveys/{survey}/sample"): Rule(_INSPECTING, "scoped"),
    ("GET", "/v1/surveys/{survey}/accuracy"): Rule(_READING, "whole"),
    ("GET", "/v1/regions"): Rule(_READING, "none"),
    ("GET", "/v1/regions/rates"): Rule(_READING, "scoped"),
    ("GET", "/v1/weak-branches"): Rule(_READING, "scoped"),
    # A branch, and so its rectification, may cover organizations of several regions.
    ("GET", "/v1/rectifications"): Rule(_READING, "whole"),
    ("GET", "/v1/log/raw/{path}"): Rule(_INSPECTING, "whole"),
    # What could not be read has no region.
    ("GET", "/v1/quarantine"): Rule(_STEWARDING, "whole"),
    ("GET", "/v1/quarantine/groups"): Rule(_STEWARDING, "whole"),
    ("GET", "/v1/quarantine/{quarantine_id}"): Rule(_STEWARDING, "whole"),
    ("POST", "/v1/quarantine/redrive"): Rule(_STEWARDING, "whole"),
    ("POST", "/v1/quarantine/{quarantine_id}/redrive"): Rule(_STEWARDING, "whole"),
    ("POST", "/v1/quarantine/{quarantine_id}/discard"): Rule(_STEWARDING, "whole"),
    ("GET", "/v1/sources"): Rule(_STEWARDING, "whole"),
    ("GET", "/v1/readings"): Rule(_AUDITING, "whole"),
    ("GET", "/v1/readings/tree"): Rule(_AUDITING, "whole"),
    ("GET", "/v1/readings/checkpoint"): Rule(_AUDITING, "whole"),
    ("GET", "/v1/readings/{number}/proof"): Rule(_AUDITING, "whole"),
    ("GET", "/v1/persons"): Rule(_STEWARDING, "whole"),
    ("POST", "/v1/persons"): Rule(_STEWARDING, "whole"),
    ("GET", "/v1/persons/{pseudonym}"): Rule(_STEWARDING, "whole"),
    ("POST", "/v1/persons/{pseudonym}/erase"): Rule(_STEWARDING, "whole"),
    ("GET", "/v1/access"): Rule(_ADMINISTERING, "whole"),
    ("POST", "/v1/access"): Rule(_ADMINISTERING, "whole"),
    ("GET", "/v1/access/keys"): Rule(_ADMINISTERING, "whole"),
    ("POST", "/v1/access/keys"): Rule(_ADMINISTERING, "whole"),
    ("POST", "/v1/access/{access}/revoke"): Rule(_ADMINISTERING, "whole"),
    ("GET", "/v1/session"): Rule(frozenset(), "none"),
}


def rule_for(method: str, path: str) -> Rule | None:
    """The rule of the route with this template, as the OpenAPI document writes it; HEAD goes by GET."""
    return RULES.get(("GET" if method == "HEAD" else method, path.replace(":path}", "}")))
