"""The branches' ledger over HTTP, held at random pairs of clocks to the oracle that shares nothing with it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import count, pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events.types import EVENT_TYPES
from services.access.api_keys import add_key
from tests.branch_ledger import Folded, above_all, folded
from tests.fact_data import DAYS_TO_COME, REGIONS
from tests.fix_service import Service, new_database, shell
from tests.folding import World, publish
from tests.histories import Delivery, deliveries, renamed
from tests.oracle import branches as oracle_branches
from tests.oracle import facts as oracle_facts
from tests.oracle import rows as oracle_rows
from tests.sending import envelope

PATH = "/v1/branches"
LACKS = ["term_over", "without_secretary", "no_meetings", "none_below"]
SCOPES = ["510104", "510104001", "510105", "51"]
NUMBERS = count(1)
days = st.sampled_from(DAYS_TO_COME).map(date.fromisoformat) | st.sampled_from([date(2025, 3, 31), date(2026, 12, 31)])


class City(NamedTuple):
    """A service to which each history is added, and its callers."""

    worlds: list[World]
    keys: dict[str, dict[str, str]]

    @property
    def service(self) -> Service:
        return self.worlds[0].service

    @property
    def told(self) -> list[Delivery]:
        """All deliveries so far that were taken in: a word may not fit what another history said before."""
        return self.worlds[-1].told

    def add(self, history: list[Delivery]) -> None:
        """Tell a history whose branches are its own; bodies and organizations meet those of other histories."""
        number = next(NUMBERS)
        text = json.dumps([*(each for each in history if each["type"] in EVENT_TYPES), *above_all(number)])
        for name in ("a", "b"):
            text = text.replace(f'"branch:{name}"', f'"branch:{name}-{number}"')
        self.worlds.append(publish(self.service, renamed(json.loads(text)), self.worlds[-1]))

    def ask(self, caller: str, path: str = PATH, **asked: Any) -> Any:  # noqa: ANN401 - any JSON
        given = {name: value for name, value in asked.items() if value is not None}
        return self.service.http.get(path, params=given, headers=self.keys[caller])


@pytest.fixture(scope="module")
def city(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("branches")
    file, every = folder / "data" / "api-keys.json", frozenset(("publisher", "steward", "inspector", "assessment"))

    def key(name: str, regions: tuple[str, ...] | None) -> dict[str, str]:
        return {"authorization": f"Bearer {add_key(file, name, every, None, regions)}"}

    keys = {"all": key("all", None)} | {f"of {each}": key(f"of-{each}", (each,)) for each in SCOPES}
    with Service(folder, database_url=new_database(postgres)) as service:
        service.http.headers.update(keys["all"])
        yield City([publish(service, [])], keys)


def listed(city: City, caller: str = "all", **asked: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - query parameters
    """All pages, seven on a page."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        answer = city.ask(caller, **asked, limit=7, cursor=cursor)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["branches"]
        cursor = page["next"]
        if cursor is None:
            assert page["total"] == len(found)
            return found


def fits(each: dict[str, Any], of: Folded, day: date, asked: dict[str, Any]) -> bool:
    """Whether a branch is meant by one filter, by the words of the contract."""
    [(name, value)] = asked.items()
    last = None if each["term_to"] is None else date.fromisoformat(each["term_to"])
    said: dict[str, Callable[[], bool]] = {
        "region": lambda: each["region"].startswith(value),
        "lacks": lambda: value in each["lacks"],
        "term_over": lambda: value == (last is not None and last < day),
        "term_ends_within": lambda: last is not None and day <= last <= day + timedelta(value),
        "formed_after": lambda: each["formed_on"] > value,
        "members_from": lambda: each["full_members"] >= value,
        "members_to": lambda: each["full_members"] <= value,
        "q": lambda: value in each["name"] or value in each["branch"],
        "parent": lambda: value in above(each, of),
        "body": lambda: any(value in of.rows[org]["bodies"].values() for org in of.figures[each["branch"]]),
    }
    return said[name]() if name in said else bool(each[name] == value)


