"""Documents for publication over HTTP: what of people they withhold, in every form."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator

import pytest

from domain.figures.publication import OF_MEMBERS, PEOPLE, PEOPLE_MIN
from domain.ledger.rates import RATES, Counts
from tests.examples import NUMBERED
from tests.exporting import AS_OF, HEADING, PATH, fetch, grouped, workbook
from tests.fix_service import Service, new_database
from tests.folding import World, publish
from tests.sending import envelope

pytestmark = pytest.mark.long

TARGETS: list[tuple[str, str, dict[str, str]]] = [
    ("couriers", "employee_coverage", {"category": "courier"}),
    ("town", "employee_coverage", {"region": "510107001"}),
    ("eligible", "eligible_coverage", {}),
    ("city", "employee_coverage", {}),
    ("organizations", "organization_coverage", {"category": "courier"}),
    ("large", "organization_coverage", {"basis": "large"}),
    ("large-people", "employee_coverage", {"basis": "large"}),
]


@pytest.fixture(scope="module")
def world(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A random history, a campaign of targets for people, and its sealed report."""
    about = {"effective_on": "2024-10-08", "campaign": "campaign:people"}
    target = {"comparator": "at_least", "value": "0.5", "due_on": AS_OF, "office": "office:city"}
    counted = {
        "effective_on": "2024-01-01", "name": "large", "title": "规模以上", "categories": ["courier"],
        "legal_persons_only": False, "employees_min": 20, "formations_counted": ["joint"],
    }  # fmt: skip
    events = [
        envelope("counted", "basis.adopted", counted),
        envelope("opened", "campaign.opened", {**about, "name": "人数", "office": "office:city"}),
    ]
    for name, rate, segment in TARGETS:
        data = {**about, **target, "target": name, "rate": rate, **segment}
        events.append(envelope(f"set-{name}", "campaign.target_set", data))
    with Service(tmp_path_factory.mktemp("publications"), "--dev", database_url=new_database(postgres)) as service:
        world = publish(service, [*NUMBERED["12"]["deliveries"], *events])
        body = {
            "assessment": "assessment:people", "title": "人数", "office": "office:city", "campaign": "campaign:people",
            "as_of": AS_OF, "group_by": ["kind"],
        }  # fmt: skip
        assert service.http.post("/v1/assessments", json=body).status_code == 201
        yield world


def test_for_publication_small_counts_of_people_are_withheld_and_organizations_stay(world: World) -> None:
    open_, public = (
        json.loads(fetch(world, **grouped(world), format="json", publication=flag))["tables"]
        for flag in ("false", "true")
    )
    small = 0
    for row, shown in zip(open_["detail"]["rows"], public["detail"]["rows"], strict=True):
        for name in Counts._fields:
            if name not in (*PEOPLE, *OF_MEMBERS):
                assert shown[name] == row[name]
            elif name in PEOPLE and 0 < row[name] < PEOPLE_MIN:
                small += 1
                assert shown[name] == "*"
            else:
                assert shown[name] in (row[name], "*")
    assert small > 0
    for row in public["summary"]["rows"]:
        for name in RATES:
            sides = {row[f"{name}_numerator"], row[f"{name}_denominator"]}
            assert ("*" in sides) == (row[name] == "*")
        assert "*" not in (row["organization_coverage"], row["work_coverage"])


def test_a_publication_is_not_chosen_or_grouped_by_what_follows_from_people(world: World) -> None:
    for asked in ({"group_by": "measure"}, {"measure": "combine"}, {"eligible": "true"}):
        refused = world.service.http.get(PATH, params={"as_of": AS_OF, "publication": "true", **asked})
        assert refused.status_code == 400
        assert "leave it away" in refused.json()["detail"]


def test_any_grouping_of_whole_counties_says_the_same_of_people(world: World) -> None:
    rows = {
        dimension: json.loads(fetch(world, as_of=AS_OF, group_by=dimension, format="json", publication="true"))[
            "tables"
        ]["detail"]["rows"]
        for dimension in ("region:4", "region:6", "category")
    }
    # Totals are one figure, and the city is the sum of its counties.
    people = [[each[-1][name] for name in PEOPLE] for each in rows.values()]
    assert people[0] == people[1] == people[2]
    assert [rows["region:4"][0][name] for name in PEOPLE] == people[0]


def test_a_sealed_reports_targets_are_withheld_in_all_four_forms(world: World) -> None:
    path = "/v1/assessments/assessment:people/export"
    sealed = {
        each["target"]: each for each in world.service.get("/v1/assessments/assessment:people")["sealed"]["targets"]
    }
    tables = json.loads(fetch(world, path, format="json", publication="true", lang="en"))["tables"]
    rows = {row["target"]: row for row in tables["summary"]["rows"]}
    told = ("reached", "now", "numerator", "denominator", "required", "missing", "as_known_then", "as_known_now")
    assert sealed["town"]["now"]["denominator"] > PEOPLE_MIN
    # Organizations of a basis tell of employees: one that is counted has as many as it asks for.
    hidden = ("town", "eligible", "large", "large-people")
    for name in hidden:
        assert [rows[name][each] for each in told] == ["*"] * len(told)
    # That nobody is covered where no organization is follows from the organizations, which stay.
    assert sealed["couriers"]["now"]["denominator"] > PEOPLE_MIN
    assert [rows["couriers"][each] for each in told] == ["*", "*", 0, "*", "*", "*", "*", "*"]
    kept = rows["organizations"]
    assert (kept["numerator"], kept["denominator"]) == tuple(sealed["organizations"]["now"].values())
    assert "*" not in kept.values()
    # The whole's employees are withheld or shown as they are in the groups.
    total = tables["groups"]["rows"][-1]
    assert rows["city"]["denominator"] == total["employee_coverage_denominator"]
    assert {row["eligible_into"] for row in tables["since"]["rows"]} == {"*"}
    as_json = {name: {each: str(row[each]) for each in told} for name, row in rows.items()}
    packed = zipfile.ZipFile(io.BytesIO(fetch(world, path, format="csv", publication="true", lang="en")))
    written = packed.read("summary.csv").decode("utf-8-sig")
    for row in csv.DictReader(io.StringIO(written)):
        assert {each: row[each] for each in told if "*" in as_json[row["target"]][each]} == {
            each: "*" for each in told if "*" in as_json[row["target"]][each]
        }
    sheet = workbook(world, path, publication="true", lang="en")["Summary"]
    for values in sheet.iter_rows(min_row=HEADING + 1, values_only=True):
        if values[0] in hidden:
            assert values[7:15] == ("*",) * 8
    page = fetch(world, path, format="html", publication="true", lang="en").decode()
    for name in hidden:
        line = next(line for line in page.split("<tr") if f">{name}</" in line)
        assert line.count(">*</") == len(told)


def test_for_publication_the_list_says_nothing_of_an_organizations_people(world: World) -> None:
    asked = {**grouped(world), "organizations": "true", "publication": "true"}
    rows = json.loads(fetch(world, **asked, format="json"))["tables"]["organizations"]["rows"]
    assert rows
    telling = ("employees", "full_members", "probationary_members", "activists", "eligible", "measure")
    for row in rows:
        assert {row[name] for name in telling} == {"*"}
        assert row["work_covered"] in ("是", "否")
