"""GET /v1/rates/explain and the dossier's decided_by over HTTP, against /v1/rates and the fold from scratch."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.bands import MEMBERS, band
from domain.ledger.rates import RATES, Counts, Filters, count_row, group
from domain.ledger.rows import ledger, told
from tests.examples import NUMBERED
from tests.fix_service import Service, new_database
from tests.folding import World, as_listed, publish
from tests.histories import deliveries, fits, renamed
from tests.sending import envelope

pytestmark = pytest.mark.long

PATH = "/v1/rates/explain"
Parameters = dict[str, Any]


def explained(service: Service, limit: int = 200, **parameters: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - query parameters
    """All pages of an explanation, one after the other."""
    answer = service.get(PATH, **parameters, limit=limit)
    found = list(answer["organizations"])
    while answer["next"]:
        answer = service.get(PATH, **parameters, limit=limit, cursor=answer["next"])
        found += answer["organizations"]
    return found


def as_parameters(key: dict[str, str | None]) -> Parameters:
    return {name: "null" if value is None else value for name, value in key.items()}


def check_positions(world: World, as_of: str, each: dict[str, Any]) -> None:
    """The law: the events at the positions that decide a value, folded alone, give the same value."""
    row, decided = each["row"], each["decided_by"]
    values = {**row, **row["attributes"]}
    for name, positions in {**decided, **decided["attributes"]}.items():
        if name == "attributes":
            continue
        assert positions == sorted(set(positions))
        alone = {*positions, *decided["attributes"]["kind"]}
        events = [event for event in world.events if event.position in alone]
        (again,) = [r for r in ledger(events, date.fromisoformat(as_of), fits).rows() if r.org == row["org"]]
        found = {**told(again), **again.attributes._asdict()}
        if name in MEMBERS and row["bands"]:  # of a small unit; without the others' events it may not be seen to be one
            assert band(found[name]) == row["bands"][name], (row["org"], name)
        else:
            assert found[name] == values[name], (row["org"], name)


def adds(organization: dict[str, Any], name: str) -> bool:
    """Whether it adds to a count; of a small unit's members its band says so."""
    row, bands = organization["row"], organization["row"]["bands"] or {}
    return bool(organization["counts"][name]) or (
        row["excluded"] is None and bands.get(name, "band_none") != "band_none"
    )


@pytest.mark.parametrize("as_of", ["2024-03-31", "2024-12-31"])
@pytest.mark.parametrize("group_by", [["kind", "region:6"], ["industry", "formation"], ["measure", "region:9"], []])
def test_the_organizations_behind_a_count_add_up_to_it(world: World, as_of: str, group_by: list[str]) -> None:
    known_at = world.head * 3 // 4
    asked: Parameters = {"as_of": as_of, "known_at": known_at}
    for each in world.service.get("/v1/rates", **asked, group_by=group_by)["groups"]:
        key = as_parameters(each["key"])
        behind = explained(world.service, **asked, **key)
        for name, number in each["counts"].items():
            told_of = [one for one in behind if name not in MEMBERS or one["counts"][name] is not None]
            each_adds = [organization["counts"][name] for organization in told_of]
            if len(told_of) == len(behind):
                assert (None if None in each_adds else sum(each_adds)) == number
            else:
                assert sum(each_adds) <= number
        for name in ("organization_covered", "excluded", "employees", "full_members"):
            counted = explained(world.service, **asked, **key, count=name)
            assert counted == [one for one in behind if adds(one, name)]
        for rate, (above, below) in RATES.items():
            lacking = explained(world.service, **asked, **key, missing=rate)
            assert lacking == [one for one in behind if one["counts"][below] and one["counts"][above] == 0]


def test_a_count_and_what_a_rate_misses_are_two_questions(service: Service) -> None:
    answer = service.http.get(PATH, params={"count": "eligible", "missing": "eligible_coverage"})
    assert answer.status_code == 400
    assert "not for both" in answer.json()["detail"]


