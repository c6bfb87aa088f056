"""A report sealed into the log, as the API and the page ask for it."""

from datetime import UTC, datetime

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.asking.clocks import read_date, settled_position, wait_for
from api.asking.filters import Dimension
from api.evidence.log import signer
from api.web.parts import Parts, parts_of
from api.web.problems import Problem, faults, invalid
from api.web.publishing import submit
from domain.ledger.rates import Filters
from domain.values.fields import AssessmentId, CampaignId, Name, OfficeId, Reason, Segment
from services.assessment.assessments import SEGMENT, Wanted, events_to_seal
from services.evidence.notes.signing import LogContradictsError
from services.log.messages import Publisher, Receipt


class Seal(BaseModel):
    """What to seal. With `supersedes` it takes the place of an earlier report, for a stated reason."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"assessment": "assessment:2024-end", "title": "2024 年末考核", "office": "office:assessment",
                 "campaign": "campaign:2024-coverage", "as_of": "2024-12-31", "group_by": ["kind", "region:6"]}
            ]
        },
    )  # fmt: skip

    assessment: AssessmentId
    title: Name
    office: OfficeId
    campaign: CampaignId
    as_of: str = Field(max_length=40, description="the date whose end is assessed, YYYY-MM-DD")
    known_at: str | None = Field(
        default=None, max_length=40, description="a position, or an RFC 3339 instant; the latest if left out"
    )
    group_by: list[Dimension] = Field(default=[], max_length=5)
    segment: Segment = Field(default=Segment(), description="the organizations that the groups are of")
    supersedes: AssessmentId | None = None
    reason: Reason | None = None


async def sealed(request: Request, holder: str, body: Seal) -> int:
    """Seal a report for a holder; the position of its last event, which the projections have reached.

    Raises:
        Problem: what it asks for is not so, or a report of its name is sealed already.
    """
    parts = parts_of(request)
    wanted = await _wanted(parts, body)

    def events() -> list[bytes]:
        with parts.recorder.datastore.get_connection() as connection:
            checkpoint = signer(request).checkpoint(connection).decode()
        return events_to_seal(parts.queries.pinned(), parts.recorder, wanted, checkpoint, datetime.now(UTC))

    try:
        made = await run_in_threadpool(events)
    except LogContradictsError as error:
        raise Problem("internal", str(error)) from error
    position = _accepted(body.assessment, await submit(request, Publisher(holder), made))
    await wait_for(parts, position)
    return position


async def _wanted(parts: Parts, body: Seal) -> Wanted:
    if len(set(body.group_by)) != len(body.group_by):
        raise invalid("body.group_by", ", ".join(body.group_by), "dimension_repeated", "each dimension stands once")
    if (body.supersedes is None) != (body.reason is None):
        raise invalid("body.reason", body.reason, "reason", "supersedes and its reason stand together")
    as_of = read_date("as_of", body.as_of)
    position = await settled_position(parts, body.known_at)
    segment = Filters(**{name: getattr(body.segment, name) for name in SEGMENT})
    return Wanted(
        body.assessment, body.title, body.office, body.campaign, as_of, position, tuple(body.group_by), segment,
        body.supersedes, body.reason,
    )  # fmt: skip


def _accepted(name: str, receipts: list[Receipt]) -> int:
    """The last position; a Problem where the report was not taken in."""
    reasons = [reason for receipt in receipts for reason in receipt.reasons]
    if any(reason.rule == "conflict" for reason in reasons) or receipts[0].disposition == "duplicate":
        raise Problem("already-ended", f"{name} was sealed at the same moment by somebody else; take another name")
    if reasons:
        raise Problem("invalid-request", reasons[0].message, errors=faults(reasons))
    return max(receipt.position or 0 for receipt in receipts)
