"""A report sealed into the log, as the API and the page ask for it."""

from contextlib import suppress

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.asking.clocks import read_date, settled_position, wait_for
from api.asking.filters import Dimension
from api.evidence.log import signer
from api.web.parts import Parts, parts_of
from api.web.problems import Problem, invalid
from api.web.publishing import publish_act
from domain.assessment.campaigns import segment_of
from domain.values.fields import AssessmentId, CampaignId, Name, OfficeId, Reason, Segment
from services.access.callers import Holder
from services.assessment.assessments import Draft, Wanted
from services.evidence.notes.identity import NothingSignedError


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


async def sealed(request: Request, holder: Holder, body: Seal) -> int:
    """Seal a report for a holder; the position of its event.

    The projections have mostly reached it; where they are slow, the report is sealed all the same.

    Raises:
        Problem: what it asks for is not so.
        AlreadyEndedError, NotFoundError: a report of its name is sealed already, or it cannot supersede the other.
    """
    parts = parts_of(request)
    wanted = await _wanted(parts, body)

    def seal_it() -> int:
        with parts.recorder.datastore.get_connection() as connection:
            checkpoint = signer(request).checkpoint(connection, wanted.known_at).decode()
        draft = Draft(parts.queries.pinned(), parts.recorder, wanted, checkpoint)
        return publish_act(request, holder.publisher(), draft)

    try:
        position = await run_in_threadpool(seal_it)
    except NothingSignedError as error:
        raise Problem("internal", str(error)) from error
    with suppress(Problem):
        await wait_for(parts, position)
    return position


async def _wanted(parts: Parts, body: Seal) -> Wanted:
    if len(set(body.group_by)) != len(body.group_by):
        raise invalid("body.group_by", ", ".join(body.group_by), "dimension_repeated", "each dimension stands once")
    if (body.supersedes is None) != (body.reason is None):
        raise invalid("body.reason", body.reason, "reason", "supersedes and its reason stand together")
    as_of = read_date("as_of", body.as_of)
    position = await _known_at(parts, body.known_at)
    segment = segment_of(body.segment.model_dump())
    return Wanted(
        body.assessment, body.title, body.office, body.campaign, as_of, position, tuple(body.group_by), segment,
        body.supersedes, body.reason,
    )  # fmt: skip


async def _known_at(parts: Parts, asked: str | None) -> int:
    """The position that a report is known at, reached; the log's end if left out, so that it holds all that was said.

    Raises:
        Problem: 503, the projections have not reached it; nothing is sealed.
    """
    if asked is not None:
        return await settled_position(parts, asked, "known_at")
    head, _ = await run_in_threadpool(parts.recorder.head)
    await wait_for(parts, head)
    return head
