"""Assessments: sealed into the log, and rendered again from it."""

from collections.abc import Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, NamedTuple

import orjson

from domain.assessment import assessments as domain_assessments
from domain.assessment.assessments import Assessment, Assessments, Difference, differences
from domain.assessment.campaigns import segment_of
from domain.events.assessment import GROUPS_MAX
from domain.ledger.policy import Policy
from domain.ledger.rates import Filters, Rate
from services.assessment.campaigns import TargetStanding, Verdict, find_campaign, standings
from services.inspection.known_since import Since, known_since
from services.ledger.ledger_at import LedgerAt
from services.ledger.queries import Queries
from services.ledger.traces import events_about
from services.log.recorder import LogRecorder
from services.system.errors import AlreadyEndedError, InvalidValueError, NotFoundError
from services.system.settings import SHANGHAI

SOURCE: Final = "/taizhang/assessment"
DIFFERENCES_MAX: Final = 100
SEGMENT: Final = ("region", "kind", "category", "industry")
Document = dict[str, Any]


class Wanted(NamedTuple):
    """What is to be sealed; `supersedes` is a report that it takes the place of, with the reason."""

    assessment: str
    title: str
    office: str
    campaign: str
    as_of: date
    known_at: int
    group_by: tuple[str, ...]
    segment: Filters
    supersedes: str | None
    reason: str | None


class Rendered(NamedTuple):
    """A sealed report, rendered again from the log, and what became known since.

    Attributes:
        assessment: as sealed.
        rendered: the policy, targets, groups and total, and the root of the log's tree, as they are rendered now.
        identical: whether they are the same as sealed.
        differences: the first DIFFERENCES_MAX that are not.
        ruleset: the rules that rendered it now.
        known_at: the position up to which `since` looks.
        since: what has become known.
        as_known_now: the same as `rendered`, as known at `known_at`; None where its campaign was taken back.
    """

    assessment: Assessment
    rendered: Document
    identical: bool
    differences: list[Difference]
    ruleset: str
    known_at: int
    since: Since
    as_known_now: Document | None


def assessments(queries: Queries, known_at: int) -> Assessments:
    """The sealed reports known at a position."""
    with queries.connection() as connection:
        events = events_about(connection, queries.view.current.reading, ["assessment"], known_at)
    return domain_assessments.assessments(events)


def find_assessment(queries: Queries, name: str, known_at: int) -> Assessment:
    """One report.

    Raises:
        NotFoundError: none of this name is known then.
    """
    found = assessments(queries, known_at).assessments.get(name)
    if found is None:
        raise NotFoundError(
            f"no assessment {name} was sealed, as known at position {known_at}; GET /v1/assessments lists them"
        )
    return found


def events_to_seal(
    queries: Queries, recorder: LogRecorder, wanted: Wanted, checkpoint: str, now: datetime
) -> list[bytes]:
    """The events that seal a report, to be taken in together: the report, and what it supersedes.

    Raises:
        NotFoundError: the campaign, or the report that it supersedes, is not known.
        AlreadyEndedError: a report of this name is sealed, or the other one is superseded already.
        InvalidValueError: more than GROUPS_MAX groups.
    """
    known = assessments(queries, queries.position).assessments
    if wanted.assessment in known:
        raise AlreadyEndedError(f"{wanted.assessment} is sealed and never changed; seal another that supersedes it")
    if wanted.supersedes is not None:
        before = find_assessment(queries, wanted.supersedes, queries.position)
        if before.superseded is not None:
            raise AlreadyEndedError(f"{wanted.supersedes} is superseded by {before.superseded.by} already")
    results = _results(queries, recorder, wanted)
    if len(results["groups"]) > GROUPS_MAX:
        raise InvalidValueError(
            f"{len(results['groups'])} groups, but a report holds at most {GROUPS_MAX}; take coarser dimensions"
        )
    on = now.astimezone(SHANGHAI).date().isoformat()
    sealed = {
        "effective_on": on, "assessment": wanted.assessment, "title": wanted.title, "office": wanted.office,
        "campaign": wanted.campaign, "as_of": wanted.as_of.isoformat(), "known_at": wanted.known_at,
        "group_by": list(wanted.group_by), "segment": _segment(wanted.segment), **results,
        "ruleset": queries.ruleset_to_seal(), "checkpoint": checkpoint,
    }  # fmt: skip
    events = [_event(wanted.assessment, "sealed", sealed, now)]
    if wanted.supersedes is not None:
        told = {"effective_on": on, "assessment": wanted.supersedes, "by": wanted.assessment, "reason": wanted.reason}
        events.append(_event(f"{wanted.supersedes} superseded", "superseded", told, now))
    return events


