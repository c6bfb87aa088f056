"""For operators: is it alive, is it ready and if not which part, and its measures."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.web.answers import answer
from api.web.metrics import Account, text
from api.web.parts import Parts, parts_of
from services.intake.sources import sources
from services.ledger.ruleset import ruleset
from services.system.logs import logger

router = APIRouter(tags=["operation"])

# How old the first event that the projections lack may be before the service counts as not ready.
LAG_S_MAX: Final = 15.0
CHECK_S_MAX: Final = 3.0


class Part(BaseModel):
    """One part: whether it is ready, and what it says."""

    ready: bool
    detail: str


class Readiness(BaseModel):
    """Ready, or which part is not."""

    status: Literal["ready", "not ready"]
    parts: dict[str, Part]
    position: int | None = Field(description="the log's last position")


@router.get("/health/live", response_model=None, summary="活着 Alive")
def live() -> Response:
    """Answers as long as the process serves."""
    return answer({"status": "live"})


@router.get(
    "/health/ready",
    response_model=None,
    responses={200: {"model": Readiness}, 503: {"model": Readiness, "description": "Not ready; `parts` says which"}},
    summary="就绪 Ready, or which part is not",
)
async def ready(request: Request) -> Response:
    """Ready when the database answers and the projections follow the log."""
    parts = parts_of(request)
    position: int | None = None
    try:
        async with asyncio.timeout(CHECK_S_MAX):
            position, _ = head = await run_in_threadpool(parts.recorder.head)
            projections = await run_in_threadpool(_projections, parts, head[0])
        shown = {
            "database": _part(ready=True, detail=f"the log ends at position {position}"),
            "projections": projections,
            "rules": _rules(parts),
        }
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the operator asks about
        logger().warning("not ready", part="database", error=str(error))
        shown = {"database": _part(ready=False, detail="does not answer")}
    is_ready = all(part["ready"] for part in shown.values())
    body = {"status": "ready" if is_ready else "not ready", "parts": shown, "position": position}
    return answer(body, 200 if is_ready else 503, None if is_ready else {"retry-after": "2"})


def _part(*, ready: bool, detail: str) -> dict[str, Any]:
    return {"ready": ready, "detail": detail}


def _projections(parts: Parts, position: int) -> dict[str, Any]:
    """Behind for a moment is fine; behind for long says that the projector does not keep up, or does not run."""
    reached = parts.queries.position
    if parts.queries.view.fault is not None:
        return _part(ready=False, detail=parts.queries.view.fault)
    detail = f"at position {reached}, {max(position - reached, 0)} behind the log"
    missing = parts.recorder.at(reached + 1) if position > reached else None
    if missing is None:
        return _part(ready=True, detail=detail)
    age_s = (datetime.now(UTC) - missing.recorded_at).total_seconds()
    return _part(ready=age_s <= LAG_S_MAX, detail=f"{detail}, for {age_s:.1f} s")


def _rules(parts: Parts) -> dict[str, Any]:
    """The rules that made the figures; others than the program's are named in every answer, and no fault."""
    version = parts.queries.view.current.version
    if version.is_own:
        return _part(ready=True, detail=f"rule set {ruleset()}")
    return _part(
        ready=True,
        detail=f"answers are by rule set {version.ruleset}, up to position {version.position}, until a rebuild by "
        f"{ruleset()} is in use",
    )


@router.get("/metrics", response_model=None, summary="指标 Measures for Prometheus", response_class=Response)
def metrics(request: Request) -> Response:
    """In Prometheus' text format: HTTP, the account by source and Kafka partition, and the positions."""
    parts = parts_of(request)
    account: Account | None = None
    try:
        head, _ = parts.recorder.head()
        # Whoever asks has not signed in; the counts by source name no organization.
        account = Account(*sources(parts.queries.everywhere()), head, parts.queries.position)
    except Exception as error:  # noqa: BLE001 - without the database there is still HTTP to measure
        logger().warning("measures without the account", error=str(error))
    return Response(text(account), media_type=CONTENT_TYPE_LATEST)
