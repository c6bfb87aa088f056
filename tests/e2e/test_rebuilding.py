"""Rebuilds as an operator meets them: asked for beside a running service, or due because the rules have changed."""

import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import psycopg
import pytest

from services.ledger.ruleset import ruleset
from tests.fix_service import Service, environment
from tests.small_city import events, fill

pytestmark = pytest.mark.long

OF_YESTERDAY = "00" * 32
WAIT_S_MAX = 60.0


def test_a_rebuild_beside_a_service_with_its_own_database_and_after_it(served_dir: Path) -> None:
    command = [sys.executable, "-m", "services.commands.cli", "rebuild", "--data", str(served_dir / "data")]
    given = environment() | {"COLUMNS": "250"}
    city = events()
    with Service(served_dir, "--dev") as service:
        service.publish(list(islice(city, 1_500)))
        before = service.get("/v1/rates", as_of="2024-03-31", min_position=1_500)
        told = subprocess.run(command, check=True, env=given, capture_output=True, text=True, timeout=120)
        assert "Version 2" in told.stderr
        assert "at position 1,500" in told.stderr
        assert service.get("/v1/rates", as_of="2024-03-31", known_at=1_500)["total"] == before["total"]
        (*_, last) = service.publish(list(islice(city, 100)))
        later = service.get("/v1/rates", as_of="2024-03-31", min_position=last["position"])
        assert later["total"]["counts"]["registered"] > before["total"]["counts"]["registered"]
        assert service.stop() == 0
    told = subprocess.run(command, check=True, env=given, capture_output=True, text=True, timeout=120)
    assert "Version 3" in told.stderr
    assert "at position 1,600" in told.stderr
    with Service(served_dir, "--dev") as service:
        assert service.get("/v1/rates", as_of="2024-03-31", min_position=1_600)["total"] == later["total"]


def test_the_figures_are_rebuilt_by_the_rules_of_the_program_that_starts(database: str, tmp_path: Path) -> None:
    fill(database, 3_000)
    with Service(tmp_path, "--dev", database_url=database) as service:
        before = service.get("/v1/rates", as_of="2024-03-31", min_position=3_000)
        assert before["evidence"]["ruleset"] == ruleset()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE taizhang.projection SET ruleset = %s", (OF_YESTERDAY,))
    log_before = len(service.log.read_text())
    with Service(tmp_path, "--dev", database_url=database) as service:
        seen: set[str] = set()
        deadline = time.monotonic() + WAIT_S_MAX
        while ruleset() not in seen and time.monotonic() < deadline:
            answer = service.get("/v1/rates", as_of="2024-03-31", min_position=3_000)
            assert answer["total"] == before["total"]
            seen.add(answer["evidence"]["ruleset"])
            if answer["evidence"]["ruleset"] == OF_YESTERDAY:
                ready = service.get("/health/ready")
                assert ready["status"] == "ready"
        # A small log is rebuilt before anybody has asked.
        assert ruleset() in seen
        assert seen <= {OF_YESTERDAY, ruleset()}
        assert service.get("/health/ready")["parts"]["rules"]["detail"] == f"rule set {ruleset()}"
        (result,) = service.publish([removed_courier()])
        service.get("/v1/rates", min_position=result["position"])
    told = service.log.read_text()[log_before:]
    assert "the rules have changed" in told
    assert told.count("rebuild in use") == 1
    assert "Traceback" not in told


def removed_courier() -> dict[str, object]:
    return {
        "specversion": "1.0", "id": "removed-1", "source": "/registry/groups", "type": "taizhang.member.removed.v1",
        "time": "2024-03-02T08:00:00+08:00", "data": {"effective_on": "2024-03-02", "member": "member:m-1"},
    }  # fmt: skip
