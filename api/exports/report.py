"""The document of a sealed assessment: its targets, its groups, and what became known since."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache, partial
from typing import Any, Final

from api.exports.document import WITHHELD, Chart, Column, Document, Kind, Table, Value
from api.exports.figures import Asked, dimensions_text, filters_text, policy_text, sentence
from api.exports.organizations import listed
from api.exports.rates import detail, shown_groups
from api.exports.rates import summary as rates_of_groups
from api.site.formats import Names, whole
from api.site.texts import Lang, text
from domain.assessment.campaigns import relative_of, sealed_target, segment_of
from domain.figures.publication import OF_MEMBERS, PEOPLE, tells_of_people
from domain.ledger.policy import read_policy
from domain.ledger.rates import RATES, Filters, read_counts, read_rate
from services.assessment.assessments import Rendered
from services.assessment.withholding import Withholding
from services.inspection.known_since import COUNTED, Since, SourceSince
from services.ledger.queries import Queries, Rates
from services.system.errors import InvalidValueError

# A target's first columns: the name, the heading's text, the kind.
_OF_TARGETS: Final[tuple[tuple[str, str, Kind], ...]] = (
    ("target", "target", "text"), ("segment", "segment", "text"), ("rate", "rate", "text"),
    ("comparator", "comparator", "text"), ("value", "asked", "percent"), ("due_on", "due_on", "date"),
    ("office", "office", "text"), ("reached", "reached", "text"), ("now", "now", "percent"),
)  # fmt: skip


def report_document(
    queries: Queries, found: Rendered, recorded_at: datetime | None, names: Names, *, public: bool, address: str,
    organizations: bool,
) -> Document:  # fmt: skip
    """The report as it was sealed; what is rendered now stands in the evidence, as identical or not.

    Its organizations, where they are asked for, are rendered from the log at the report's own pair of clocks.

    Raises:
        InvalidValueError: what `Withholding` and `shown_groups` refuse; for publication, a
            report that the log does not render as it was sealed.
    """
    if public and not found.identical:
        raise InvalidValueError(
            f"what may be published of {found.assessment.assessment} is decided by the log, which does not render it "
            "as it was sealed (GET the report: differences); seal another that supersedes it"
        )
    data, lang = found.assessment.data, names.lang
    as_of, group_by = date.fromisoformat(data["as_of"]), tuple(data["group_by"])
    asked = Asked(
        as_of, data["known_at"], recorded_at, group_by, segment_of(data["segment"]), names, public, address,
        organizations,
    )  # fmt: skip
    withholding = Withholding(queries, as_of, asked.known_at) if public else None
    shown = shown_groups(asked, withholding)
    groups = {tuple(each["key"]): read_counts(each["counts"]) for each in data["groups"]}
    sealed = Rates(groups, read_counts(data["total"]), read_policy(data["policy"]))
    by_group = rates_of_groups(shown, sealed)._replace(name="groups", title=text(lang, "export.sheet.groups"))
    sheets, more = listed(queries, asked, shown)
    notes = [text(lang, f"export.note.{name}") for name in ("required", "then", "since")]
    return Document(
        name=found.assessment.assessment.replace(":", "-"),
        lang=lang,
        title=text(lang, "export.report.title", title=data["title"]),
        sentence=sentence(lang, data["as_of"], data["known_at"], recorded_at, queries.learn(data["known_at"]).wrong),
        tables=[
            _targets(names, data, Sides(queries, public=public)), by_group, detail(shown, sealed),
            _since(lang, found.since, public=public), *sheets,
        ],
        chart=Chart(text(lang, "export.chart.targets"), 0, [4, 8]),
        evidence=_evidence(lang, found, asked),
        notes=[*notes, *shown.notes(), *more],
    )  # fmt: skip


class Sides:
    """Which sides of a segment's rate may be shown, at any pair of clocks; all, where it is not for publication."""

    def __init__(self, queries: Queries, *, public: bool) -> None:
        self.public = public
        self._at = lru_cache(maxsize=None)(partial(Withholding, queries))

    def shows(self, rate: str, segment: Filters, as_of: date, known_at: int) -> tuple[bool, bool]:
        """Whether numerator and denominator may be shown."""
        if not self.public:
            return True, True
        above, below = RATES[rate]
        telling = tells_of_people((), segment)
        # Whom a basis counts follows from its employees, so that its organizations are no plain count.
        if "basis" in telling:
            return False, False
        if not {above, below} & {*PEOPLE, *OF_MEMBERS}:
            return True, True
        if telling:
            return False, False
        found = self._at(as_of, known_at)
        parts = found.parts((), segment).get((), {})
        return not found.publication.withholds(above, parts), not found.publication.withholds(below, parts)


