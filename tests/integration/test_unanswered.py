"""Where no activity policy is in force nobody is effectively covered or not: every question says so, and goes on.

A count without an answer (domain/ledger/rates.py, Counts) reaches every surface that shows figures. All of them are
asked here by the rate and the count that have none, as the application's own parameters list them: a surface that comes
later is asked too.
"""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest
from fastapi import FastAPI

from api.app import calls, create_app
from tests.examples import NUMBERED
from tests.fix_service import Service, new_database, shell
from tests.offices import AS_OF, OFFICE, asked, facts
from tests.sending import envelope

RATE, COUNT = "effective_coverage", "effectively_covered"
# From the first day on the policy is in force; on the second it has been for a while.
ADOPTED_ON, JUDGED = "2025-06-01", "2025-07-31"
POLICY = {
    "meetings": {"general": {"least": 1, "per": "quarter"}}, "periods": 1, "term_years": {"branch": 3},
    "members_for_branch_committee": 7, "vacant_days_max": 60,
}  # fmt: skip


def questions() -> list[tuple[str, str, str]]:
    """Of every GET route, pages too, the parameters that take the rate or the count: (route, parameter, value)."""
    found = []
    for path, methods in FastAPI.openapi(create_app())["paths"].items():
        for each in methods.get("get", {}).get("parameters", ()):
            told = json.dumps(each["schema"])
            found += [(path, each["name"], value) for value in (RATE, COUNT) if f'"{value}"' in told]
            if each["name"] == COUNT:
                found += [(path, COUNT, "true"), (path, COUNT, "false")]
    return found


QUESTIONS = questions()
# Figures that are asked for without naming a rate.
WHOLE = [
    each.path
    for each in calls()
    if each.method == "GET" and each.path.startswith(("/v1/rates", "/v1/bodies", "/v1/regions/rates", "/v1/campaigns"))
] + ["/", "/assessment", "/explain", "/daily/regions", "/ledger"]  # fmt: skip


@pytest.fixture(scope="module")
def world(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, dict[str, str], int]]:
    """A history with a campaign for the rate, whose report is sealed before there is a policy."""
    with Service(tmp_path_factory.mktemp("unanswered"), "--dev", database_url=new_database(postgres)) as service:
        deliveries = NUMBERED["12"]["deliveries"]
        branch = next(each["data"]["branch"] for each in deliveries if each["type"].endswith("branch.formed.v1"))
        service.publish(deliveries)
        orgs = [each["org"] for each in service.get("/v1/organizations", as_of=AS_OF, min_position=1)["organizations"]]
        target = {
            "effective_on": "2024-10-08", "campaign": "campaign:c", "target": "effective", "rate": RATE,
            "comparator": "at_least", "value": "0.5", "due_on": "2024-11-30", "office": "office:city",
        }  # fmt: skip
        adopted = {**POLICY, "effective_on": ADOPTED_ON}
        more = [
            envelope("effective", "campaign.target_set", target, OFFICE),
            envelope("activity", "activity_policy.adopted", adopted, OFFICE),
        ]
        head = service.publish([*facts(orgs[0], orgs[1], branch), *more])[-1]["position"]
        service.get("/v1/rates", min_position=head)
        body = {
            "assessment": "assessment:unanswered", "title": "考核", "office": "office:city", "campaign": "campaign:c",
            "as_of": AS_OF, "group_by": ["kind", "region:6"],
        }  # fmt: skip
        answer = service.http.post("/v1/assessments", json=body)
        assert answer.status_code == 201, answer.text
        named = {
            "org": orgs[0], "branch": branch, "campaign": "campaign:c", "survey": "survey:s", "table": "enterprises",
            "assessment": "assessment:unanswered",
        }  # fmt: skip
        yield service, named, head


