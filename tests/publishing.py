"""A random small city, published: what is true of its organizations, and its documents in all their forms."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import openpyxl
from hypothesis import strategies as st
from stdnum.cn import uscc

from api.exports.csvw import to_csv, to_json
from api.exports.document import Document
from api.exports.figures import Asked
from api.exports.html import to_html
from api.exports.rates import rates_document
from api.exports.report import report_document
from api.exports.xlsx import HEADING_ROW, to_xlsx
from api.site.formats import Names
from domain.ledger.rates import ANY, RATES, Filters
from domain.values.terms import CATEGORIES_OF_KIND, Kind
from services.assessment import assessments
from services.assessment.assessments import Wanted
from services.evidence.notes.signing import signers
from services.fieldwork.regions import regions_known
from services.intake.intake import Intake
from services.ledger.queries import Queries
from services.postgres.database import migrate
from tests.fix_store import Databases
from tests.sending import STEWARD, envelope, http
from tests.versions import project, wait_until

DUE, AS_OF = date(2024, 11, 30), date(2024, 12, 31)
KINDS: tuple[Kind, ...] = ("new_economic", "new_social", "new_employment_group")
COUNTIES = ("880102", "880103", "880201")


class Org(NamedTuple):
    """What is true of one organization."""

    kind: Kind
    category: str
    region: str
    formation: str | None
    employees: int | None
    full_members: int
    probationary_members: int
    activists: int
    members_elsewhere: int
    excluded: bool

    @property
    def covered(self) -> bool:
        return self.formation is not None

    def falls(self, dimension: str) -> str | None:
        """Its value under a dimension of tables for publication."""
        if dimension.startswith("region:"):
            return self.region[: int(dimension[7:])]
        value: str | None = getattr(self, dimension)
        return value

    def within(self, segment: Mapping[str, str]) -> bool:
        return all(
            self.region.startswith(value) if name == "region" else getattr(self, name) == value
            for name, value in segment.items()
        )


@st.composite
def an_org(draw: st.DrawFn) -> Org:
    kind = draw(st.sampled_from(KINDS))
    few_or_many = st.one_of(st.integers(0, 4), st.integers(0, 12), st.integers(0, 40))
    return Org(
        kind, CATEGORIES_OF_KIND[kind][draw(st.integers(0, 1))],
        draw(st.sampled_from(COUNTIES)) + draw(st.sampled_from(("", "001", "002"))),
        draw(st.sampled_from((None, None, "joint", "standalone"))), draw(st.none() | few_or_many),
        draw(few_or_many), draw(st.integers(0, 3)), draw(st.integers(0, 12)), draw(st.integers(0, 3)),
        draw(st.sampled_from((False,) * 9 + (True,))),
    )  # fmt: skip


class City(NamedTuple):
    orgs: list[Org]
    members_counted: str
    targets: list[tuple[str, dict[str, str]]]
    sealed_by: tuple[str, ...]
    tables: list[tuple[tuple[str, ...], dict[str, str]]]

    @property
    def names(self) -> list[str]:
        return [_code(org.kind, n) for n, org in enumerate(self.orgs)]


SEGMENTS: list[dict[str, str]] = [
    {}, {"kind": "new_social"}, {"region": "8801"}, {"region": "880102001"}, {"kind": "new_economic", "region": "8801"},
    {"category": "foundation"}, {"category": "courier"}, {"region": "880103"},
]  # fmt: skip
GROUPINGS = [
    (), ("kind",), ("region:6",), ("region:4",), ("region:9",), ("category",), ("formation",), ("kind", "region:6"),
    ("kind", "region:9"), ("category", "region:6"), ("formation", "region:4"), ("kind", "formation"),
]  # fmt: skip
# By name from how many employees on it counts.
LARGE = {"large": 20, "big": 25}
OF_TARGETS = [*SEGMENTS, *({"basis": name} for name in LARGE)]
TARGETS = st.tuples(st.sampled_from(list(RATES)[:5]), st.sampled_from(OF_TARGETS))
CITY = st.builds(
    City,
    st.lists(an_org(), min_size=2, max_size=9),
    st.sampled_from(("here", "here_and_elsewhere")),
    st.lists(TARGETS, min_size=2, max_size=4),
    st.sampled_from(GROUPINGS),
    st.lists(st.tuples(st.sampled_from(GROUPINGS), st.sampled_from(SEGMENTS)), min_size=3, max_size=6),
)


def _code(kind: Kind, number: int) -> str:
    if kind == "new_employment_group":
        return f"group:{number}"
    body = f"{'91' if kind == 'new_economic' else '51'}510104{number:09d}"
    return f"uscc:{body}{uscc.calc_check_digit(body)}"


def events(city: City) -> Iterator[dict[str, Any]]:
    """The city as it came to be, with a campaign of its targets."""
    on = {"effective_on": "2024-03-01"}
    numbers = iter(range(1_000_000))

    def said(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
        return envelope(f"e{next(numbers)}", name, {**on, **data}, "/registry/attacked")

    formations = ["standalone", "joint", "affiliated"]
    yield said("policy.adopted", {
        "full_members_for_branch": 3, "employees_for_branch": 50, "formations_counted": formations,
        "members_counted": city.members_counted,
    })  # fmt: skip
    for name, least in LARGE.items():
        yield said("basis.adopted", {
            "name": name, "title": name, "categories": sorted({org.category for org in city.orgs}),
            "legal_persons_only": False, "employees_min": least, "formations_counted": formations,
        })  # fmt: skip
    for name, org in zip(city.names, city.orgs, strict=True):
        about = {"org": name, "kind": org.kind, "category": org.category, "name": f"组织 {name}", "region": org.region}
        yield said("organization.registered", about if org.employees is None else {**about, "employees": org.employees})
        for standing, relation, count in (
            ("full", "here", org.full_members), ("probationary", "here", org.probationary_members),
            ("activist", "here", org.activists), ("full", "elsewhere", org.members_elsewhere),
        ):  # fmt: skip
            for _ in range(count):
                member = f"member:m{next(numbers)}"
                yield said(
                    "member.enrolled", {"member": member, "standing": standing, "relation": relation, "org": name}
                )
        if org.formation is not None:
            yield said("branch.formed", {
                "branch": f"branch:{next(numbers)}", "name": "支部", "tier": "branch", "formation": org.formation,
                "region": org.region, "covers": [name],
            })  # fmt: skip
        if org.excluded:
            yield said("organization.excluded", {"org": name, "reason": "not_operating"})
    yield said("campaign.opened", {"campaign": "campaign:c", "name": "攻坚", "office": "office:a"})
    for number, (rate, segment) in enumerate(city.targets):
        yield said("campaign.target_set", {
            "campaign": "campaign:c", "target": f"t{number}", "rate": rate, "comparator": "at_least", "value": "0.5",
            "due_on": DUE.isoformat(), "office": "office:a", **segment,
        })  # fmt: skip
    for number, (rate, segment) in enumerate(city.targets):
        yield said("campaign.target_set", {
            "campaign": "campaign:c", "target": f"r{number}", "rate": rate, "comparator": "at_least",
            "due_on": DUE.isoformat(), "office": "office:a", **segment,
            **({"against": "city", "points": "0"} if number % 2 else
               {"against": "itself", "base_on": "2024-03-01", "points": "20"}),
        })  # fmt: skip


@contextmanager
def published(databases: Databases, city: City) -> Iterator[list[Callable[[], Document]]]:
    """Within, what makes the documents of one pair of clocks: its tables, then its report with all organizations."""
    with databases.like("attacked", _migrated) as conninfo, closing(Intake.open(conninfo, "test")) as intake:
        messages = [http(event, STEWARD, n) for n, event in enumerate(events(city))]
        assert {each.disposition for each in intake.admit(messages)} == {"accepted"}
        known_at = project(conninfo).position
        with Queries.open(conninfo) as queries, TemporaryDirectory() as folder:
            wait_until(lambda: queries.position >= known_at, f"position {known_at} is not reached")
            with queries.connection() as connection:
                checkpoint = signers(Path(folder) / "log.key", None)[0].checkpoint(connection, known_at).decode()
            wanted = Wanted(
                "assessment:a", "考核", "office:a", "campaign:c", AS_OF, known_at, city.sealed_by, ANY, None, None
            )
            draft = assessments.Draft(queries.pinned(), intake.recorder, wanted, checkpoint)
            assert intake.admit([http(draft.event, STEWARD)])[0].disposition == "accepted"
            sealed_at = project(conninfo).position
            wait_until(lambda: queries.position >= sealed_at, f"position {sealed_at} is not reached")
            names = Names("en", regions_known(queries, known_at), AS_OF)

            def table(by: tuple[str, ...], segment: dict[str, str]) -> Document:
                asked = Asked(AS_OF, known_at, None, by, Filters(**segment), names, True, "")  # type: ignore[arg-type]
                return rates_document(queries, asked)

            def report() -> Document:
                found = assessments.render(queries, intake.recorder, "assessment:a", sealed_at)
                return report_document(queries, found, None, names, public=True, address="", organizations=True)

            yield [*(partial(table, *each) for each in city.tables), report]


def _migrated(conninfo: str) -> None:
    migrate(conninfo)
    project(conninfo)


# By the table's name its rows; each cell as text, "" where there is none.
Rows = list[dict[str, str]]
Tables = dict[str, Rows]


def as_json(document: Document) -> tuple[Tables, list[list[list[str]]]]:
    """The document's tables by name and column, and the same cells without names, as the other forms are compared."""
    file = io.BytesIO()
    to_json(document, file)
    told = json.loads(file.getvalue())["tables"]
    named = {
        name: [{column: _text(cell) for column, cell in row.items()} for row in table["rows"]]
        for name, table in told.items()
    }
    return named, [[list(row.values()) for row in rows] for rows in named.values()]


def as_csv(document: Document) -> list[list[list[str]]]:
    file = io.BytesIO()
    to_csv(document, file)
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.endswith(".csv")]
        return [list(csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"))))[1:] for name in names]


def as_xlsx(document: Document) -> list[list[list[str]]]:
    file = io.BytesIO()
    to_xlsx(document, file)
    sheets = openpyxl.load_workbook(file).worksheets[: len(document.tables)]
    return [
        [[_text(cell) for cell in row] for row in sheet.iter_rows(min_row=HEADING_ROW + 2, values_only=True)]
        for sheet in sheets
    ]


def as_html(document: Document) -> list[list[list[str]]]:
    file = io.BytesIO()
    to_html(document, lambda _: "", file)
    reader = _Tables()
    reader.feed(file.getvalue().decode())
    return reader.found


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


class _Tables(HTMLParser):
    """The cells of each table of a page, without its headings."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[list[str]]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "table":
            self.found.append([])
        elif tag == "tr" and self.found:
            self.found[-1].append([])
        elif tag == "td":
            self.found[-1][-1].append("")
        self._in_cell = tag == "td"

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"
        if tag == "thead":
            self.found[-1] = []

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.found[-1][-1][-1] += data
