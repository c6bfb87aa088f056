"""Columns and values that documents share: groups in words, rates beside their counts, people who may be shown."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from api.exports.document import WITHHELD, Column, Value
from api.site.formats import Names, moment
from api.site.texts import Lang, has, text
from domain.figures.publication import OF_MEMBERS, PEOPLE, PEOPLE_MIN, Parts, Publication, sum_of_parts
from domain.inspection.wrong_clock import WrongClock
from domain.ledger.meaning import split
from domain.ledger.policy import Policy
from domain.ledger.rates import BODY_DIMENSION, RATES, Counts, Filters, Key, rates
from services.ledger.known import Evidence

NOTES: Final = (*(f"export.note.{name}" for name in RATES), "export.note.rounding", "export.note.clocks")


class Asked(NamedTuple):
    """What is exported: clocks, groups, filters, language and names.

    `public`: for publication; `address` asks the API for the same; `organizations`: list them too.
    """

    as_of: date
    known_at: int
    recorded_at: datetime | None
    group_by: tuple[str, ...]
    filters: Filters
    names: Names
    public: bool
    address: str
    organizations: bool = False

    @property
    def lang(self) -> Lang:
        """The document's language."""
        return self.names.lang


class Group(NamedTuple):
    """One group of a document, and what it has in the cells of what may be published."""

    key: Key
    counts: Counts
    parts: Parts


class Shown(NamedTuple):
    """How the counts of a table are shown: in which language, of which groups, and what may be published of people.

    `publication` is None for the office's own use; `parts` has what each group has in its cells.
    """

    names: Names
    group_by: tuple[str, ...]
    publication: Publication | None
    parts: Mapping[Key, Parts]

    @property
    def lang(self) -> Lang:
        """The document's language."""
        return self.names.lang

    def groups(self, found: Mapping[Key, Counts]) -> list[Group]:
        """The groups in order."""
        return [Group(key, counts, self.parts.get(key, {})) for key, counts in found.items()]

    def whole(self, total: Counts) -> Group:
        """All groups together."""
        return Group((), total, sum_of_parts(self.parts.values()))

    def counts(self, each: Group) -> dict[str, Value]:
        """The counts by name; those of people as they may be published, if this is for publication."""
        values: dict[str, Value] = dict(each.counts._asdict())
        if self.publication is not None:
            for name in (*PEOPLE, *OF_MEMBERS):
                if self.publication.withholds(name, each.parts):
                    values[name] = WITHHELD
        return values

    def key_columns(self) -> list[Column]:
        """The group in words, then the code of each dimension; words alone where there is no dimension."""
        if not self.group_by:
            return [Column("group", text(self.lang, "export.segment"), "text")]
        titles = {name: dimension_title(self.lang, name) for name in self.group_by}
        named = Column("group", " · ".join(titles.values()), "text")
        coded = [Column(name, text(self.lang, "export.code", name=title), "text") for name, title in titles.items()]
        return [named, *coded]

    def key_values(self, key: Key) -> list[Value]:
        """A group in words, then its codes."""
        if not self.group_by:
            return [text(self.lang, "export.everything")]
        words = (self.names.term(name, code) for name, code in zip(self.group_by, key, strict=True))
        return [" · ".join(words), *key]

    def total_values(self) -> list[Value]:
        """What stands in the row of the whole."""
        return [text(self.lang, "total"), *[None] * (len(self.key_columns()) - 1)]

    def rate_columns(self) -> list[Column]:
        """Each rate with its numerator and denominator beside it."""
        columns = []
        for name in RATES:
            title = text(self.lang, f"rate.{name}")
            columns += [
                Column(name, title, "percent", text(self.lang, f"export.note.{name}")),
                Column(f"{name}_numerator", text(self.lang, "export.numerator", name=title), "count"),
                Column(f"{name}_denominator", text(self.lang, "export.denominator", name=title), "count"),
            ]
        return columns

    def rate_values(self, each: Group) -> list[Value]:
        """The rates; one whose side is withheld is withheld."""
        counts = self.counts(each)
        values: list[Value] = []
        for name, (above, below) in RATES.items():
            sides = [counts[above], counts[below]]
            value = WITHHELD if WITHHELD in sides else rates(each.counts)[name].value
            values += [value, *sides]
        return values

    def count_columns(self) -> list[Column]:
        """All counts."""
        return [Column(name, text(self.lang, f"count.{name}"), "count") for name in Counts._fields]

    def notes(self) -> list[str]:
        """What every document of rates says of them."""
        notes = [text(self.lang, key) for key in NOTES]
        if self.publication is not None:
            notes.append(text(self.lang, "export.note.publication", below=PEOPLE_MIN - 1, range=PEOPLE_MIN))
        return notes


def dimension_title(lang: Lang, name: str) -> str:
    """What a dimension is called."""
    if name.startswith(BODY_DIMENSION):
        kind, number = split(name)
        title = text(lang, f"body_kind.{kind}")
        return title if number is None else text(lang, "body.level", kind=title, level=number)
    level = name.replace(":", ".")
    return text(lang, level if has(level) else name.partition(":")[0])


def sentence(lang: Lang, as_of: str, position: int, recorded_at: datetime | None, wrong: Sequence[WrongClock]) -> str:
    """What is shown, in words: 截至 2024-12-31，按日志位置 … 已知数据; and where the clock was wrong there."""
    told = text(lang, "export.sentence", as_of=as_of, position=position, recorded=moment(recorded_at))
    return " ".join([told, *doubts(lang, wrong)])


def doubts(lang: Lang, wrong: Sequence[WrongClock]) -> list[str]:
    """Where the database's clock was wrong, each with the position of the event that says so."""
    return [
        f"{text(lang, f'clock.wrong.{each.was}', first=each.first, last=each.last)} (#{each.position})"
        for each in wrong
    ]


def evidence_pairs(lang: Lang, evidence: Evidence, more: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a stranger needs to check a document's figures, then `more`, each under its name."""
    pairs = {"tree_size": str(evidence.tree_size), "root_hash": evidence.root_hash, "ruleset": evidence.ruleset}
    if evidence.read_by is not None:
        pairs["read_by"] = evidence.read_by
    return [(text(lang, f"export.evidence.{name}"), value) for name, value in {**pairs, **more}.items()]


def policy_text(lang: Lang, policy: Policy) -> str:
    """The policy in words."""
    formations = ", ".join(text(lang, f"formation.{each}") for each in policy.formations_counted)
    return text(
        lang, "export.policy", full_members=policy.full_members_for_branch, employees=policy.employees_for_branch,
        formations=formations,
    )  # fmt: skip


def filters_text(names: Names, filters: Filters) -> str:
    """Filters, or a segment, in words."""
    given = {name: value for name, value in filters._asdict().items() if value is not None}
    if not given:
        return text(names.lang, "export.everything")
    words = (names.term(name, value) for name, value in given.items())
    return " · ".join(words)


def dimensions_text(lang: Lang, group_by: Sequence[str]) -> str:
    """Dimensions in words."""
    return ", ".join(dimension_title(lang, name) for name in group_by) or "–"
