"""Every route × every role × with and without a region scope, from the OpenAPI document."""

import pytest

from api.app import calls, create_app
from services.access.callers import ROLES
from tests.fix_counties import Counties

# Who may call what, from spec/api.md; by the beginning of the path, the first that fits.
OFFICES: tuple[tuple[str, str, set[str]], ...] = (
    ("POST", "/v1/events", {"publisher", "steward"}),
    ("GET", "/v1/organizations/{org}/history", {"inspector", "steward"}),
    ("GET", "/v1/organizations", {"inspector", "assessment", "steward", "operator"}),
    ("GET", "/v1/branches/{branch}/history", {"inspector", "steward"}),
    ("GET", "/v1/branches", {"inspector", "assessment", "steward", "operator"}),
    ("GET", "/v1/rates", {"inspector", "assessment", "steward", "operator"}),
    ("GET", "/v1/audit", {"inspector", "steward"}),
    ("GET", "/v1/events", {"inspector", "steward"}),
    ("GET", "/v1/quarantine", {"steward"}),
    ("POST", "/v1/quarantine", {"steward"}),
    ("GET", "/v1/anomalies", {"inspector", "steward"}),
    ("GET", "/v1/sources", {"steward"}),
    ("GET", "/v1/log/state", {"inspector", "assessment", "steward", "operator"}),
    ("GET", "/v1/readings", {"auditor"}),
    ("GET", "/v1/receipts", {"publisher", "steward"}),
    ("GET", "/v1/access", {"administrator"}),
    ("POST", "/v1/access", {"administrator"}),
)
OPERATIONS = [
    (method.upper(), path) for path, operations in create_app().openapi()["paths"].items() for method in operations
]
RULES = {each[:2]: each.question for each in calls() if each.question is not None}


@pytest.mark.parametrize(("method", "path", "roles"), OFFICES)
def test_a_rule_lets_in_whom_the_specification_names(method: str, path: str, roles: set[str]) -> None:
    named = [(m, p) for m, p in OPERATIONS if m == method and p.startswith(path)]
    if path in ("/v1/organizations", "/v1/branches"):
        one = "org" if path == "/v1/organizations" else "branch"
        named.remove(("GET", f"{path}/{{{one}}}/history"))
    if path == "/v1/readings":
        named.remove(("GET", "/v1/readings/mine"))  # of oneself
    assert named
    for each in named:
        assert set(RULES[each].roles or ()) == roles, each


def _address(path: str) -> str:
    """The path with any value for its parameters: a right to call is decided before they are read."""
    while "{" in path:
        before, _, after = path.partition("{")
        path = f"{before}1{after.partition('}')[2]}"
    return path


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_route_is_open_to_its_roles_and_to_nobody_else(counties: Counties, method: str, path: str) -> None:
    rule = RULES[method, path]
    address = _address(path)

    def status(caller: str) -> int:
        if path.endswith("/stream"):  # an answer without end
            with counties.service.http.stream(method, address, headers=counties.keys[caller]) as answer:
                return answer.status_code
        return counties.ask(caller, address, method=method).status_code

    nobody = counties.service.http.request(method, address)
    assert (nobody.status_code == 401) == (rule.roles is not None)
    for role in ROLES:
        lets_in = rule.roles is None or not rule.roles or role in rule.roles
        assert (status(role) not in (401, 403)) == lets_in, role
        limited = lets_in and (rule.regions != "whole")
        assert (status(f"{role} here") not in (401, 403)) == limited, role
