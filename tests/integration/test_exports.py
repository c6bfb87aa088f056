"""Exports over HTTP: the workbook opened, the CSV read by its metadata, the HTML looked into; figures are the API's."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pytest

from domain.ledger.rates import Counts
from tests.examples import NUMBERED
from tests.exporting import AS_OF, HEADING, PATH, fetch, grouped, records, workbook
from tests.fix_service import Service, new_database, shell
from tests.folding import World, publish
from tests.sending import envelope

REPORT = "/v1/assessments/assessment:r/export"
EVIL = '=HYPERLINK("http://evil.example")'


@pytest.fixture(scope="module")
def world(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A random history, a campaign, and a sealed report whose title is a formula."""
    about = {"effective_on": "2024-10-08", "campaign": "campaign:c"}
    target = {"comparator": "at_least", "value": "0.5", "due_on": AS_OF, "office": "office:city", "target": "-all"}
    events = [
        envelope("opened", "campaign.opened", {**about, "name": "@攻坚", "office": "office:city"}),
        envelope("set", "campaign.target_set", {**about, **target, "rate": "work_coverage"}),
    ]
    with Service(tmp_path_factory.mktemp("exports"), "--dev", database_url=new_database(postgres)) as service:
        world = publish(service, [*NUMBERED["12"]["deliveries"], *events])
        body = {
            "assessment": "assessment:r", "title": EVIL, "office": "office:city", "campaign": "campaign:c",
            "as_of": AS_OF, "group_by": ["kind"],
        }  # fmt: skip
        answer = service.http.post("/v1/assessments", json=body)
        assert answer.status_code == 201, answer.text
        yield world


def test_the_workbook_holds_the_apis_figures_as_numbers_with_formats(world: World) -> None:
    book = workbook(world, **grouped(world), lang="en")
    assert book.sheetnames == ["Summary", "Detail", "Evidence", "Notes"]
    api = world.service.get("/v1/rates", **grouped(world))
    expected = [*api["groups"], {"key": {"kind": None, "region:6": None}, **api["total"]}]
    summary = records(book["Summary"])
    assert [(row["Kind, code"], row["County, code"]) for row in summary] == [tuple(g["key"].values()) for g in expected]
    for row, group in zip(summary, expected, strict=True):
        shown = group["rates"]["organization_coverage"]
        value = None if shown["value"] is None else float(shown["value"])
        assert row["Organization coverage"] == value
        assert row["Organization coverage\nnumerator"] == shown["numerator"]
        assert row["Organization coverage\ndenominator"] == shown["denominator"]
    detail = [tuple(row.values())[3:] for row in records(book["Detail"])]
    assert detail == [tuple(group["counts"].values()) for group in expected]
    sheet = book["Summary"]
    first = [sheet.cell(HEADING + 1, column) for column in range(1, 7)]
    assert [cell.data_type for cell in first] == ["s"] * 3 + ["n"] * 3
    assert [cell.number_format for cell in first] == ["@"] * 3 + ["0.00%", "#,##0", "#,##0"]


def test_the_workbook_is_made_for_the_screen_and_for_paper(world: World) -> None:
    content = fetch(world, **grouped(world), format="xlsx", lang="zh")
    sheet = openpyxl.load_workbook(io.BytesIO(content))["汇总"]
    assert sheet.freeze_panes == "B5"
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    # One page wide (which Excel takes for granted), as many as it needs long.
    assert sheet.page_setup.fitToHeight == 0
    assert sheet.print_title_rows == "$4:$4"
    assert AS_OF in str(sheet["A2"].value)
    packed = zipfile.ZipFile(io.BytesIO(content))
    written = packed.read("xl/worksheets/sheet1.xml").decode()
    assert '<pageSetUpPr fitToPage="1"/>' in written
    assert AS_OF in written.partition("<oddFooter>")[2]
    assert "<c:barChart>" in packed.read("xl/charts/chart1.xml").decode()


def test_every_document_carries_clocks_evidence_and_definitions(world: World) -> None:
    evidence = world.service.get("/v1/rates", **grouped(world))["evidence"]
    for form in ("xlsx", "csv", "json", "html"):
        content = fetch(world, **grouped(world), format=form, lang="en")
        if form == "xlsx":
            book = openpyxl.load_workbook(io.BytesIO(content))
            text = "\n".join(str(v) for s in book for row in s.iter_rows(values_only=True) for v in row)
        elif form == "csv":
            text = zipfile.ZipFile(io.BytesIO(content)).read("csv-metadata.json").decode()
        else:
            text = content.decode()
        for part in (evidence["root_hash"], evidence["ruleset"], f"As of {AS_OF}", "rounded half up"):
            assert part in text, f"{part} in {form}"
        for name in ("Organization", "Work", "Eligible", "Employee"):
            assert f"{name} coverage = " in text


