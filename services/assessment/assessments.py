"""Assessments: sealed into the log, and rendered again from it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, NamedTuple

import orjson
from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.assessment import assessments as domain_assessments
from domain.assessment.assessments import Assessment, Assessments, Difference, differences, not_sealed
from domain.assessment.campaigns import Asked, Target, segment_of, told_segment
from domain.events.assessment import GROUPS_MAX, SEALED
from domain.events.facts import Event
from domain.ledger.policy import Policy
from domain.ledger.rates import Filters, written, written_rate
from services.assessment.campaigns import TargetStanding, Verdict, find_campaign, standings
from services.inspection.known_since import Since, known_since
from services.intake.in_turn import Grounds, Matters
from services.ledger.ledger_at import LedgerAt
from services.ledger.queries import Queries
from services.ledger.traces import events_about
from services.log.recorder import LogRecorder
from services.log.turns import Turn
from services.system.errors import AlreadyEndedError, InvalidValueError, NotFoundError
from services.system.settings import SHANGHAI

SOURCE: Final = "/taizhang/assessment"
# Of the types that speak of reports.
FAMILY: Final = "assessment"
DIFFERENCES_MAX: Final = 100
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
        events = events_about(connection, queries.view.current.reading, [FAMILY], known_at)
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


class Draft:
    """A report made ready to be sealed: its event, and what decides in the turn whether it may be.

    Attributes:
        wanted: what was asked for.
        event: as it is published.
        grounds: the position up to which `_known` has what was said of reports.
    """

    def __init__(self, queries: Queries, recorder: LogRecorder, wanted: Wanted, checkpoint: str) -> None:
        """Make it; `checkpoint` is of a tree that holds the position that it is known at.

        Raises:
            NotFoundError: the campaign, or the report that it supersedes, is not known.
            AlreadyEndedError: a report of this name is sealed, or the other one is superseded already.
            InvalidValueError: more than GROUPS_MAX groups.
        """
        position = queries.position
        self.wanted = wanted
        self.grounds = Grounds(position, Matters(families=frozenset({FAMILY})))
        with queries.connection() as connection:
            self._known = events_about(connection, queries.view.current.reading, [FAMILY], position)
        _check(wanted, self._known)
        self.event = _sealed(wanted, _results(queries, recorder, wanted), queries, checkpoint, datetime.now(SHANGHAI))

    def check(self, cursor: Cursor[TupleRow], turn: Turn) -> None:
        """Whether it may be sealed at the end of the log as it is in the turn; raises as the making does."""
        _check(self.wanted, [*self._known, *self.grounds.came(cursor, turn)])


def _check(wanted: Wanted, events: Sequence[Event]) -> None:
    """Whether a report may be sealed after these events, which are all that speak of reports."""
    known = domain_assessments.assessments(events).assessments
    match not_sealed(known, wanted.assessment, wanted.supersedes):
        case "already_sealed":
            at = known[wanted.assessment].position
            raise AlreadyEndedError(
                f"{wanted.assessment} is sealed at position {at} and never changed; nothing more was stored. Seal "
                "another that supersedes it"
            )
        case "not_sealed":
            raise NotFoundError(f"no assessment {wanted.supersedes} was sealed; GET /v1/assessments lists them")
        case "already_superseded":
            before = known[str(wanted.supersedes)].superseded
            assert before is not None  # noqa: S101 - that is what the fault says
            raise AlreadyEndedError(
                f"{wanted.supersedes} is superseded by {before.by} already, since position {before.position}; nothing "
                f"was stored. Seal a report that supersedes {before.by}"
            )


def _sealed(wanted: Wanted, results: Document, queries: Queries, checkpoint: str, now: datetime) -> bytes:
    if len(results["groups"]) > GROUPS_MAX:
        raise InvalidValueError(
            f"{len(results['groups'])} groups, but a report holds at most {GROUPS_MAX}; take coarser dimensions"
        )
    data: Document = {
        "effective_on": now.date().isoformat(), "assessment": wanted.assessment, "title": wanted.title,
        "office": wanted.office, "campaign": wanted.campaign, "as_of": wanted.as_of.isoformat(),
        "known_at": wanted.known_at, "group_by": list(wanted.group_by),
        "segment": told_segment(wanted.segment), **results,
        "ruleset": queries.ruleset_to_seal(), "checkpoint": checkpoint,
    }  # fmt: skip
    if wanted.supersedes is not None:
        data |= {"supersedes": wanted.supersedes, "reason": wanted.reason}
    return orjson.dumps(
        {"specversion": "1.0", "id": wanted.assessment, "source": SOURCE, "type": SEALED,
         "time": now.isoformat(timespec="milliseconds"), "subject": wanted.assessment, "data": data}
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
    fixed = {each: found.data[each] for each in rendered}
    fixed["targets"] = [_in_these_words(target) for target in fixed["targets"]]
    differ = list(islice(differences(fixed, rendered), DIFFERENCES_MAX))
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
        "groups": [{"key": list(key), "counts": written(counts)} for key, counts in found.groups.items()],
        "total": written(found.total),
        "root_hash": queries.evidence(known_at).root_hash,
    }


def _policy(policy: Policy) -> Document:
    return {**policy._asdict(), "formations_counted": list(policy.formations_counted)}


def _target(each: TargetStanding) -> Document:
    target, stands = each.target, each.progress
    return {
        "target": target.target, "rate": target.rate, "comparator": target.comparator, **_aim(target),
        "due_on": target.due_on.isoformat(), "office": target.office, **told_segment(target.segment),
        "start": written_rate(stands.start), "now": written_rate(stands.rate), "required": stands.required,
        "missing": stands.missing, "organizations_missing": each.organizations_missing, "reached": stands.reached,
        "as_known_then": _verdict(each.as_known_then), "as_known_now": _verdict(each.as_known_now),
        **_asked(each.target.asked),
    }  # fmt: skip


def _aim(target: Target) -> Document:
    """What a target asks for, as its event says it."""
    if target.relative is None:
        return {"value": target.value}
    said = target.relative._asdict() | {"base_on": target.relative.base_on and target.relative.base_on.isoformat()}
    return {name: value for name, value in said.items() if value is not None}


def _asked(asked: Asked | None) -> Document:
    """What a relative target was measured against; of an absolute one, nothing."""
    if asked is None or asked.base is None:
        return {}
    return {"asked": {**written_rate(asked.base), "points": asked.points}}


def _in_these_words(target: Document) -> Document:
    """A sealed target; older reports call the basis `recorded` by the name of its column."""
    then = target["as_known_then"]
    if then is None or then["basis"] != "recorded_at":
        return target
    return {**target, "as_known_then": {**then, "basis": "recorded"}}


def _verdict(verdict: Verdict | None) -> Document | None:
    if verdict is None:
        return None
    return {
        **written_rate(verdict.rate), "known_at": verdict.known_at, "basis": verdict.basis, "reached": verdict.reached,
        **_asked(verdict.asked),
    }  # fmt: skip