def above(each: dict[str, Any], of: Folded) -> list[str]:
    """The branches that it stands under, from the nearest up."""
    parent = each["parent"]
    return [] if parent is None else [parent, *above(of.branches[parent], of)]


filters = st.one_of(
    st.fixed_dictionaries({"tier": st.sampled_from(["committee", "general_branch", "branch"])}),
    st.fixed_dictionaries({"formation": st.sampled_from(["standalone", "joint", "affiliated"])}),
    st.fixed_dictionaries({"region": st.sampled_from(REGIONS)}),
    st.fixed_dictionaries({"in_effect": st.booleans()}),
    st.fixed_dictionaries({"lacks": st.sampled_from(LACKS)}),
    st.fixed_dictionaries({"term_over": st.booleans()}),
    st.fixed_dictionaries({"term_ends_within": st.sampled_from([0, 30, 366])}),
    st.fixed_dictionaries({"formed_after": st.sampled_from(["2024-01-05", "2024-02-01", "2024-06-30"])}),
    st.fixed_dictionaries({"members_from": st.integers(0, 4)}),
    st.fixed_dictionaries({"members_to": st.integers(0, 4)}),
    st.fixed_dictionaries({"parent": st.integers(1, 6).map(lambda n: f"branch:{['a', 'top', 'top'][n % 3]}-{n}")}),
    st.fixed_dictionaries({"q": st.sampled_from(["支部", "a-1", "b", "nobody"])}),
)
SORTING = {
    "branch": lambda _: 0, "covers": lambda each: -each["covers_in_all"],
    "full_members": lambda each: -each["full_members"], "term_to": lambda each: each["term_to"] or "9999",
}  # fmt: skip


@settings(max_examples=6, deadline=None)
@given(deliveries(to_come=True), st.data())
def test_the_list_is_what_the_oracle_folds_at_random_pairs_of_clocks(
    city: City, history: list[Delivery], data: st.DataObject
) -> None:
    before = city.worlds[-1].head
    city.add(history)
    for known_at in {data.draw(st.integers(0, before)), data.draw(st.integers(before, city.worlds[-1].head))}:
        day = data.draw(days)
        clocks: dict[str, Any] = {"as_of": day.isoformat(), "known_at": known_at}
        of = folded(city.told, day, known_at)
        whole = listed(city, **clocks)
        assert whole == [of.branches[name] for name in sorted(of.branches)]
        head = city.ask("all", **clocks).json()
        tiers = Counter(each["tier"] for each in whole)
        assert head["tiers"] == {tier: tiers[tier] for tier in ("committee", "general_branch", "branch")}
        assert head["in_effect"] == (sum(bool(each["in_effect"]) for each in whole) if of.is_judged else None)
        for asked in data.draw(st.lists(filters, min_size=2, max_size=2)):
            assert listed(city, **clocks, **asked) == [each for each in whole if fits(each, of, day, asked)]
        sort = data.draw(st.sampled_from(sorted(SORTING)))
        assert listed(city, **clocks, sort=sort) == sorted(whole, key=SORTING[sort])  # stable: then by identifier


def test_a_term_ends_within_no_days_on_its_last_one_and_figures_of_a_branch_are_its_own(city: City) -> None:
    group = {"kind": "new_employment_group", "category": "courier", "name": "站", "region": "510104"}
    about = {"effective_on": "2024-01-01"}
    formed = {**about, "name": "届满支部", "tier": "branch", "formation": "joint", "region": "510104"}
    told: list[tuple[str, dict[str, Any]]] = [
        *(("organization.registered", {**about, **group, "org": f"group:hand-{n}"}) for n in (1, 2)),
        *(("branch.formed", {**formed, "branch": f"branch:{name}", "covers": [f"group:hand-{n}"]})
          for n, name in enumerate("ab", 1)),
        ("branch.term_began", {**about, "branch": "branch:a", "to": "2024-06-30"}),
        ("branch.changed", {"effective_on": "2024-03-05", "branch": "branch:b", "parent": "branch:a"}),
    ]  # fmt: skip
    city.add([envelope(f"hand-{n}", name, data, "/office/hand") for n, (name, data) in enumerate(told)])
    (upper,) = listed(city, as_of="2024-06-30", q="届满", term_ends_within=0)
    assert (upper["term_to"], upper["covers"], upper["covers_in_all"]) == ("2024-06-30", 1, 1)
    assert listed(city, as_of="2024-06-30", q="届满", term_over=True) == []
    (lower,) = listed(city, as_of="2024-06-30", parent=upper["branch"])
    assert lower["parent"] == upper["branch"]
    found = [listed(city, as_of=day, q="届满", term_ends_within=0) for day in ("2024-06-29", "2024-07-01")]
    assert found == [[], []]
    (over,) = listed(city, as_of="2024-07-01", q="届满", term_over=True)
    assert over["branch"] == upper["branch"]


