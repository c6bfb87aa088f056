"""For operators: is it alive, is it ready and if not which part, and its measures."""

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers import answer
from api.metrics import REGISTRY
from api.parts import Parts, parts_of
from services.logs import logger

router = APIRouter(tags=["operation"])

# Positions that the projections may lag behind before the service counts as not ready.
LAG_MAX = 50_000
CHECK_S_MAX = 3.0


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
            position, _ = await run_in_threadpool(parts.recorder.head)
        shown = {"database": _part(ready=True, detail=f"the log ends at position {position}")}
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the operator asks about
        logger().warning("not ready", part="database", error=str(error))
        shown = {"database": _part(ready=False, detail="does not answer")}
    shown["projections"] = _projections(parts, position)
    is_ready = all(part["ready"] for part in shown.values())
    body = {"status": "ready" if is_ready else "not ready", "parts": shown, "position": position}
    return answer(body, 200 if is_ready else 503, None if is_ready else {"retry-after": "2"})


def _part(*, ready: bool, detail: str) -> dict[str, Any]:
    return {"ready": ready, "detail": detail}


def _projections(parts: Parts, position: int | None) -> dict[str, Any]:
    reached = parts.queries.position
    lag = 0 if position is None else max(position - reached, 0)
    return _part(ready=lag <= LAG_MAX, detail=f"at position {reached}, {lag} behind the log")


@router.get("/metrics", response_model=None, summary="指标 Measures for Prometheus", response_class=Response)
def metrics() -> Response:
    """In Prometheus' text format."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