def _targets(names: Names, data: Mapping[str, Any], sides: Sides) -> Table:
    lang = names.lang
    columns = [Column(name, text(lang, f"export.{title}"), kind) for name, title, kind in _OF_TARGETS]
    now = text(lang, "export.now")
    columns += [
        Column("numerator", text(lang, "export.numerator", name=now), "count"),
        Column("denominator", text(lang, "export.denominator", name=now), "count"),
        Column("required", text(lang, "export.required"), "count"),
        Column("missing", text(lang, "export.missing"), "count"),
        Column("as_known_then", text(lang, "export.then"), "text"),
        Column("as_known_now", text(lang, "export.then.now"), "text"),
    ]
    rows = [_target(names, each, data, sides) for each in data["targets"]]
    return Table("summary", text(lang, "export.sheet.summary"), columns, rows)


def _target(names: Names, each: Mapping[str, Any], report: Mapping[str, Any], sides: Sides) -> list[Value]:
    lang, rate, segment, due_on = names.lang, each["rate"], segment_of(each), date.fromisoformat(each["due_on"])
    # Where a side is withheld, so is what bounds it: the rate, what is required and missing, and whether it is reached.
    own = sides.shows(rate, segment, date.fromisoformat(report["as_of"]), report["known_at"])
    asked: Value = sealed_target(each).as_rate.value
    # What is asked follows from the base's rate: for publication it is withheld, and so is whether it is reached.
    if relative_of(each) is not None and sides.public:
        asked, own = WITHHELD, (False, False)
    stood = read_rate(each["now"])
    above, below = (side if shown else WITHHELD for side, shown in zip(stood[:2], own, strict=True))
    now: list[Value] = [WITHHELD, WITHHELD, above, below, WITHHELD, WITHHELD]
    if all(own):
        reached = _reached(lang, each["reached"], "stands")
        now = [reached, stood.value, above, below, each["required"], each["missing"]]
    # Between the clocks of a verdict and the report's the same people may stand: what the report withholds, both do.
    verdicts: list[Value] = [
        _verdict(lang, verdict)
        if verdict is None or all((*own, *sides.shows(rate, segment, due_on, verdict["known_at"])))
        else WITHHELD
        for verdict in (each["as_known_then"], each["as_known_now"])
    ]
    return [
        each["target"], filters_text(names, segment), text(lang, f"rate.{rate}"),
        text(lang, f"export.comparator.{each['comparator']}"), asked, due_on, each["office"], *now, *verdicts,
    ]  # fmt: skip


def _reached(lang: Lang, reached: bool | None, word: str = "verdict") -> str:  # noqa: FBT001 - a value of the report
    return text(lang, f"export.{word}.{'null' if reached is None else str(reached).lower()}")


def _verdict(lang: Lang, verdict: Mapping[str, Any] | None) -> str | None:
    if verdict is None:
        return None
    return f"{_reached(lang, verdict['reached'])} {whole(read_rate(verdict).numerator)} / {verdict['denominator']:,}"


def _since(lang: Lang, since: Since, *, public: bool) -> Table:
    columns = [
        Column("source", text(lang, "export.source"), "text"), Column("events", text(lang, "export.events"), "count"),
        Column("organizations", text(lang, "export.organizations"), "count"),
    ]  # fmt: skip
    for name in COUNTED:
        title = text(lang, f"count.{name}")
        columns += [
            Column(f"{name}_{way}", text(lang, f"export.{way}", name=title), "count") for way in ("into", "out")
        ]

    def row(each: SourceSince | Since, source: str, events: int | None) -> list[Value]:
        values: list[Value] = [source, events, each.organizations]
        for name in COUNTED:
            values += [WITHHELD] * 2 if public and name in OF_MEMBERS else [*each.counts[name]]
        return values

    rows = [row(each, each.source, each.events) for each in since.sources]
    total = row(since, text(lang, "export.source.all"), None)
    return Table("since", text(lang, "export.sheet.since"), columns, [*rows, total], 1)


def _evidence(lang: Lang, found: Rendered, asked: Asked) -> list[tuple[str, str]]:
    sealed = found.assessment
    data, replaced = sealed.data, sealed.superseded
    count = len(found.differences)
    identical = text(lang, "export.identical")
    if not found.identical:
        identical = text(lang, "export.different", count=count, first=found.differences[0].at)
    pairs = {
        "assessment": sealed.assessment, "sealed_on": sealed.sealed_on.isoformat(), "position": str(sealed.position),
        "office": data["office"], "campaign": data["campaign"], "identical": identical,
        "superseded": text(lang, "export.superseded", by=replaced.by, reason=replaced.reason) if replaced else "–",
        "policy": policy_text(lang, read_policy(data["policy"])), "group_by": dimensions_text(lang, asked.group_by),
        "filters": filters_text(asked.names, asked.filters), "tree_size": str(data["known_at"]),
        "root_hash": data["root_hash"], "ruleset": data["ruleset"], "checkpoint": data["checkpoint"],
        "address": asked.address,
    }  # fmt: skip
    return [(text(lang, f"export.evidence.{name}"), value) for name, value in pairs.items()]
