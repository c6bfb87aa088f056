"""`GET /v1/rates/export` and `/v1/assessments/{id}/export`: documents that offices take away."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.asking.clocks import Asked as AskedClocks
from api.asking.filters import Filtered, Grouped
from api.asking.questions import READING, Not, question
from api.assessment.assessments import AssessmentPath, Known, checked
from api.assessment.series import GROUPS_MAX
from api.exports.figures import Asked
from api.exports.files import Format, as_file
from api.exports.rates import rates_document
from api.exports.report import report_document
from api.site.addresses import Value, address
from api.site.figures import filtered
from api.site.formats import Names
from api.site.texts import Lang
from api.web.answers import NOT_FOUND, PROBLEMS
from api.web.parts import parts_of
from api.web.problems import invalid
from services.assessment.assessments import render

router = APIRouter(tags=["assessment"], responses=PROBLEMS)

AsFormat = Annotated[
    Format,
    Query(
        description="xlsx: a workbook; csv: a ZIP of CSV files with their CSVW metadata; json; html: ready to print."
    ),
]
In = Annotated[Lang, Query(description="The document's language.")]
Public = Annotated[
    bool,
    Query(description="For publication: small counts of people are withheld, those of one organization, and what would "
          "give them away. People are counted by kind and county alone; eligible organizations follow from them. Not "
          "with `measure` or `eligible`. Other counts of organizations stay."),
]  # fmt: skip
Listed = Annotated[
    bool,
    Query(description="List the organizations too, one row each with what the ledger says of them. For publication "
          "without anything of their people."),
]  # fmt: skip


@router.get(
    "/v1/rates/export",
    response_class=Response,
    summary="导出 Rates as a document",
)
@question(
    READING,
    "scoped",
    trail="export",
    command="export",
    page=Not("a file, linked from the overview"),
    forms=("xlsx", "csv", "json", "html"),
)
def get_rates(
    request: Request,
    clocks: AskedClocks,
    filters: Filtered,
    group_by: Grouped,
    *,
    format: AsFormat = "xlsx",  # noqa: A002 - the parameter's name
    lang: In = "zh",
    publication: Public = False,
    organizations: Listed = False,
) -> Response:
    """The rates at one pair of clocks: summary, all counts, the organizations if asked for, evidence, notes, a chart.

    Example: `/v1/rates/export?as_of=2024-12-31&group_by=kind&group_by=region:6&format=xlsx&lang=zh`
    """
    parts = parts_of(request)
    queries = parts.queries
    names = Names(lang, parts.regions.at(queries, clocks.position), clocks.as_of)
    pinned: dict[str, Value] = {"as_of": clocks.as_of.isoformat(), "known_at": clocks.position, "group_by": group_by}
    same = address("/v1/rates", {**pinned, **filtered(filters)})
    asked = Asked(
        clocks.as_of, clocks.position, clocks.recorded_at, group_by, filters, names, publication, same,
        organizations,
    )  # fmt: skip
    document = rates_document(queries, asked)
    rows = len(document.tables[0].listed)
    if rows > GROUPS_MAX:
        rule = f"a document has at most {GROUPS_MAX:,} groups, these are {rows:,}; take fewer dimensions or a filter"
        raise invalid("query.group_by", ", ".join(group_by), "groups_max", rule)
    return as_file(document, format, parts.drawer.draw)


@router.get(
    "/v1/assessments/{assessment}/export",
    response_class=Response,
    responses=NOT_FOUND,
    summary="导出报告 A sealed assessment as a document",
)
@question(
    READING,
    "whole",
    trail="export",
    command="export",
    page=Not("a file, linked from the report's page"),
    forms=("xlsx", "csv", "json", "html"),
)
def get_report(
    request: Request,
    known_at: Known,
    assessment: AssessmentPath,
    *,
    format: AsFormat = "xlsx",  # noqa: A002 - as above
    lang: In = "zh",
    publication: Public = False,
    organizations: Listed = False,
) -> Response:
    """The report as sealed: targets, groups, evidence with its checkpoint, and what became known until `known_at`.

    The organizations, if asked for, are rendered from the log at the report's own pair of clocks.

    Example: `/v1/assessments/assessment:2024-end/export?format=html&lang=zh`
    """
    parts = parts_of(request)
    queries = parts.queries
    found = render(queries, parts.recorder, checked(assessment), known_at)
    sealed = found.assessment.data
    recorded_at = queries.recorded_at(sealed["known_at"])
    names = Names(lang, parts.regions.at(queries, sealed["known_at"]), date.fromisoformat(sealed["as_of"]))
    same = address(f"/v1/assessments/{assessment}", {"known_at": known_at})
    document = report_document(
        queries, found, recorded_at, names, public=publication, address=same, organizations=organizations
    )
    return as_file(document, format, parts.drawer.draw)