def test_figures_by_tier_are_those_of_the_list(city: City) -> None:
    for day in ("2024-02-15", "2024-12-31"):
        whole = listed(city, as_of=day)
        count, covers = Counter[str](), Counter[str]()
        for each in whole:
            if each["covers"]:
                count[each["tier"]] += 1
                covers[each["tier"]] += each["covers"]
        told = city.service.get(f"{PATH}/tiers", as_of=day)["tiers"]
        assert {each["tier"]: (each["branches"], each["covers"]) for each in told} == {
            tier: (count[tier], covers[tier]) for tier in count
        }
        assert told


@pytest.mark.parametrize("scope", SCOPES)
def test_a_caller_limited_to_regions_is_told_exactly_his_and_of_the_others_what_of_none(city: City, scope: str) -> None:
    day, known_at = date(2024, 4, 1), city.worlds[-1].head
    clocks: dict[str, Any] = {"as_of": day.isoformat(), "known_at": known_at}
    of, caller = folded(city.told, day, known_at), f"of {scope}"
    own = {name for name in of.branches if of.sees(name, scope)}

    def told(each: dict[str, Any]) -> dict[str, Any]:
        parent = each["parent"]
        return {**each, "parent": "withheld" if parent is not None and parent not in own else parent}

    assert listed(city, caller, **clocks) == [told(of.branches[name]) for name in sorted(own)]
    nobody = city.ask(caller, f"{PATH}/branch:nobody", **clocks)
    for name in of.branches:
        answer = city.ask(caller, f"{PATH}/{name}", **clocks)
        assert answer.status_code == (200 if name in own else 404), name
        if name not in own:
            assert answer.json()["detail"] == nobody.json()["detail"].replace("branch:nobody", name)


def test_a_dossier_says_of_its_branch_what_the_list_says_and_what_was_judged(city: City) -> None:
    for day in (date(2024, 2, 15), date(2024, 12, 31)):
        clocks: dict[str, Any] = {"as_of": day.isoformat(), "known_at": city.worlds[-1].head}
        facts, _ = oracle_facts.known_facts(oracle_facts.accepted(city.told))
        state, rows, _ = oracle_rows.ledger(facts, day)
        for row in listed(city, **clocks):
            found, branch = city.service.get(f"{PATH}/{row['branch']}", **clocks), state.branches[row["branch"]]
            assert found["row"] == row
            assert {each["org"]: (each["formation"], each["active"]) for each in found["covers"]} == {
                org: (branch.formation_of(org), org in rows) for org in branch.covers
            }
            assert sum(each["held"] for each in found["meetings"]) == sum(map(len, branch.meetings.values()))
            assert found["terms"][0]["first"] == row["term_from"]
            assert found["terms"][0]["last"] == row["term_to"]
            if found["judged"] is not None:
                members = sum(rows[org]["full_members"] for org in branch.covers if org in rows)
                policy = state.activity_policy
                assert policy is not None
                missed = {each["kind"] for each in found["judged"]["meetings"] if each["missed"]}
                assert missed == oracle_branches.kinds_missed(branch, members, policy, day)


