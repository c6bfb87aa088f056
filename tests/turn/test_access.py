"""Grants take effect and end in order, in every process; streams keep to their limit at once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from services.system.settings import Settings
from tests.fix_service import Service
from tests.fix_turn import Trials, Two

pytestmark = pytest.mark.long

STREAMS_MAX = Settings.model_construct().streams_at_once_max
AT_ONCE = STREAMS_MAX + 20


def grant(at: Service) -> dict[str, Any]:
    answer = at.http.post("/v1/access", json={"holder": "county", "roles": ["operator"]})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_of_two_revocations_at_once_one_is_recorded(two: Two, trials: Trials) -> None:
    for _ in trials:
        granted = grant(two.here)
        path, reason = f"/v1/access/{granted['access']}/revoke", {"reason": "left the office"}

        def revoke(at: Service, path: str = path, reason: dict[str, str] = reason) -> httpx.Response:
            return at.http.post(path, json=reason)

        with ThreadPoolExecutor(2) as pool:
            with two.delays.before_the_gate(waiting=2):
                answers = [pool.submit(revoke, at) for at in two[:2]]
            statuses = sorted(each.result().status_code for each in answers)
        assert statuses == [200, 409]
        assert revoke(two.here).status_code == 404


def test_no_more_streams_are_open_at_once_than_the_limit(two: Two) -> None:
    async def opened() -> list[int]:
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(base_url=two.there.url, trust_env=False, limits=limits, timeout=60) as client:
            done = asyncio.Event()
            statuses: list[int] = []

            async def one() -> None:
                async with client.stream("GET", "/v1/ledger/stream") as answer:
                    statuses.append(answer.status_code)
                    if len(statuses) == AT_ONCE:
                        done.set()
                    await done.wait()

            await asyncio.gather(*(one() for _ in range(AT_ONCE)))
            return statuses

    for _ in range(2):  # what was given up is given back
        statuses = asyncio.run(opened())
        assert statuses.count(200) == STREAMS_MAX
        assert statuses.count(503) == AT_ONCE - STREAMS_MAX


def grants(service: Service) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get("/v1/access")["grants"]
    return found


def test_a_grant_is_told_and_ends_in_every_process_from_its_position_on(two: Two, trials: Trials) -> None:
    """Asked right after the answer, by the process that did not give it and had just looked."""
    for _ in trials:
        grants(two.there)
        granted = grant(two.here)
        assert granted["access"] in {each["access"] for each in grants(two.there)}
        two.here.http.post(f"/v1/access/{granted['access']}/revoke", json={"reason": "left the office"})
        (found,) = [each for each in grants(two.there) if each["access"] == granted["access"]]
        assert not found["in_force"]
