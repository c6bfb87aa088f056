"""Grants that hold bodies: what their holders see, whatever moves, and how their limits are told."""

import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.app import calls
from domain.events.access import AccessGranted
from domain.figures.statutory import TABLES
from domain.values.scope import Scope, either, in_scope, may_lie, scope_of
from services.intake.intake import Intake
from services.ledger.ledger_stream import Mark, changes
from services.ledger.queries import Queries
from tests.access.attacks import HERE, ORG, THERE, fact, registered
from tests.fix_counties import AREAS, MARKS, MOVED, ORGS, PARKS, Counties
from tests.fix_counties import HERE as COUNTY
from tests.fix_counties import THERE as OTHER
from tests.offices import asked
from tests.sending import envelope, http
from tests.versions import project, wait_until

BODIES = ("body:a", "body:ab", "body:b")
CODES = ("99", "9901", "990101", "990101001", "9902", "990202")
scopes = st.none() | st.builds(
    scope_of, st.none() | st.lists(st.sampled_from(CODES)), st.none() | st.lists(st.sampled_from(BODIES))
)


@given(st.lists(scopes, max_size=4), st.sampled_from(CODES), st.frozensets(st.sampled_from(BODIES)))
def test_grants_add_up_and_each_holds_what_lies_in_both(held: list[Scope], region: str, bodies: frozenset[str]) -> None:
    together = either(held)
    assert in_scope(region, together, bodies) == any(in_scope(region, each, bodies) for each in held)
    assert together is None or len(set(together)) == len(together)
    # Whoever asks by the region alone is never told that a body would do.
    assert in_scope(region, together) == in_scope(region, together, frozenset())
    assert may_lie(region, together) or not in_scope(region, together, bodies)


@given(st.sets(st.sampled_from(CODES)), st.sets(st.sampled_from(BODIES)), st.sampled_from(CODES))
def test_a_grant_of_both_holds_what_each_of_them_holds(regions: set[str], bodies: set[str], region: str) -> None:
    both, one, other = scope_of(regions, bodies), scope_of(regions), scope_of(None, bodies)
    for body in BODIES:
        assert in_scope(region, both, [body]) == (in_scope(region, one) and in_scope(region, other, [body]))


def test_a_grant_names_bodies_by_their_names() -> None:
    told = {"effective_on": "2024-01-01", "access": "access:a", "holder": "park", "roles": ["operator"]}
    assert AccessGranted.model_validate({**told, "bodies": ["body:park-1"]}).bodies == ["body:park-1"]
    for wrong in ([], ["park-1"], ["990101"], ["body:a b"], ["body:a,990101"]):
        with pytest.raises(ValueError, match="bodies"):
            AccessGranted.model_validate({**told, "bodies": wrong})


def _followed(queries: Queries, since: Mark, held: dict[str, Any]) -> Mark:
    """Bring a copy up to date by what the stream would send."""
    found = changes(queries, since, date(2024, 12, 31))
    for part in found.parts:
        held.update((each.org, each.row) for each in part.changes)
    for gone in [org for org, row in held.items() if row is None]:
        del held[gone]
    return found.mark


