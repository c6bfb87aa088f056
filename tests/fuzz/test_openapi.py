"""schemathesis over the whole OpenAPI document, signed in: no 5xx, no answer outside its schema, no bypass.

TAIZHANG_TEST_FUZZ_S says for how many seconds; left out, one minute. TAIZHANG_TEST_FUZZ_SEED asks other questions.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.access.api_keys import add_key
from services.access.callers import ROLES
from tests.fix_service import Service, new_database

SECONDS = int(os.environ.get("TAIZHANG_TEST_FUZZ_S", "60"))
# The same questions each time, so that a change is judged by itself; another seed asks others.
SEED = os.environ.get("TAIZHANG_TEST_FUZZ_SEED", "1")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"
# An answer without end.
STREAM = "/v1/ledger/stream"

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(SECONDS * 4 + 300)]


@pytest.mark.parametrize("regions", [None, ("510104",)])
def test_nothing_that_the_document_allows_or_forbids_breaks_the_service(
    postgres: str, tmp_path: Path, regions: tuple[str, ...] | None
) -> None:
    settings = {"database_url": new_database(postgres), "requests_per_second": "0", "wait_seconds_max": "0.2"}
    with Service(tmp_path, **settings) as service:
        key = add_key(tmp_path / "data" / "api-keys.json", "fuzz", ROLES, None, regions)
        assert service.http.get("/openapi.json").is_success  # made once, and kept
        command = [
            sys.executable, "-W", "ignore", "-c", "from schemathesis.cli import schemathesis; schemathesis()",
            "run", f"{service.url}/openapi.json", "--header", f"Authorization: Bearer {key}", "--checks", CHECKS,
            "--exclude-path", STREAM, "--max-time", str(SECONDS // 2), "--phases", "examples,coverage,fuzzing",
            "--suppress-health-check", "all", "--continue-on-failure", "--no-color", "--workers", "1",
            "--wait-for-schema", "60", "--request-timeout", "60", "--seed", SEED,
        ]  # fmt: skip
        found = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
        print(found.stdout[-30_000:])  # noqa: T201 - what pytest shows of a failure
        assert found.returncode == 0, found.stdout[-3_000:] + found.stderr[-3_000:]
        assert "Traceback" not in service.log.read_text()
