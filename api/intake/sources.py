"""`GET /v1/sources`: the account of every message, by source."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.questions import ASK, STEWARDING, Not, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from services.intake.sources import sources, total

router = APIRouter(prefix="/v1/sources", tags=["sources"], responses=PROBLEMS)


class TallyShape(BaseModel):
    """Messages by disposition; received = accepted + duplicate + quarantined."""

    received: int
    accepted: int
    duplicate: int
    quarantined: int


class SourceShape(TallyShape):
    """One source."""

    source: str | None = Field(description="null for messages whose source cannot be read")
    first_seen: datetime
    last_seen: datetime
    channels: list[str]
    lag: int | None = Field(description="messages that wait, unread, in its Kafka partitions; null if it has none")


class PartitionShape(TallyShape):
    """One Kafka partition."""

    topic: str
    partition: int
    next_offset: int
    end_offset: int
    lag: int
    seen_at: datetime
    generation: int = Field(description="how many logs this name has stood for; above 1 the topic was made anew or cut")
    expired: int = Field(description="offsets that were gone before they were read; ask the source for them")
    compacted: int = Field(description="offsets that never came, in a topic with compaction")


class Sources(BaseModel):
    """All sources, all Kafka partitions, and the sum."""

    sources: list[SourceShape]
    partitions: list[PartitionShape]
    total: TallyShape


@router.get("", response_model=None, responses={200: {"model": Sources}}, summary="来源 The account by source")
@question(STEWARDING, "whole", trail=Not("counts of messages, which name nobody"), command=ASK)
@taken_away(Sheet("sources", SourceShape))
def get(request: Request) -> Response:
    """What came from where, what became of it, when a source was last seen, and how far Kafka is read."""
    found, partitions = sources(parts_of(request).queries)
    shown: list[dict[str, Any]] = []
    for each in found:
        rest = {name: value for name, value in each._asdict().items() if name != "tally"}
        shown.append({**rest, **each.tally._asdict()})
    return answer({"sources": shown, "partitions": partitions, "total": total(found)})