def told(given: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - of JSON
    """Every count and rate of an answer that have no answer."""
    if isinstance(given, list):
        for each in given:
            yield from told(each)
    elif isinstance(given, dict):
        if given.get("counts") and isinstance(rates := given.get("rates"), dict) and isinstance(rates[RATE], dict):
            rate = rates[RATE]
            yield given["counts"][COUNT], (rate["numerator"], rate["value"])
        for each in given.values():
            yield from told(each)


@pytest.mark.parametrize(("path", "name", "value"), QUESTIONS)
def test_every_surface_that_takes_the_rate_or_the_count_answers_without_one(
    world: tuple[Service, dict[str, str], int], path: str, name: str, value: str
) -> None:
    service, named, head = world
    for day in (AS_OF, JUDGED):
        parameters = asked(path, head) | {name: value}
        parameters |= {each: day for each in ("as_of", "to") if each in parameters}
        answer = service.http.get(path.format(**named), params=parameters)
        if path == "/v1/evidence" and answer.status_code == 400:
            assert "0 organizations" in answer.json()["detail"], answer.text
            continue
        assert answer.status_code == 200, (parameters, answer.text[-2000:])
        if day == AS_OF and answer.headers["content-type"].startswith("application/json"):
            assert set(told(answer.json())) <= {(None, (None, None))}


@pytest.mark.parametrize("path", WHOLE)
def test_what_has_no_answer_is_shown_as_none_and_never_as_nothing(
    world: tuple[Service, dict[str, str], int], path: str
) -> None:
    service, named, head = world
    answer = service.http.get(path.format(**named), params=asked(path, head))
    assert answer.status_code == 200, answer.text[-2000:]
    if answer.headers["content-type"].startswith("application/json"):
        assert set(told(answer.json())) <= {(None, (None, None))}
    else:
        assert not re.search(r"[?&]count=effectively_covered[^>]*>\s*0\s*<", answer.text)


def test_whoever_is_in_no_group_has_no_answer_either(world: tuple[Service, dict[str, str], int]) -> None:
    service, _, head = world
    for asked_for in ({"region": "99"}, {"known_at": "0"}):
        answer = service.get("/v1/rates", **{"as_of": AS_OF, "known_at": str(head), **asked_for})
        assert list(told(answer)) == [(None, (None, None))]


@pytest.mark.parametrize("form", ["csv", "xlsx", "html", "json"])
def test_figures_and_reports_are_taken_away(world: tuple[Service, dict[str, str], int], form: str) -> None:
    service, named, head = world
    clocks = {"as_of": AS_OF, "known_at": str(head)}
    for path, given in (
        ("/v1/rates/export", {**clocks, "group_by": "kind"}), ("/v1/assessments/{assessment}/export", {}),
        ("/v1/rates/export", {**clocks, "group_by": "kind", "publication": "true"}),
        ("/v1/assessments/{assessment}/export", {"publication": "true"}),
    ):  # fmt: skip
        answer = service.http.get(path.format(**named), params={**given, "format": form})
        assert answer.status_code == 200, answer.text[-2000:]
        if form == "xlsx":
            openpyxl.load_workbook(io.BytesIO(answer.content), read_only=True)


def test_a_report_without_an_answer_leaves_it_out_and_renders_the_same(
    world: tuple[Service, dict[str, str], int],
) -> None:
    service, named, _ = world
    found = service.get(f"/v1/assessments/{named['assessment']}")
    assert found["identical"], found["differences"]
    sealed = found["sealed"]
    (target,) = [each for each in sealed["targets"] if each["target"] == "effective"]
    for side in (target["now"], target["start"], target["as_known_now"], target["as_known_then"]):
        assert "numerator" not in side
        assert side["denominator"] >= 0
    assert (target["reached"], target["missing"]) == (None, None)
    assert COUNT not in sealed["total"]
    assert not any(COUNT in each["counts"] for each in sealed["groups"])
    page = service.http.get(f"/assessment/reports/{named['assessment']}")
    assert page.status_code == 200, page.text[-2000:]


def test_the_shell_shows_it_as_a_dash(world: tuple[Service, dict[str, str], int]) -> None:
    service = world[0]
    for command in (("rates", "--as-of", AS_OF), ("campaigns", "campaign:c", "--as-of", AS_OF)):
        ran = shell(*command, url=service.url)
        assert ran.returncode == 0, ran.stderr
        assert "—" in ran.stdout
