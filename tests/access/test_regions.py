"""A region scope: what lies outside it is nowhere in any answer, as if it did not exist."""

import json
import random
import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from domain.figures.statutory import TABLES
from tests.fix_counties import HERE, MARKS, MOVED, ORGS, THERE, Counties
from tests.sending import envelope

SEEN, UNSEEN, NOBODY = ORGS[HERE][0], ORGS[THERE][0], "group:nobody-0"
_VARIES = re.compile(r'"(?:request_id|instance)":"[^"]*",?|group:[A-Za-z0-9-]+')


def told(answer: httpx.Response) -> str:
    """All that an answer says: the headers and the body."""
    return f"{json.dumps(dict(answer.headers))}\n{answer.text}"


def same_but_for_the_name(one: httpx.Response, other: httpx.Response) -> bool:
    kept = [(each.status_code, _VARIES.sub("", each.text)) for each in (one, other)]
    headers = [{k: v for k, v in each.headers.items() if k not in ("x-request-id", "date")} for each in (one, other)]
    for each, name in zip(headers, (UNSEEN, NOBODY), strict=True):
        each["content-length"] = str(int(each["content-length"]) - told_length(name))
    return kept[0] == kept[1] and headers[0] == headers[1]


def told_length(name: str) -> int:
    return 2 * len(name)  # once in the detail, once in the instance


@pytest.mark.parametrize("what", ["", "/history"])
def test_an_organization_out_of_scope_answers_as_one_that_does_not_exist(counties: Counties, what: str) -> None:
    unseen, nobody = (counties.ask("here", f"/v1/organizations/{each}{what}") for each in (UNSEEN, NOBODY))
    assert unseen.status_code == nobody.status_code == 404
    assert same_but_for_the_name(unseen, nobody), (unseen.text, nobody.text)
    assert counties.ask("all", f"/v1/organizations/{UNSEEN}{what}").status_code == 200
    assert counties.ask("here", f"/v1/organizations/{SEEN}{what}").status_code == 200


def test_an_event_and_a_branch_out_of_scope_answer_as_ones_that_do_not_exist(counties: Counties) -> None:
    whole = counties.ask("all", "/v1/audit", params={"subject": UNSEEN, "limit": 1}).json()["events"][0]
    hidden = counties.ask("here", f"/v1/events/{whole['position']}")
    missing = counties.ask("here", "/v1/events/999999")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["detail"].replace(str(whole["position"]), "N") == missing.json()["detail"].replace(
        "999999", "N"
    )
    for branch in (THERE, "nobody"):
        assert counties.ask("here", f"/v1/branches/branch:{branch}/history").status_code == 404
    assert counties.ask("here", f"/v1/branches/branch:{HERE}/history").status_code == 200


def test_a_branch_of_two_counties_is_shown_with_its_own_part(counties: Counties) -> None:
    steps = counties.ask("here", "/v1/branches/branch:both/history").json()["events"]
    assert steps[0]["after"]["covers"] == [ORGS[HERE][4]]
    dossier = counties.ask("here", f"/v1/organizations/{ORGS[HERE][4]}", params={"as_of": "2024-06-30"}).json()
    assert [each["branch"] for each in dossier["branches"]] == ["branch:both"]


def test_a_member_who_came_from_elsewhere_is_shown_without_where_from(counties: Counties) -> None:
    steps = counties.ask("here", f"/v1/organizations/{ORGS[HERE][5]}/history").json()["events"]
    (came,) = [each for each in steps if each["type"] == "taizhang.member.transferred.v1"]
    assert came["data"]["from_org"] == "withheld"
    assert came["data"]["to_org"] == ORGS[HERE][5]
    # As received it names both, and so is for those who may see both.
    assert counties.ask("here", f"/v1/events/{came['position']}").status_code == 404
    assert counties.ask("all", f"/v1/events/{came['position']}").status_code == 200


def test_an_organization_that_moved_is_the_office_of_the_date_s(counties: Counties) -> None:
    for as_of, sees, not_sees in (("2024-05-31", "there", "here"), ("2024-06-01", "here", "there")):
        path = f"/v1/organizations/{MOVED}"
        assert counties.ask(sees, path, params={"as_of": as_of}).status_code == 200
        assert counties.ask(not_sees, path, params={"as_of": as_of}).status_code == 404


