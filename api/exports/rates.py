"""The document of the rates at one pair of clocks."""

from api.exports.document import Chart, Document, Table
from api.exports.figures import Asked, Shown, dimensions_text, evidence_pairs, filters_text, policy_text, sentence
from api.exports.organizations import listed
from api.site.texts import text
from services.assessment.withholding import Withholding
from services.ledger.known import Evidence
from services.ledger.queries import Queries, Rates


def shown_groups(asked: Asked, withholding: Withholding | None) -> Shown:
    """How counts are shown; for publication the whole ledger decides what may be, whatever was asked for.

    Raises:
        InvalidValueError: for publication, of groups or filters that tell of organizations' people.
    """
    if withholding is None:
        return Shown(asked.names, asked.group_by, None, {})
    parts = withholding.parts(asked.group_by, asked.filters)
    return Shown(asked.names, asked.group_by, withholding.publication, parts)


def rates_document(queries: Queries, asked: Asked) -> Document:
    """Summary (the rates) and detail (all counts) of the groups and of the whole; the organizations where asked for.

    Raises:
        InvalidValueError: what `Withholding` and `shown_groups` refuse.
    """
    found = queries.rates(asked.as_of, asked.known_at, asked.group_by, asked.filters)
    shown = shown_groups(asked, Withholding(queries, asked.as_of, asked.known_at) if asked.public else None)
    wrong = queries.learn(asked.known_at).wrong
    sheets, more = listed(queries, asked, shown)
    keys = len(shown.key_columns())
    return Document(
        name=f"rates-{asked.as_of}",
        lang=asked.lang,
        title=text(asked.lang, "export.rates.title"),
        sentence=sentence(asked.lang, asked.as_of.isoformat(), asked.known_at, asked.recorded_at, wrong),
        tables=[summary(shown, found), detail(shown, found), *sheets],
        chart=Chart(text(asked.lang, "export.chart.rates"), 0, [keys, keys + 3]),
        evidence=_evidence(asked, found, queries.evidence(asked.known_at)),
        notes=[*shown.notes(), *more],
    )


def summary(shown: Shown, found: Rates) -> Table:
    """The rates of each group and of the whole."""
    rows = [[*shown.key_values(each.key), *shown.rate_values(each)] for each in shown.groups(found.groups)]
    total = [*shown.total_values(), *shown.rate_values(shown.whole(found.total))]
    columns = [*shown.key_columns(), *shown.rate_columns()]
    return Table("summary", text(shown.lang, "export.sheet.summary"), columns, [*rows, total], 1)


def detail(shown: Shown, found: Rates) -> Table:
    """All counts of each group and of the whole."""
    rows = [[*shown.key_values(each.key), *shown.counts(each).values()] for each in shown.groups(found.groups)]
    total = [*shown.total_values(), *shown.counts(shown.whole(found.total)).values()]
    columns = [*shown.key_columns(), *shown.count_columns()]
    return Table("detail", text(shown.lang, "export.sheet.detail"), columns, [*rows, total], 1)


def _evidence(asked: Asked, found: Rates, evidence: Evidence) -> list[tuple[str, str]]:
    more = {
        "policy": policy_text(asked.lang, found.policy), "group_by": dimensions_text(asked.lang, asked.group_by),
        "filters": filters_text(asked.names, asked.filters), "address": asked.address,
    }  # fmt: skip
    return evidence_pairs(asked.lang, evidence, more)
