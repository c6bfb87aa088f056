"""Every list that people take away, as CSV and as a workbook: the rows of all pages of the same question's JSON."""

import csv
import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import openpyxl
import pytest

from api.app import calls
from api.exports.columns import fields_of
from api.exports.csvw import to_csv
from api.exports.document import Column, Document, Table
from api.exports.lists import Sheet
from api.exports.xlsx import to_xlsx
from tests.examples import NUMBERED
from tests.exporting import HEADING
from tests.fix_service import Service, new_database
from tests.offices import AS_OF, asked, facts

SHEETS: dict[str, Sheet] = {each.path: each.endpoint.sheet for each in calls() if hasattr(each.endpoint, "sheet")}
# What nothing was sent for in this ledger.
EMPTY = {"/v1/quarantine", "/v1/quarantine/groups", "/v1/access", "/v1/access/keys", "/v1/assessments"}
EMPTY |= {"/v1/sessions", "/v1/outlines", "/v1/notices"}
UNCLOCKED = {*EMPTY, "/v1/sources", "/v1/readings/mine", "/v1/log/state"}
# Nobody has a name like another's there; tests/integration/test_matching.py has those that have.
EMPTY |= {"/v1/matches/candidates"}
# Without an activity policy nobody lives; tests/integration/test_exemplars.py has who does.
LIFELESS = {"/v1/exemplars/branches", "/v1/exemplars/organizations"}
EMPTY |= LIFELESS


@pytest.fixture(scope="module")
def world(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, dict[str, str], int]]:
    with Service(tmp_path_factory.mktemp("taken"), "--dev", database_url=new_database(postgres)) as service:
        deliveries = NUMBERED["12"]["deliveries"]
        branch = next(each["data"]["branch"] for each in deliveries if each["type"].endswith("branch.formed.v1"))
        service.publish(deliveries)
        orgs = [each["org"] for each in service.get("/v1/organizations", as_of=AS_OF, min_position=1)["organizations"]]
        head = service.publish(facts(orgs[0], orgs[1], branch))[-1]["position"]
        service.get("/v1/rates", min_position=head)
        named = {
            "org": orgs[0],
            "branch": branch,
            "campaign": "campaign:c",
            "survey": "survey:s",
            "table": "enterprises",
        }
        yield service, named, head


def ask(world: tuple[Service, dict[str, str], int], template: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - query parameters
    service, named, head = world
    given = {} if template in UNCLOCKED else asked(template, head)
    return service.http.get(template.format(**named), params=given | more)


def rows(world: tuple[Service, dict[str, str], int], template: str) -> list[Mapping[str, Any]]:
    """The rows of all pages, two on a page where there are pages."""
    found: list[Mapping[str, Any]] = []
    sheet, following = SHEETS[template], None
    paged = "next" in ask(world, template).json()
    while True:
        more: dict[str, Any] = ({"limit": 2} if paged else {}) | ({"cursor": following} if following else {})
        answer = ask(world, template, **more)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += sheet.rows_of(page)
        following = page.get("next")
        if not following:
            return found + ([page["total"]] if sheet.total else [])


@pytest.mark.parametrize("template", SHEETS)
def test_a_list_is_taken_away_whole(world: tuple[Service, dict[str, str], int], template: str) -> None:
    expected = rows(world, template)
    assert expected or template in EMPTY
    fields = fields_of(SHEETS[template].shape)
    packed = ask(world, template, format="csv", lang="en")
    assert packed.status_code == 200, packed.text
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        read = list(csv.DictReader(io.StringIO(archive.read("list.csv").decode("utf-8-sig"))))
        about = json.loads(archive.read("csv-metadata.json"))
    assert len(read) == len(expected)
    assert {each.name for each in fields} <= set(read[0] if read else [f.name for f in fields])
    sheet = openpyxl.load_workbook(io.BytesIO(ask(world, template, format="xlsx").content), read_only=True)["清单"]
    assert sum(1 for _ in sheet.iter_rows(min_row=HEADING + 1)) == max(len(expected), 0)
    for field in fields:
        plain = [_at(each, field.path) for each in expected]
        if all(isinstance(each, int) and not isinstance(each, bool) for each in plain):
            assert [int(each[field.name]) for each in read] == plain, field.name
    address = about["notes"][0]["evidence"]["The same from the API"]
    again = world[0].http.get(address)
    assert again.status_code == 200, address
    if "limit" not in address and "/readings" not in template:
        assert len(list(SHEETS[template].rows_of(again.json()))) <= len(expected)


def _at(row: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - of JSON
    for each in path:
        row = None if row is None else row.get(each)
    return row


def test_a_part_of_a_list_is_refused_since_a_file_has_all(world: tuple[Service, dict[str, str], int]) -> None:
    refused = ask(world, "/v1/organizations", format="csv", limit=2)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["rule"] == "format_whole"


def test_taking_a_list_away_is_recorded_as_reading_it_is(world: tuple[Service, dict[str, str], int]) -> None:
    ask(world, "/v1/weak-branches", format="csv")
    assert "format=csv" in world[0].last_reading("weak_branches")["question"]


@pytest.mark.long
@pytest.mark.parametrize(("write", "most"), [(to_csv, 2_000_000), (to_xlsx, 6_000_000)])
def test_a_city_s_organizations_are_written_in_memory_that_does_not_grow(write: Any, most: int) -> None:  # noqa: ANN401
    """Peaks of 2,000 and of 20,000 rows: what is held is a page of rows and buffers of a fixed size."""

    def peak(count: int) -> int:
        columns = [Column(f"c{n}", f"第{n}列", "text") for n in range(6)]
        made = ([f"组织{row}-{n}" for n in range(6)] for row in range(count))
        document = Document("d", "zh", "t", "s", [Table("list", "清单", columns, made)], None, [("a", "b")], ["n"])
        tracemalloc.start()
        try:
            with io.FileIO("/dev/null", "wb") if write is to_csv else io.BytesIO() as file:
                write(document, file)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(2_000), peak(20_000)
    assert large < small * 1.5 + 500_000, (small, large)
    assert large < most
