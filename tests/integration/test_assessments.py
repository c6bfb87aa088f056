"""/v1/assessments over HTTP: sealed, rendered again identically after all that came later, never changed."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.ledger.rates import ANY
from tests.examples import NUMBERED
from tests.fix_service import Service, new_database, shell
from tests.folding import World, publish
from tests.sending import envelope

pytestmark = pytest.mark.long

AS_OF = "2024-12-31"
CAMPAIGN = "campaign:c"
OFFICE = "/office/city"
UPGRADE_S_MAX = 60.0


def campaign() -> list[dict[str, Any]]:
    about = {"effective_on": "2024-10-08", "campaign": CAMPAIGN}
    target = {"comparator": "at_least", "due_on": AS_OF, "office": "office:city", "target": "all"}
    return [
        envelope("opened", "campaign.opened", {**about, "name": "攻坚", "office": "office:city"}, OFFICE),
        envelope("set", "campaign.target_set", {**about, **target, "rate": "work_coverage", "value": "0.5"}, OFFICE),
    ]


@pytest.fixture(scope="module")
def database(postgres: str) -> str:
    return new_database(postgres)


@pytest.fixture(scope="module")
def world(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Half of a random history; tests add to its log."""
    with Service(tmp_path_factory.mktemp("assessments"), "--dev", database_url=database) as service:
        deliveries = [*campaign(), *NUMBERED["12"]["deliveries"]]
        yield publish(service, deliveries[: len(deliveries) // 2])


def seal(service: Service, name: str, **more: Any) -> Any:  # noqa: ANN401 - the answer's JSON
    body = {
        "assessment": f"assessment:{name}", "title": "年末考核", "office": "office:assessment", "campaign": CAMPAIGN,
        "as_of": AS_OF, "group_by": ["kind", "region:6"], **more,
    }  # fmt: skip
    return service.http.post("/v1/assessments", json=body)


def report(service: Service, name: str, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - query parameters
    return service.get(f"/v1/assessments/assessment:{name}", **asked)


def test_a_report_holds_what_the_ledger_says_and_what_it_rests_on(world: World) -> None:
    answer = seal(world.service, "first", known_at=str(world.head), segment={"kind": "new_economic"})
    assert answer.status_code == 201, answer.text
    found = report(world.service, "first")
    sealed = found["sealed"]
    rows = [row for row in world.rows(AS_OF, world.head) if row.attributes.kind == "new_economic"]
    expected = world.figures(rows, ("kind", "region:6"), ANY)
    # What has no answer is not stated: no activity policy is in force.
    stated = [{n: count for n, count in g["counts"].items() if n != "effectively_covered"} for g in expected]
    keys = [list(g["key"].values()) for g in expected]
    assert [{"key": key, "counts": counts} for key, counts in zip(keys, stated, strict=True)] == sealed["groups"]
    rates = world.service.get("/v1/rates", as_of=AS_OF, known_at=world.head)
    assert (sealed["root_hash"], sealed["ruleset"]) == (rates["evidence"]["root_hash"], rates["evidence"]["ruleset"])
    work = rates["total"]["rates"]["work_coverage"]
    (target,) = sealed["targets"]
    assert target["now"] == {"numerator": work["numerator"], "denominator": work["denominator"]}
    assert target["as_known_now"]["reached"] == (work["numerator"] * 2 >= work["denominator"])
    assert sealed["policy"]["full_members_for_branch"] >= 1
    # A signed checkpoint of C2SP: origin, size, root, then a signature.
    size = int(sealed["checkpoint"].split("\n")[1])
    assert world.head <= size < found["position"]
    assert "\n— " in sealed["checkpoint"]
    assert (found["identical"], found["differences"]) == (True, [])


def test_it_renders_identically_after_late_facts_corrections_and_a_rebuild(world: World, database: str) -> None:
    """The rest of the history comes in: late facts, corrections, retractions; then the projection is rebuilt."""
    service = world.service
    before = report(service, "first")
    results = service.publish(NUMBERED["12"]["deliveries"][world.head - 2 :])
    head = max(result.get("position", 0) for result in results)
    service.get("/v1/rates", min_position=head)
    # What came later has a position of its own; the service's statement of the report's roots comes at any time.
    after = report(service, "first", min_position=head, known_at=head)
    assert after["identical"]
    assert after["rendered"] == before["rendered"]
    assert after["as_known_now"] != after["rendered"], "nothing that matters came in later"
    rebuilding = shell("rebuild", database_url=database)
    assert rebuilding.returncode == 0, rebuilding.stderr
    rebuilt = report(service, "first", min_position=head, known_at=head)
    assert rebuilt == {**after, "since": rebuilt["since"]}
    assert rebuilt["identical"]


def test_it_renders_identically_after_an_upgrade_to_other_rules(postgres: str, tmp_path: Path) -> None:
    """The next program finds a projection that other rules made, rebuilds it by itself and answers by the new version.

    What tells the rules apart is their hash; the figures of a report must outlive its change.
    """
    database, former = new_database(postgres), "0" * 64
    with Service(tmp_path, "--dev", database_url=database) as before:
        publish(before, [*campaign(), *NUMBERED["12"]["deliveries"][:60]])
        assert seal(before, "upgraded").status_code == 201
        sealed = report(before, "upgraded")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE taizhang.projection SET ruleset = %s", (former,))
    with Service(tmp_path, "--dev", database_url=database) as after:
        seen = [report(after, "upgraded", min_position=sealed["position"])]
        deadline = time.monotonic() + UPGRADE_S_MAX
        while seen[-1]["ruleset"] != sealed["ruleset"] and time.monotonic() < deadline:
            time.sleep(0.1)
            seen.append(report(after, "upgraded"))
    assert {each["ruleset"] for each in seen} >= {sealed["ruleset"]}
    assert all(each["identical"] and each["rendered"] == sealed["rendered"] for each in seen)
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT version, state, ruleset FROM taizhang.projection ORDER BY version"
        ).fetchall()
    assert found == [(1, "retired", former), (2, "in_use", sealed["ruleset"])]


def test_what_became_known_since_is_in_and_out_by_source(world: World) -> None:
    """Every count's in and out add up to the difference of the totals, and each source's are of its own."""
    found = report(world.service, "first")
    since = found["since"]
    assert since["organizations"] > 0
    for name, moved in since["counts"].items():
        grown = found["as_known_now"]["total"][name] - found["rendered"]["total"][name]
        assert moved["into"] - moved["out"] == grown
    changes = world.service.get(
        "/v1/changes", as_of=AS_OF, since=world.head, known_at=since["known_at"]["position"], kind="new_economic"
    )
    assert since["organizations"] == changes["organizations_moved"]
    assert [(s["source"], s["events"], s["organizations"]) for s in since["sources"]] == [
        (s["source"], s["events"], s["organizations"]) for s in changes["sources"]
    ]
    if len(since["sources"]) == 1:
        assert since["sources"][0]["counts"] == since["counts"]


def test_a_report_is_sealed_once(world: World) -> None:
    answer = seal(world.service, "first")
    assert answer.status_code == 409
    assert "supersedes" in answer.json()["detail"]


def test_corrections_and_retractions_of_a_report_have_no_effect_and_are_told(world: World) -> None:
    service = world.service
    source = "/taizhang/assessment"
    before = report(service, "first")
    replaced = {**before["sealed"], "title": "改过的"}
    named = {"source": source, "id": "assessment:first"}
    events = [
        envelope("fix", "event.corrected", {"corrects": named, "replacement": replaced, "reason": "改"}, source),
        envelope("gone", "event.retracted", {"retracts": named, "reason": "撤"}, source),
    ]
    results = service.publish(events)
    assert [result["disposition"] for result in results] == ["accepted", "accepted"]
    after = report(service, "first", min_position=results[-1]["position"])
    assert after["sealed"] == before["sealed"]
    told = service.get("/v1/assessments")["contradictions"]
    assert [(each["contradiction"], each["position"]) for each in told] == [
        ("never_changed", result["position"]) for result in results
    ]


def test_a_later_report_takes_the_place_of_an_earlier_one_once(world: World) -> None:
    service = world.service
    answer = seal(service, "second", supersedes="assessment:first", reason="迟报补入")
    assert answer.status_code == 201
    found = report(service, "first")
    assert found["superseded"] == {
        "by": "assessment:second", "reason": "迟报补入", "position": answer.json()["position"],
    }  # fmt: skip
    assert report(service, "second")["superseded"] is None
    again = seal(service, "third", supersedes="assessment:first", reason="再来")
    assert again.status_code == 409
    # Before it was superseded it was not: knowledge has its own clock.
    assert report(service, "first", known_at=answer.json()["position"] - 1)["superseded"] is None
    names = [each["assessment"] for each in service.get("/v1/assessments")["assessments"]]
    assert names == ["assessment:first", "assessment:second"]


def test_a_report_that_was_made_up_is_seen_through(world: World) -> None:
    """Somebody publishes a sealed report with a better figure: it stands as it came, and what it says is told apart."""
    service = world.service
    data = {**report(service, "second")["sealed"], "assessment": "assessment:false"}
    del data["supersedes"], data["reason"]
    data["targets"] = [{**data["targets"][0], "now": {"numerator": 1, "denominator": 1}}]
    (result,) = service.publish([envelope("false", "assessment.sealed", data, "/somebody")])
    found = report(service, "false", min_position=result["position"])
    assert not found["identical"]
    assert {each["at"] for each in found["differences"]} <= {"/targets/0/now/numerator", "/targets/0/now/denominator"}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"campaign": "campaign:none"}, 404),
        ({"as_of": "2024-13-01"}, 400),
        ({"known_at": "999999999"}, 400),
        ({"group_by": ["kind", "kind"]}, 400),
        ({"group_by": ["size"]}, 400),
        ({"office": "王某"}, 400),
        ({"supersedes": "assessment:first"}, 400),
        ({"supersedes": "assessment:none", "reason": "无"}, 404),
        ({"colour": "red"}, 400),
    ],
)
def test_what_cannot_be_sealed_is_refused_and_leaves_nothing(world: World, change: dict[str, Any], status: int) -> None:
    before = world.service.get("/v1/assessments")
    assert seal(world.service, "never", **change).status_code == status
    assert world.service.get("/v1/assessments")["assessments"] == before["assessments"]