def test_one_that_is_gone_is_still_its_last_office_s(counties: Counties) -> None:
    gone = {county: f"/v1/organizations/{ORGS[county][7]}" for county in (HERE, THERE)}
    assert counties.ask("here", gone[HERE], params={"as_of": "2024-12-31"}).json()["active"] is False
    assert counties.ask("here", gone[HERE], params={"as_of": "2023-12-31"}).json()["active"] is False
    assert counties.ask("here", gone[THERE], params={"as_of": "2024-12-31"}).status_code == 404


def test_figures_are_of_the_scope_and_the_city_s_total_stands_beside(counties: Counties) -> None:
    asked = {"as_of": "2024-04-30", "group_by": "region:6"}
    here, whole = (counties.ask(caller, "/v1/rates", params=asked).json() for caller in ("here", "all"))
    assert [each["key"] for each in here["groups"]] == [{"region:6": HERE}]
    assert here["groups"][0] == next(each for each in whole["groups"] if each["key"] == {"region:6": HERE})
    assert here["total"]["counts"] == here["groups"][0]["counts"]
    assert here["whole"] == whole["total"]
    assert whole["whole"] is None
    other = counties.ask("here", "/v1/rates", params=asked | {"region": THERE}).json()
    assert other["groups"] == []
    assert other["total"]["counts"]["registered"] == 0


def test_a_ranking_shows_the_city_s_rate_in_total_and_by_kind_but_no_finer(counties: Counties) -> None:
    # One organization of the city moved to the other township of the county.
    asked = {"as_of": "2024-07-31", "group_by": "region:9"}
    township, whole = (counties.ask(who, "/v1/rates/ranking", params=asked).json() for who in ("township", "all"))
    (own,) = township["groups"]
    same = next(each for each in whole["groups"] if each["key"] == own["key"])
    assert own["city"] == same["city"]
    assert own["city"]["denominator"] == own["rate"]["denominator"] + 1
    assert own["parent"] is None
    assert same["parent"] is not None
    for finer in ({"industry": "I"}, {"group_by": "category"}, {"formation": "joint"}):
        answer = counties.ask("township", "/v1/rates/ranking", params=asked | finer).json()
        assert {json.dumps(each["city"]) for each in answer["groups"]} <= {"null"}, finer
    by_kind = counties.ask("township", "/v1/rates/ranking", params={"as_of": "2024-07-31", "group_by": "kind"}).json()
    assert by_kind["groups"][0]["city"] == own["city"]


QUESTIONS = (
    "/", "/v1/organizations", "/v1/organizations/{org}", "/v1/organizations/{org}/history",
    "/v1/branches/{branch}/history", "/v1/rates", "/v1/rates/series", "/v1/rates/compare", "/v1/rates/explain",
    "/v1/rates/vintage", "/v1/audit", "/v1/events/{position}", "/v1/changes", "/v1/replay", "/v1/signals",
    "/v1/anomalies", "/v1/campaigns", "/v1/rates/ranking", "/v1/rates/what-if", "/explain", "/ledger", "/ledger/{org}",
    "/ledger/{org}/history", "/events/{position}", "/inspection", "/inspection/vintage", "/inspection/signals",
    "/inspection/events", "/daily", "/daily/reminders", "/v1/statutory/{table}", "/v1/statutory/{table}/behind",
    "/assessment/statutory/{table}", "/v1/bulletin", "/assessment/bulletin",
    "/v1/flows", "/v1/flows/behind", "/assessment/flows", "/assessment/flows/behind",
    "/v1/orders", "/daily/orders", "/v1/instructors", "/v1/instructors/uncontacted",
    "/v1/organizations/{org}/work", "/v1/supervisors", "/daily/supervisors",
    "/v1/rates/improvement", "/assessment/improvement", "/v1/scores", "/assessment/scores",
    "/v1/exemplars/branches", "/v1/exemplars/organizations", "/v1/exemplars/offices", "/assessment/exemplars",
    "/v1/organizations/{org}/card", "/v1/branches/{branch}/card",
    "/ledger/{org}/card", "/branches/{branch}/card",
    "/v1/matches", "/v1/matches/candidates", "/daily/matches",
)  # fmt: skip