def test_a_history_leads_step_by_step_to_what_the_oracle_folds_at_each_position(city: City) -> None:
    day, head = date(2024, 4, 30), city.worlds[-1].head
    clocks: dict[str, Any] = {"as_of": day.isoformat(), "known_at": head}
    looked = 0
    for row in listed(city, **clocks)[:4]:
        path = f"{PATH}/{row['branch']}/history"
        steps = city.service.get(path, **clocks, limit=1000)["events"]
        paged = city.service.get(path, **clocks, limit=1)
        assert (paged["events"], paged["next"] is None) == (steps[:1], len(steps) == 1)
        assert steps[-1]["after"]["in_effect"] == row["in_effect"]
        for one, following in pairwise(steps):
            assert one["after"] == following["before"], "nothing happened to it between its steps"
        for step in (*steps[:3], steps[-1]):
            now = folded(city.told, day, step["position"]).branches.get(row["branch"])
            looked += 1
            assert (step["after"] is None) == (now is None)
            if now is not None:
                for name in ("name", "tier", "formation", "region", "term_to", "vacant_since", "in_effect"):
                    assert step["after"][name] == now[name], (step["position"], name)
    assert looked > 4


@pytest.mark.parametrize(
    "asked",
    [{"tier": "cell"}, {"lacks": "spirit"}, {"region": "5x"}, {"body": "park"}, {"parent": "x"}, {"members_from": "-1"},
     {"term_ends_within": "99999"}, {"formed_after": "2024-13-01"},
     {"sort": "name"}, {"limit": "0"}, {"cursor": "x"}, {"colour": "red"}],
)  # fmt: skip
def test_a_wrong_question_is_refused_by_name(city: City, asked: dict[str, str]) -> None:
    answer = city.ask("all", **asked)
    assert answer.status_code == 400
    assert answer.json()["detail"]


@pytest.mark.parametrize("name", ["branch:none", "x", "uscc:9151010452601815XG", "tiers"])
def test_a_branch_that_nothing_speaks_of_is_not_found_and_what_is_none_refused(city: City, name: str) -> None:
    status = {"branch:none": 404, "tiers": 200}.get(name, 400)
    assert city.ask("all", f"{PATH}/{name}").status_code == status


def test_the_pages_show_what_the_calls_tell_and_lead_to_one_another(city: City) -> None:
    clocks: dict[str, Any] = {"as_of": "2024-04-30", "known_at": city.worlds[-1].head}
    row = listed(city, **clocks)[0]
    (org, *_) = city.service.get(f"{PATH}/{row['branch']}", **clocks)["covers"]
    page = {"headers": {**city.keys["all"], "accept": "text/html"}, "params": clocks}

    def seen(path: str, lang: str = "zh") -> str:
        answer = city.service.http.get(path, headers=page["headers"], params={**clocks, "lang": lang})
        assert answer.status_code == 200, answer.text
        return answer.text

    for lang, word in (("zh", "党组织台账"), ("en", "Branches&#39; ledger")):
        listing = seen("/branches", lang)
        assert word in listing
        assert all(each["branch"] in listing for each in listed(city, **clocks)[:30])
        assert row["name"] in seen(f"/branches/{row['branch']}", lang)
        assert "#" in seen(f"/branches/{row['branch']}/history", lang)
    assert f"/branches/{row['branch']}?" in seen(f"/ledger/{org['org']}")
    found = city.service.http.get("/search", headers=page["headers"], params={**clocks, "q": row["branch"]})
    assert f"/branches/{row['branch']}?" in found.text


def test_a_look_at_a_branch_is_recorded_with_its_name(city: City) -> None:
    name = listed(city, as_of="2024-04-30")[0]["branch"]
    city.service.get(f"{PATH}/{name}", as_of="2024-04-30")
    answer = city.service.http.get("/v1/readings/mine", headers=city.keys["all"])
    assert name in answer.text


def test_the_shell_prints_the_list_and_one_branch(city: City) -> None:
    row = listed(city, as_of="2024-04-30")[0]
    given = {"url": city.service.url, "api_key": city.keys["all"]["authorization"].removeprefix("Bearer ")}
    printed = shell("branches", "--as-of", "2024-04-30", "--sort", "term_to", **given)
    assert row["branch"] in printed.stdout, printed.stderr
    printed = shell("branch", row["branch"], "--as-of", "2024-04-30", **given)
    assert (
        f"covers {len(city.service.get(PATH + '/' + row['branch'], as_of='2024-04-30')['covers'])} organizations"
        in printed.stdout
    )