def test_csv_is_what_its_metadata_says(world: World) -> None:
    archive = zipfile.ZipFile(io.BytesIO(fetch(world, **grouped(world), format="csv")))
    metadata = json.loads(archive.read("csv-metadata.json"))
    assert metadata["@context"] == ["http://www.w3.org/ns/csvw", {"@language": "zh-CN"}]
    api = world.service.get("/v1/rates", **grouped(world))
    for table in metadata["tables"]:
        rows = list(csv.reader(io.StringIO(archive.read(table["url"]).decode("utf-8-sig"))))
        columns = table["tableSchema"]["columns"]
        assert rows[0] == [column["titles"][0] for column in columns]
        assert len(rows) == len(api["groups"]) + 2
        for column, *values in zip(columns, *rows[1:], strict=True):
            for value in values:
                if value not in column["null"] and column["datatype"] != "string":
                    assert float(value) >= 0
    by_name = dict(zip(*list(csv.reader(io.StringIO(archive.read("detail.csv").decode("utf-8-sig"))))[:2], strict=True))
    assert [by_name[name] for name in Counts._fields] == [
        "" if n is None else str(n) for n in api["groups"][0]["counts"].values()
    ]
    assert fetch(world, **grouped(world), format="csv") == fetch(world, **grouped(world), format="csv")


def test_json_has_the_same_tables(world: World) -> None:
    found = json.loads(fetch(world, **grouped(world), format="json"))
    api = world.service.get("/v1/rates", **grouped(world))
    rows = found["tables"]["summary"]["rows"]
    assert [row["work_coverage"] for row in rows[:-1]] == [g["rates"]["work_coverage"]["value"] for g in api["groups"]]
    assert rows[-1]["employee_coverage_numerator"] == api["total"]["counts"]["employees_covered"]