def question(rng: random.Random, path: str, head: int) -> tuple[str, dict[str, Any]]:
    """A path and parameters, most of them sensible."""
    orgs = [*ORGS[HERE], *ORGS[THERE], MOVED, NOBODY]
    branches = [f"branch:{each}" for each in (HERE, THERE, "both", "nobody")]
    path = path.format(
        org=rng.choice(orgs), branch=rng.choice(branches), position=rng.randint(1, head), table=rng.choice(TABLES)
    )
    day, position = f"2024-{rng.randint(1, 12):02}-15", str(rng.randint(0, head))
    given: dict[str, Any] = {}
    if "/v1/events" not in path and "series" not in path and "rates/vintage" not in path:
        given = {"as_of": day, "known_at": rng.choice([position, str(head)])}
    if path in ("/v1/changes", "/v1/replay"):
        given |= {"since": "0"}
    if "series" in path or "rates/vintage" in path:
        given |= {"from": "2024-01-31", "to": "2024-12-31", "step": "quarter"}
    given |= {"region": rng.choice([HERE, THERE])} if path.endswith(("/candidates", "/daily/matches")) else {}
    given |= {"line": rng.randint(1, 18)} if "statutory" in path and path.endswith("/behind") else {}
    if path.endswith("/signals"):
        given |= {"deadline": rng.choice(["2024-02-15", "2024-04-30", "2024-06-30"])}
    if "ranking" in path or "what-if" in path:
        given |= {"group_by": rng.choice(["region:6", "kind"]), "full_members_for_branch": 1} if "what" in path else {}
    elif path.startswith(("/v1/rates", "/v1/changes")) and "explain" not in path and "vintage" not in path:
        given |= {"group_by": rng.choice(["region:4", "region:9", "kind", "formation"])}
    if path.startswith(("/v1/rates", "/v1/changes", "/v1/replay")) or path == "/v1/organizations":
        given |= rng.choice([{}, {"region": rng.choice([HERE, THERE, "99"])}, {"category": "courier"}])
    if path == "/v1/organizations":
        given |= rng.choice([{}, {"q": "彼"}, {"q": "there"}, {"sort": "employees"}, {"limit": 3}])
    if path in ("/v1/audit", "/v1/anomalies", "/inspection/events"):
        given |= rng.choice([{}, {"subject": rng.choice([*orgs, *branches])}, {"limit": 5}])
    return path, given


@pytest.mark.long
@pytest.mark.parametrize("caller", ["here", "by body"])
def test_a_thousand_random_questions_tell_nothing_of_the_other_county(
    counties: Counties, rng: random.Random, caller: str
) -> None:
    head = counties.ask("all", "/v1/rates").json()["known_at"]["position"]
    answered = dict.fromkeys(QUESTIONS, 0)
    for number in range(1000):
        template = QUESTIONS[number % len(QUESTIONS)]
        path, given = question(rng, template, head)
        answer = counties.ask(caller, path, params=given)
        assert answer.status_code in (200, 404), (path, given, answer.text)
        answered[template] += answer.status_code == 200
        shown = told(answer)
        # What was asked for may be repeated in a problem's words and in a page's links.
        for asked in (*path.split("/"), given.get("subject"), given.get("region")):
            if asked:
                shown = shown.replace(asked, "").replace(quote(asked), "")
        found = [mark for mark in MARKS if mark in shown or quote(mark) in shown]
        assert not found, (path, given, found, shown)
    assert all(answered.values()), answered


def test_an_export_is_of_the_scope_and_publication_is_for_who_sees_all(counties: Counties) -> None:
    asked = {"as_of": "2024-04-30", "group_by": "region:6", "format": "json"}
    shown = counties.ask("here", "/v1/rates/export", params=asked)
    assert shown.status_code == 200
    assert HERE in shown.text
    assert not [mark for mark in MARKS if mark in shown.text]
    published = asked | {"publication": "true"}
    assert counties.ask("here", "/v1/rates/export", params=published).status_code == 400
    assert counties.ask("all", "/v1/rates/export", params=published).status_code == 200


