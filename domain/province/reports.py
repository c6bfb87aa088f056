"""What a province was brought: reports that were checked, files that do not hold, and what was asked for."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from domain.events.facts import Fact
from domain.events.province import ASKED, REFUSED, REPORTED, Ground
from domain.values.instants import parse_date


class Head(NamedTuple):
    """The head of a city's log: how many events, and the root of their tree in hex."""

    size: int
    root_hash: str


class Report(NamedTuple):
    """A city's report that was checked and holds.

    Attributes:
        counts: by kind and name.
        supersedes: the report of the same city whose place it takes.
        taken_on: the day on which the province took it.
        position: of the event that says so, in the province's log.
    """

    city: str
    assessment: str
    as_of: date
    sealed_at: int
    known_at: int
    policy: Mapping[str, Any]
    ruleset: str
    counts: Mapping[str, Mapping[str, int]]
    supersedes: str | None
    unproved: int
    head: Head
    extends: Sequence[Head]
    file: str
    taken_on: date
    position: int


class Refusal(NamedTuple):
    """A file that a city signed and that does not hold; see `CityReportRefused`."""

    city: str
    ground: Ground
    words: str
    assessment: str
    as_of: date
    supersedes: str | None
    head: Head
    file: str
    position: int


class Asked(NamedTuple):
    """What was asked of every city."""

    report: str
    title: str
    as_of: date
    due_on: date
    policy: Mapping[str, Any]
    rulesets: Sequence[str]


class Brought(NamedTuple):
    """All of it: reports and refusals in the order of the cities' own logs, what was asked in the order of asking."""

    reports: list[Report]
    refusals: list[Refusal]
    asked: dict[str, Asked]


def brought(facts: Iterable[Fact]) -> Brought:
    """What facts in canonical order tell; those of other types are passed over."""
    reports: list[Report] = []
    refusals: list[Refusal] = []
    asked: dict[str, Asked] = {}
    for fact in facts:
        data = fact.data
        if fact.type == REPORTED:
            reports.append(_report(fact))
        elif fact.type == REFUSED:
            refusals.append(_refusal(fact))
        elif fact.type == ASKED:
            asked.pop(data["report"], None)
            asked[data["report"]] = Asked(
                data["report"], data["title"], parse_date(data["as_of"]), parse_date(data["due_on"]), data["policy"],
                data["rulesets"],
            )  # fmt: skip
    return Brought(
        sorted(reports, key=lambda each: (each.city, each.sealed_at, each.file)),
        sorted(refusals, key=lambda each: (each.city, each.head, each.file)),
        asked,
    )


def _report(fact: Fact) -> Report:
    data = fact.data
    counts = {each["kind"]: each["counts"] for each in data["counts"]}
    return Report(
        data["city"], data["assessment"], parse_date(data["as_of"]), data["sealed_at"], data["known_at"],
        data["policy"], data["ruleset"], counts, data.get("supersedes"), data["unproved"], _head(data["head"]),
        tuple(map(_head, data["extends"])), data["file"], fact.effective_on, fact.position,
    )  # fmt: skip


def _refusal(fact: Fact) -> Refusal:
    data = fact.data
    return Refusal(
        data["city"], data["ground"], data["words"], data["assessment"], parse_date(data["as_of"]),
        data.get("supersedes"), _head(data["head"]), data["file"], fact.position,
    )  # fmt: skip


def _head(data: Mapping[str, Any]) -> Head:
    return Head(data["size"], data["root_hash"])


def heads_of(found: Brought, city: str) -> list[Head]:
    """The heads of a city's log that were shown to be of one history, the largest last."""
    return sorted({report.head for report in found.reports if report.city == city})


def forked(found: Brought, city: str) -> list[Refusal]:
    """The refusals that a city's log was rewritten, but for heads that a later file joined to the others."""
    joined = {head for each in found.reports if each.city == city for head in (each.head, *each.extends)}
    return [
        each
        for each in found.refusals
        if each.city == city and each.ground == "log_rewritten" and each.head not in joined
    ]
