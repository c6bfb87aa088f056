"""What guards the way in of dependencies and the way out of a release: the audit, the bill of materials, the hashes."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
VULNERABLE = {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": []}]}
SOUND, UNKNOWN = {"name": "b", "version": "1", "vulns": []}, {"name": "c", "skip_reason": "not found"}


def script(name: str) -> ModuleType:
    """A script of deploy/, which is no package."""
    found = importlib.util.spec_from_file_location(name, ROOT / "deploy" / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("told", "code", "offline"),
    [
        ([SOUND], 0, 0), ([SOUND, UNKNOWN], 0, 0), ([SOUND, VULNERABLE], 1, 1), ([VULNERABLE, UNKNOWN], 1, 1),
        ([UNKNOWN], 2, 0), ([], 2, 0),
    ],
)  # fmt: skip
def test_an_audit_of_nothing_fails_unless_told_that_there_is_no_network(
    told: list[dict[str, object]], code: int, offline: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OFFLINE", raising=False)
    assert script("audit").judged(told) == code
    monkeypatch.setenv("OFFLINE", "1")
    assert script("audit").judged(told) == offline


def test_make_audit_fails_where_its_source_is_away() -> None:
    away = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), "http://127.0.0.1:9")
    kept = {name: value for name, value in os.environ.items() if name.lower() not in ("no_proxy", "offline")}
    for told, code in (({}, 2), ({"OFFLINE": "1"}, 0)):
        done = subprocess.run(
            [sys.executable, "deploy/audit.py"], cwd=ROOT, env=kept | away | told, check=False, capture_output=True,
            text=True, timeout=400,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Nothing is known about vulnerabilities" in done.stderr


def test_a_release_s_bill_of_materials_names_every_pinned_dependency_with_its_hashes(tmp_path: Path) -> None:
    release, bill = script("release"), tmp_path / "bill.cdx.json"
    release.bill_of_materials(bill)
    (tmp_path / "more").write_bytes(b"x")
    told = json.loads(bill.read_text())
    assert told["bomFormat"] == "CycloneDX"
    lock = (ROOT / release.LOCK).read_text()
    pinned = {
        (name.lower(), version)
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==(\S+)", lock, re.MULTILINE)
    }
    assert len(pinned) > 30
    assert pinned <= {(each["name"].lower(), each["version"]) for each in told["components"]}
    hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock))
    assert hashes
    assert all(each in bill.read_text() for each in hashes)
    (tmp_path / "SHA256SUMS").write_text(release.sums_of(tmp_path))
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path, check=False, capture_output=True)
    assert done.returncode == 0, done.stdout
    (tmp_path / "more").write_bytes(b"y")
    assert subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path, check=False).returncode != 0