def test_pages_of_a_list_count_only_what_is_in_scope(counties: Counties) -> None:
    names: list[str] = []
    cursor = None
    while True:
        given = {"as_of": "2024-04-30", "limit": 3} | ({"cursor": cursor} if cursor else {})
        page = counties.ask("here", "/v1/organizations", params=given).json()
        names += [each["org"] for each in page["organizations"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == sorted(ORGS[HERE])


def test_the_stream_of_changes_tells_of_the_scope_alone(counties: Counties) -> None:
    with counties.service.http.stream("GET", "/v1/ledger/stream", headers=counties.keys["here"]) as answer:
        lines = []
        for line in answer.iter_lines():
            lines.append(line)
            if line == "event: mark":
                break
    orgs = {json.loads(line[6:])["org"] for line in lines if line.startswith("data: {")}
    assert orgs == {*ORGS[HERE][:7], MOVED}


def test_a_publisher_limited_to_a_region_speaks_of_it_alone(counties: Counties) -> None:
    def publish(caller: str, id_: str, name: str, data: dict[str, Any]) -> dict[str, Any]:
        event = envelope(id_, name, {"effective_on": "2023-01-01", **data}, "/registry/here")
        answer = counties.ask(caller, "/v1/events", method="POST", json=event)
        found: dict[str, Any] = answer.json()["results"][0]
        return found

    there = publish("here", "p1", "branch.formed", {
        "branch": "branch:p1", "name": "支部", "tier": "branch", "formation": "joint", "region": THERE, "covers": [],
    })  # fmt: skip
    assert there["reasons"][0]["rule"] == "region_of_another_office"
    member = {"member": "member:p2", "standing": "activist"}
    foreign = publish("here", "p2", "member.enrolled", {**member, "org": UNSEEN})
    assert foreign["reasons"][0]["rule"] == "organization_of_another_office"
    nowhere = publish("here", "p3", "member.enrolled", {**member, "org": None})
    assert nowhere["reasons"][0]["rule"] == "organization_of_another_office"
    own = publish("here", "p4", "member.enrolled", {**member, "org": SEEN})
    assert own["disposition"] == "accepted"


# What is told of the caller's own limits, and figures of the place around them, which a body has none.
# So does a county's own score, of which whoever sees a part of the county is not told.
_OF_THE_LIMITS = ("scope", "city", "to_city", "parent", "to_parent", "next", "reported", "own", "difference")
# What tells of events: a county sees those that name it, and both see of the past what was theirs then.
_OF_EVENTS = ("/history", "/audit", "/replay", "/events/")


def _without_limits(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {name: _without_limits(each) for name, each in value.items() if name not in _OF_THE_LIMITS}
    return [_without_limits(each) for each in value] if isinstance(value, list) else value


def test_whoever_is_limited_to_a_body_sees_what_answers_to_it_and_nothing_else(
    counties: Counties, rng: random.Random
) -> None:
    head = counties.ask("all", "/v1/rates").json()["known_at"]["position"]
    for template in QUESTIONS:
        if template.startswith("/v1/") and not any(each in template for each in _OF_EVENTS):
            for _ in range(5):
                path, given = question(rng, template, head)
                # Before an organization was placed it answered to nobody.
                given = {name: str(head) if name == "known_at" else value for name, value in given.items()}
                region, body = (counties.ask(caller, path, params=given) for caller in ("here", "by body"))
                assert region.status_code == body.status_code, (path, given, region.text, body.text)
                told = [_without_limits(each.json()) for each in (region, body)]
                assert body.status_code == 404 or told[0] == told[1], (path, given)


def test_an_office_s_own_score_is_told_to_who_sees_the_whole_of_it(counties: Counties) -> None:
    """A county's word is the county's and the city's; a township and a body see a part of its figures alone."""
    asked = {"as_of": "2024-01-01"}
    for caller, told in (("all", {HERE: "61.70", THERE: "73.90"}), ("here", {HERE: "61.70"}),
                         ("township", {HERE: None}), ("by body", {HERE: None})):  # fmt: skip
        answer = counties.ask(caller, "/v1/scores", params=asked)
        offices = answer.json()["offices"]
        assert {each["key"]["region:6"]: each["own"] for each in offices} == told, caller
        assert ("73.9" in answer.text) == (caller == "all"), caller