def _event(id_: str, name: str, data: Document, now: datetime) -> bytes:
    time = now.astimezone(SHANGHAI).isoformat(timespec="milliseconds")
    return orjson.dumps(
        {"specversion": "1.0", "id": id_, "source": SOURCE, "type": f"taizhang.assessment.{name}.v1", "time": time,
         "subject": data["assessment"], "data": data}
    )  # fmt: skip


def render(queries: Queries, recorder: LogRecorder, name: str, known_at: int) -> Rendered:
    """A sealed report rendered again at its own pair of clocks, and what became known from then to `known_at`.

    Raises:
        NotFoundError: no such report is known at that position.
        InvalidValueError: too many events lie between.
    """
    found = find_assessment(queries, name, known_at)
    wanted = _wanted(found.data)
    rendered = _results(queries, recorder, wanted)
    try:
        as_known_now = _results(queries, recorder, wanted._replace(known_at=known_at))
    except NotFoundError:
        as_known_now = None
    differ = list(islice(differences({each: found.data[each] for each in rendered}, rendered), DIFFERENCES_MAX))
    return Rendered(
        found, rendered, not differ, differ, queries.view.current.version.ruleset, known_at,
        known_since(LedgerAt(queries, wanted.as_of, known_at), wanted.known_at, wanted.segment), as_known_now,
    )  # fmt: skip


def _wanted(data: Mapping[str, Any]) -> Wanted:
    return Wanted(
        data["assessment"], data["title"], data["office"], data["campaign"], date.fromisoformat(data["as_of"]),
        data["known_at"], tuple(data["group_by"]), segment_of(data["segment"]), None, None,
    )  # fmt: skip


def _results(queries: Queries, recorder: LogRecorder, wanted: Wanted) -> Document:
    """What a report fixes, as its event holds it."""
    as_of, known_at = wanted.as_of, wanted.known_at
    campaign = find_campaign(queries, wanted.campaign, as_of, known_at)
    found = queries.rates(as_of, known_at, wanted.group_by, wanted.segment)
    return {
        "policy": _policy(found.policy),
        "targets": [_target(each) for each in standings(queries, recorder, campaign, as_of, known_at)],
        "groups": [{"key": list(key), "counts": counts._asdict()} for key, counts in found.groups.items()],
        "total": found.total._asdict(),
        "root_hash": queries.evidence(known_at).root_hash,
    }


def _policy(policy: Policy) -> Document:
    return {**policy._asdict(), "formations_counted": list(policy.formations_counted)}


def _segment(segment: Filters) -> Document:
    return {name: getattr(segment, name) for name in SEGMENT}


def _target(each: TargetStanding) -> Document:
    target, stands = each.target, each.progress
    return {
        "target": target.target, "rate": target.rate, "comparator": target.comparator, "value": target.value,
        "due_on": target.due_on.isoformat(), "office": target.office, **_segment(target.segment),
        "start": _rate(stands.start), "now": _rate(stands.rate), "required": stands.required,
        "missing": stands.missing, "organizations_missing": each.organizations_missing, "reached": stands.reached,
        "as_known_then": _verdict(each.as_known_then), "as_known_now": _verdict(each.as_known_now),
    }  # fmt: skip


def _rate(rate: Rate) -> Document:
    return {"numerator": rate.numerator, "denominator": rate.denominator}


def _verdict(verdict: Verdict | None) -> Document | None:
    if verdict is None:
        return None
    return {
        **_rate(verdict.rate), "known_at": verdict.known_at, "basis": verdict.basis, "reached": verdict.reached
    }  # fmt: skip