class Looked(HTMLParser):
    """What an HTML document is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [v or "" for name, v in attrs if name in ("href", "src", "xlink:href")]


@pytest.mark.parametrize(("lang", "word"), [("zh", "组织覆盖率"), ("en", "Organization coverage")])
def test_html_stands_alone_and_has_its_chart(world: World, lang: str, word: str) -> None:
    text = fetch(world, **grouped(world), format="html", lang=lang).decode()
    looked = Looked(text)
    assert "script" not in looked.tags
    assert "svg" in looked.tags
    assert [address for address in looked.addresses if not address.startswith("#")] == []
    assert looked.tags.count("table") == looked.tags.count("caption") == 2
    assert word in text


def test_no_cell_of_a_report_can_be_a_formula(world: World) -> None:
    book = workbook(world, REPORT)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not any(cell.data_type == "f" or cell.hyperlink for cell in cells)
    quoted = [cell for cell in cells if isinstance(cell.value, str) and cell.value[:1] in "=+-@"]
    assert {cell.value for cell in quoted if cell.quotePrefix} >= {"-all"}
    archive = zipfile.ZipFile(io.BytesIO(fetch(world, REPORT, format="csv")))
    for name in archive.namelist():
        if name.endswith(".csv"):
            for row in csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"))):
                assert not any(value[:1] in ("=", "+", "-", "@", "\t", "\r") for value in row)
    assert "&#34;http" in fetch(world, REPORT, format="html").decode()


def test_a_report_says_where_each_target_stood_and_that_it_is_identical(world: World) -> None:
    book = workbook(world, REPORT, lang="en")
    assert book.sheetnames == ["Summary", "Groups", "Detail", "Known since", "Evidence", "Notes"]
    (row,) = records(book["Summary"])
    sealed = world.service.get("/v1/assessments/assessment:r")["sealed"]
    target = sealed["targets"][0]
    assert (row["Now\nnumerator"], row["Now\ndenominator"]) == (
        target["now"]["numerator"],
        target["now"]["denominator"],
    )
    assert (row["Asked"], row["Due on"]) == (0.5, datetime.fromisoformat(AS_OF))
    evidence = {str(a.value): str(b.value) for a, b in book["Evidence"].iter_rows(min_row=HEADING, max_col=2)}
    assert evidence["Rendered again from the log"] == "identical to what was sealed"
    assert evidence["Root hash of the log (RFC 6962)"] == sealed["root_hash"]
    assert evidence["Signed checkpoint at sealing"] == sealed["checkpoint"]


def test_the_organizations_are_listed_with_what_the_ledger_says_of_them(world: World) -> None:
    ledger = world.service.get("/v1/organizations", as_of=AS_OF, limit=200)["organizations"]
    book = workbook(world, **grouped(world), organizations="true", lang="en")
    assert book.sheetnames == ["Summary", "Detail", "Organizations", "Evidence", "Notes"]
    listed = records(book["Organizations"])
    assert [row["Code"] for row in listed] == [each["org"] for each in ledger]
    assert len(listed) == world.service.get("/v1/rates", as_of=AS_OF)["total"]["counts"]["registered"] > 0
    for row, each in zip(listed, ledger, strict=True):
        its = each["attributes"]
        assert (row["Region, code"], row["Industry, code"], row["Employees"]) == (
            its["region"], its["industry"], its["employees"],
        )  # fmt: skip
        assert (row["Full members"], row["Organization coverage"]) == (
            each["full_members"], "yes" if each["organization_covered"] else "no",
        )  # fmt: skip
    types = [cell.data_type for cell in book["Organizations"][HEADING + 1] if cell.value is not None]
    assert types.count("n") in (3, 4)


def test_a_report_lists_its_organizations_as_the_log_had_them_at_its_own_clocks(world: World) -> None:
    sealed = world.service.get("/v1/assessments/assessment:r")["sealed"]
    clocks = {"as_of": AS_OF, "known_at": sealed["known_at"]}
    late = {"effective_on": "2024-06-03", "org": "group:late", "kind": "new_employment_group", "category": "courier",
            "name": "迟报站", "region": "880107"}  # fmt: skip
    position = world.service.publish([envelope("late", "organization.registered", late)])[0]["position"]
    assert world.service.get("/v1/organizations/group:late", as_of=AS_OF, min_position=position)["row"]
    ledger = world.service.get("/v1/organizations", **clocks, limit=200)["organizations"]
    book = workbook(world, REPORT, organizations="true", lang="en")
    assert book.sheetnames == ["Summary", "Groups", "Detail", "Known since", "Organizations", "Evidence", "Notes"]
    listed = records(book["Organizations"])
    assert [(row["Code"], row["Name"]) for row in listed] == [
        (each["org"], each["attributes"]["name"]) for each in ledger
    ]
    assert len(listed) == sealed["total"]["registered"] > 0
    assert [row["Full members"] for row in listed] == [each["full_members"] for each in ledger]
    rows = json.loads(fetch(world, REPORT, organizations="true", publication="true", format="json"))["tables"]
    withheld = ("employees", "full_members", "probationary_members", "activists", "eligible", "measure")
    assert {row[name] for row in rows["organizations"]["rows"] for name in withheld} == {"*"}


def test_the_address_in_the_evidence_asks_for_the_same_figures(world: World) -> None:
    found = json.loads(fetch(world, **grouped(world), kind="new_social", format="json", lang="en"))
    answer = world.service.http.get(found["evidence"]["The same from the API"])
    assert answer.status_code == 200, answer.text
    shown = [row["work_coverage"] for row in found["tables"]["summary"]["rows"]]
    groups = [*answer.json()["groups"], answer.json()["total"]]
    assert shown == [each["rates"]["work_coverage"]["value"] for each in groups]


def test_exports_leave_a_trail_of_reading(world: World) -> None:
    fetch(world, as_of=AS_OF, format="json")
    found = world.service.get("/v1/readings", action="export")["readings"]
    assert any(each["question"].startswith(PATH) for each in found)


def test_the_shell_seals_renders_supposes_and_exports(world: World, tmp_path: Path) -> None:
    def run(*command: str) -> str:
        told = shell(*command, url=world.service.url)
        assert told.returncode == 0, told.stderr
        return told.stdout

    assert "-all" in run("campaigns", "campaign:c", "--as-of", AS_OF)
    sealed = run(
        "assess", "assessment:shell", "--campaign", "campaign:c", "--title", "考核", "--office", "office:a", "--as-of",
        AS_OF, "--group-by", "kind",
    )  # fmt: skip
    assert "identical" in sealed
    assert json.loads(run("what-if", "--as-of", AS_OF, "--full-members", "1", "--kind", "new_social", "--json"))[
        "supposed"
    ]["full_members_for_branch"] == 1  # fmt: skip
    file = tmp_path / "rates.xlsx"
    run("export", "--as-of", AS_OF, "--group-by", "kind", "--lang", "zh", "--output", str(file))
    assert openpyxl.load_workbook(file).sheetnames[0] == "汇总"
    run("export", "--assessment", "assessment:shell", "--organizations", "--lang", "zh", "--output", str(file))
    assert "单位名单" in openpyxl.load_workbook(file).sheetnames