def test_a_copy_by_body_follows_bodies_that_move_with_all_that_answers_to_them(store: str, intake: Intake) -> None:
    mine, other = ORG[HERE][0], ORG[THERE][0]

    def told(*events: dict[str, Any]) -> int:
        receipts = intake.admit([http(event) for event in events])
        assert {each.disposition for each in receipts} == {"accepted"}
        return project(store).position

    def body(name: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
        return fact(name, "body.created", "2023-01-01", body=name, kind="park", name="园", **said)

    told(
        *(registered(org, place) for place in ORG for org in ORG[place]),
        body("body:area"), body("body:park", parent="body:area"), body("body:alone"),
        fact("a", "organization.placed", org=mine, body="body:park"),
        fact("b", "organization.placed", org=other, body="body:alone"),
    )  # fmt: skip
    held: dict[str, Any] = {}
    with Queries.open(store) as queries:
        queries.view.loaded.wait(30)
        limited = queries.within(scope_of(None, ["body:area"]))
        mark = _followed(limited, Mark.beginning(), held)
        assert set(held) == {mine}
        for event, expected in (
            (fact("c", "body.changed", "2024-03-01", body="body:alone", parent="body:area"), {mine, other}),
            (fact("d", "body.changed", "2024-04-01", body="body:park", parent=None), {other}),
            (fact("e", "organization.placed", "2024-05-01", org=ORG[HERE][1], body="body:area"), {other, ORG[HERE][1]}),
            (fact("f", "body.closed", "2024-06-01", body="body:area"), set[str]()),
        ):  # fmt: skip
            position = told(event)
            wait_until(lambda: queries.position == position, "the event is followed")  # noqa: B023 - at once
            mark = _followed(limited, mark, held)
            assert set(held) == expected, event


def test_what_a_grant_is_limited_to_is_told_to_its_holder_and_to_administrators(counties: Counties) -> None:
    assert counties.ask("by body", "/v1/session").json()["regions"] == [AREAS[COUNTY]]
    grants = counties.ask("administrator", "/v1/access").json()["grants"]
    (shown,) = [each for each in grants if each["holder"] == "near"]
    assert (shown["regions"], shown["bodies"]) == (None, [AREAS[COUNTY]])
    page = counties.ask("by body", "/", params={"lang": "en"}, extensions={}).text
    assert "only 园" in page.replace("\n", " ")
    refused = counties.ask(
        "administrator", "/v1/access", method="POST", json={"holder": "x", "roles": ["operator"], "bodies": ["park"]}
    )
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["at"] == "/bodies/0"


@pytest.mark.long
def test_no_question_tells_whoever_is_limited_to_a_body_of_anything_else(counties: Counties) -> None:
    head = counties.ask("all", "/v1/rates").json()["known_at"]["position"]
    named = {"org": ORGS[COUNTY][0], "branch": f"branch:{COUNTY}", "position": "5", "table": TABLES[0]}
    answered = 0
    for method, template, rule in ((*each[:2], each.question) for each in calls()):
        if method == "GET" and rule is not None and "stream" not in template:
            path = template
            for name in re.findall(r"{(\w+)", template):
                path = re.sub(r"{" + name + r"[^}]*}", named.get(name, "1"), path)
            answer = counties.ask("by body", path, params=asked(template, head))
            assert answer.status_code < 500, (path, answer.text)
            answered += answer.status_code == 200
            shown = answer.text.replace(MOVED, "")
            assert not [mark for mark in MARKS if mark in shown], path
    assert answered > 60


def test_a_target_for_a_body_is_told_to_whoever_is_limited_to_one_above_it(counties: Counties) -> None:
    # After all that other tests ask of this ledger, which they share.
    about = {"effective_on": "2024-12-20", "campaign": "campaign:bodies"}
    target = {"rate": "organization_coverage", "comparator": "at_least", "value": "0.9", "due_on": "2024-12-31",
              "office": "office:o"}  # fmt: skip
    segments: dict[str, dict[str, str]] = {
        "near": {"body": PARKS[COUNTY]}, "far": {"body": PARKS[OTHER]}, "all": {}, "county": {"region": COUNTY},
    }  # fmt: skip
    told = [envelope("cb", "campaign.opened", {**about, "name": "攻坚", "office": "office:o"}, "/office/city")]
    for name, segment in segments.items():
        data = {**about, **target, "target": name, **segment}
        told.append(envelope(f"cb {name}", "campaign.target_set", data, "/office/city"))
    results = counties.ask("all", "/v1/events", method="POST", json=told).json()["results"]
    assert {each["disposition"] for each in results} == {"accepted"}
    given = {"as_of": "2024-12-31", "min_position": results[-1]["position"]}
    for caller, names in (("by body", {"near"}), ("here", {"county"}), ("all", {"near", "far", "all", "county"})):
        shown = counties.ask(caller, "/v1/campaigns/campaign:bodies", params=given).json()["targets"]
        assert {each["target"] for each in shown} == names, caller


def test_what_an_organization_was_before_it_answered_to_the_body_is_not_told(counties: Counties) -> None:
    asked = {"as_of": "2024-12-31"}
    shown = counties.ask("by body", f"/v1/organizations/{MOVED}/history", params=asked)
    assert shown.status_code == 200
    assert not [mark for mark in MARKS if mark in shown.text]
    told = {each["type"].split(".", 1)[1]: each["data"] for each in shown.json()["events"]}
    assert told["organization.registered.v1"] == {"org": "withheld"}
    assert told["organization.changed.v1"]["region"] == f"{COUNTY}002"
    (registered,) = (each for each in shown.json()["events"] if "registered" in each["type"])
    assert counties.ask("by body", f"/v1/events/{registered['position']}").status_code == 404
