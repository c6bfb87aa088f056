"""The survey: visits beside the ledger, discrepancies with a proposal, a sample to visit again, and its accuracy."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple, get_args

from domain.events.facts import Fact
from domain.events.surveys import Problem
from domain.ledger.rows import Row
from domain.values.instants import parse_date

FINDINGS: Final = ("operation", "employees", "members", "owner", "branch_work", "problems")
Proposal = Literal["exclude", "correction", "registry_query"]


class Survey(NamedTuple):
    """A survey of the organizations that are active in a region at the end of `opened_on`."""

    survey: str
    name: str
    region: str
    kinds: Sequence[str] | None
    office: str
    opened_on: date
    due_on: date


class Visit(NamedTuple):
    """One visit; `unknown` describes an organization that no registry knows, `org` is None then."""

    visit: str
    survey: str
    grid: str
    org: str | None
    unknown: Mapping[str, Any] | None
    made_on: date
    findings: Mapping[str, Any]
    revisits: str | None
    position: int

    @property
    def is_clear(self) -> bool:
        """Whether all six findings are clear (六清)."""
        return all(self.findings[name]["clear"] for name in FINDINGS)


class Discrepancy(NamedTuple):
    """A finding that differs from the ledger, and what to do about it.

    Attributes:
        proposal: `exclude` it (not operating), a `correction` by its registry, or a `registry_query` to another.
    """

    visit: str
    org: str
    finding: str
    found: str | int
    ledger: str | int | None
    proposal: Proposal
    made_on: date
    position: int


def surveys(facts: Iterable[Fact]) -> dict[str, Survey]:
    """Every survey by its name; one that is opened again stays as it was opened first."""
    found: dict[str, Survey] = {}
    for each in facts:
        data = each.data
        if each.type == "taizhang.survey.opened.v1" and data["survey"] not in found:
            found[data["survey"]] = Survey(
                data["survey"], data["name"], data["region"], data.get("kinds"), data["office"], each.effective_on,
                parse_date(data["due_on"]),
            )  # fmt: skip
    return found


def visits(facts: Iterable[Fact], survey: str) -> list[Visit]:
    """The visits of a survey in canonical order; one of the same name again has no effect."""
    found: dict[str, Visit] = {}
    for each in facts:
        data = each.data
        if each.type == "taizhang.visit.made.v1" and data["survey"] == survey and data["visit"] not in found:
            found[data["visit"]] = Visit(
                data["visit"], survey, data["grid"], data.get("org"), data.get("unknown"), each.effective_on,
                data["findings"], data.get("revisits"), each.position,
            )  # fmt: skip
    return list(found.values())


def last_visits(made: Iterable[Visit]) -> dict[str, Visit]:
    """By organization its last visit, visits made again for the sample left out."""
    return {visit.org: visit for visit in made if visit.org is not None and visit.revisits is None}


class Finding(NamedTuple):
    """One of the six findings as it is shown."""

    finding: str
    clear: bool
    value: str | int | None


def shown_findings(visit: Visit) -> list[Finding]:
    """The six findings of a visit, without what no event carries any more: of the owner, and in words of one's own."""
    found = []
    for name in FINDINGS:
        clear, value = visit.findings[name]["clear"], visit.findings[name].get("value")
        if name == "owner" or (name == "problems" and value not in get_args(Problem)):
            value = None
        found.append(Finding(name, clear, value))
    return found


def branch_work(row: Row) -> str:
    """What the ledger has of an organization's branch work, in the words of the finding."""
    return row.formation or ("instructor" if row.work_covered else "none")


def discrepancies(visit: Visit, row: Row | None) -> list[Discrepancy]:
    """What a visit found otherwise than the ledger has it.

    Args:
        visit: of a known organization.
        row: the organization's row at the end of the day of the visit; None while it is not active.
    """
    if visit.org is None or row is None:
        return []
    values = {name: visit.findings[name].get("value") for name in FINDINGS if visit.findings[name]["clear"]}
    found: list[tuple[str, str | int, str | int | None, Proposal]] = []
    operation = values["operation"] if "operation" in values else visit.findings["operation"].get("value")
    if operation in ("suspended", "closed", "not_found") and row.excluded is None:
        found.append(("operation", operation, "operating", "exclude"))
    if operation == "operating" and row.excluded == "not_operating":
        found.append(("operation", operation, row.excluded, "correction"))
    if values.get("employees") is not None and values["employees"] != row.attributes.employees:
        found.append(("employees", values["employees"], row.attributes.employees, "correction"))
    if values.get("members") is not None and values["members"] != row.full_members:
        found.append(("members", values["members"], row.full_members, "registry_query"))
    work = branch_work(row)
    if values.get("branch_work") is not None and values["branch_work"] != work:
        found.append(("branch_work", values["branch_work"], work, "registry_query"))
    return [Discrepancy(visit.visit, visit.org, *each, visit.made_on, visit.position) for each in found]


def sample(made: Iterable[Visit], size: int, seed: str) -> list[Visit]:
    """The visits to make again: the same visits, size and seed give the same sample, whoever draws it.

    By the SHA-256 of seed and visit, so each visit is as likely as any other.
    """
    first = last_visits(made).values()
    return sorted(first, key=lambda v: hashlib.sha256(f"{seed}\n{v.visit}".encode()).digest())[:size]


class Agreement(NamedTuple):
    """Of the visits made again, how many found the same; by finding, and `all_six`."""

    finding: str
    agreed: int
    revisited: int


def agreements(made: Sequence[Visit]) -> list[Agreement]:
    """How far the visits made again agree with those that they look at."""
    by_name = {visit.visit: visit for visit in made}
    pairs = [(by_name[v.revisits], v) for v in made if v.revisits is not None and v.revisits in by_name]
    found = [
        Agreement(name, sum(a.findings[name] == b.findings[name] for a, b in pairs), len(pairs)) for name in FINDINGS
    ]
    whole = sum(all(a.findings[name] == b.findings[name] for name in FINDINGS) for a, b in pairs)
    return [Agreement("all_six", whole, len(pairs)), *found]