def test_each_organization_has_its_row_and_the_events_that_suffice_for_it(world: World) -> None:
    for as_of, known_at in (("2024-05-15", world.head // 2), ("2025-01-31", world.head)):
        behind = explained(world.service, as_of=as_of, known_at=known_at)
        rows = {row.org: row for row in world.rows(as_of, known_at)}
        assert len(behind) == len(rows) > 5
        for each in behind:
            row = rows[each["row"]["org"]]
            assert each["row"] == as_listed(row)
            unsaid = dict.fromkeys(MEMBERS) if each["row"]["bands"] and row.excluded is None else {}
            assert each["counts"] == count_row(row)._asdict() | unsaid
            check_positions(world, as_of, each)
            assert max(p for positions in each["decided_by"]["attributes"].values() for p in positions) <= known_at


def test_pages_put_together_are_the_whole_and_stay_as_they_were_known(growing: list[World]) -> None:
    history, service = renamed(NUMBERED["11"]["deliveries"]), growing[0].service
    half = len(history) // 2
    growing.append(publish(service, history[:half], growing[-1]))
    whole = explained(service, as_of="2024-12-31")
    first = service.get(PATH, as_of="2024-12-31", limit=1)
    growing.append(publish(service, history[half:], growing[-1]))
    found, following = list(first["organizations"]), first["next"]
    while following:
        page = service.get(PATH, as_of="2024-12-31", limit=2, cursor=following)
        assert page["known_at"] == first["known_at"]
        found, following = found + page["organizations"], page["next"]
    assert found == whole
    assert whole


def test_a_dossier_says_the_same_of_what_decides_its_row(world: World) -> None:
    for each in explained(world.service, as_of="2024-12-31", known_at=world.head - 3):
        path = f"/v1/organizations/{each['row']['org']}"
        dossier = world.service.get(path, as_of="2024-12-31", known_at=world.head - 3)
        # The dossier, whose reading is recorded, has the numbers.
        without = {name: value for name, value in each["row"].items() if name not in (*MEMBERS, "bands")}
        assert {name: value for name, value in dossier["row"].items() if name not in MEMBERS} == without
        assert None not in [dossier["row"][name] for name in MEMBERS]
        assert dossier["decided_by"] == each["decided_by"]


def test_a_dossier_of_an_organization_that_is_not_active_has_nothing_to_decide(world: World) -> None:
    org = explained(world.service, as_of="2024-12-31")[0]["row"]["org"]
    dossier = world.service.get(f"/v1/organizations/{org}", as_of="1990-01-01")
    assert (dossier["active"], dossier["row"], dossier["decided_by"]) == (False, None, None)


def test_a_code_shorter_than_its_dimension_is_a_group_of_its_own(service: Service, source: str) -> None:
    # In a province where no other test has organizations.
    regions = {"group:short-a": "78", "group:short-b": "7801", "group:short-c": "780101", "group:short-d": "780101001"}
    (*_, last) = service.publish([registered(org, region, source) for org, region in regions.items()])
    asked: Parameters = {"as_of": "2024-12-31", "min_position": last["position"]}

    def behind(**key: Any) -> list[str]:  # noqa: ANN401 - query parameters
        return [each["row"]["org"] for each in explained(service, **asked, **key)]

    assert behind(**{"region:6": "7801"}) == ["group:short-b"]
    assert behind(**{"region:6": "780101"}) == ["group:short-c", "group:short-d"]
    assert behind(**{"region:12": "780101"}) == ["group:short-c"]
    assert behind(**{"region:2": "78"}) == list(regions)
    assert behind(**{"region:2": "78", "region:6": "78"}) == ["group:short-a"]
    assert behind(**{"region:6": "7801"}, region="780101") == []


def registered(org: str, region: str, source: str) -> dict[str, Any]:
    data = {
        "effective_on": "2024-03-01", "org": org, "kind": "new_employment_group", "category": "courier",
        "name": "快递站", "region": region,
    }  # fmt: skip
    return envelope(org, "organization.registered", data, source)


@pytest.mark.parametrize(
    ("parameters", "at"),
    [
        ({"region:6": "99010"}, "query.region:6"),
        ({"region:6": "9901010"}, "query.region:6"),
        ({"region:7": "990101"}, "query.region:7"),
        ({"count": "organisations"}, "query.count"),
        ({"limit": "201"}, "query.limit"),
        ({"group_by": "kind"}, "query.group_by"),
    ],
)
def test_what_cannot_be_explained_is_refused_by_name(world: World, parameters: dict[str, str], at: str) -> None:
    answer = world.service.http.get(PATH, params=parameters)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["at"] == at


@pytest.fixture(scope="module")
def growing(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    """A log to which each history is added; its newest state stands last."""
    folder = tmp_path_factory.mktemp("growing")
    with Service(folder, "--dev", database_url=new_database(postgres)) as service:
        yield [publish(service, [])]


@settings(max_examples=12, deadline=None)
@given(deliveries(facts_max=20), st.integers(1, 28), st.floats(0, 1), st.sampled_from(Counts._fields))
def test_in_random_worlds_the_organizations_add_up_and_their_events_suffice(
    growing: list[World], history: list[dict[str, Any]], day: int, part: float, name: str
) -> None:
    world = publish(growing[0].service, renamed(history), growing[-1])
    growing.append(world)
    as_of, known_at = f"2024-02-{day:02d}", round(world.head * part)
    rows = world.rows(as_of, known_at)
    counts = group(rows, (), Filters()).get((), Counts())
    behind = explained(world.service, as_of=as_of, known_at=known_at, count=name, limit=3)
    # What nobody can answer, without an activity policy, is null, and no organization stands behind it.
    adding = [each["counts"][name] for each in behind]
    if name in MEMBERS and None in adding:  # of a small unit only the band is told
        assert sum(each for each in adding if each is not None) <= counts._asdict()[name]
    else:
        assert sum(adding) == (counts._asdict()[name] or 0)
    assert {each["row"]["org"] for each in behind} == {r.org for r in rows if count_row(r)._asdict()[name]}
    for each in behind:
        check_positions(world, as_of, each)
