"""A running service, as its users see it: `taizhang serve` in a process of its own."""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from http.cookiejar import Cookie, DefaultCookiePolicy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from urllib.request import Request

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api.site.base import LANG_COOKIE
from tests.prepared import Prepared

ROOT = Path(__file__).parents[1]
START_S_MAX = 120.0
# Another service's projector may follow instead, or this one may be meant to fail.
FOLLOW_S_MAX = 30.0
FOLLOWS = b"projector follows"
SHELL_S_MAX = 120.0
SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TAIZHANG_")}
    return inherited | {f"TAIZHANG_{name.upper()}": value for name, value in settings.items()}


class NoLanguage(DefaultCookiePolicy):
    """Keeps every cookie but the language of the last page: tests that share a service share no reader."""

    def set_ok(self, cookie: Cookie, request: Request) -> bool:
        return cookie.name != LANG_COOKIE and super().set_ok(cookie, request)


class Service:
    """`taizhang serve`, started and stopped; its log lines are in `log`."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "service.log"
        # Idle connections are given up before the server ends them, at 5 s.
        kept = httpx.Limits(keepalive_expiry=2)
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False, limits=kept)
        self.http.cookies.jar.set_policy(NoLanguage())
        self._said = self.log.stat().st_size if self.log.exists() else 0
        given = environment(**{"log_format": "json", "data": str(folder / "data"), **settings})
        self.process = Prepared(["serve", "--port", str(self.port), *arguments], folder, given, self.log, self.log)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.http.get("/health/live").is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        else:
            self.kill()
            pytest.fail(f"the service did not start:\n{self.log.read_text()}")
        self._until_it_follows()
        return self

    def _until_it_follows(self) -> None:
        """Its projector is a process of its own, and starts more slowly than one that is prepared."""
        deadline = time.monotonic() + FOLLOW_S_MAX
        while time.monotonic() < deadline and FOLLOWS not in self.log.read_bytes()[self._said :]:
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.http.close()

    def stop(self) -> int:
        """End it in order; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        """End it without warning."""
        self.process.kill()
        self.process.wait()

    def publish(self, events: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - an event, or a list of them
        """Publish one event or a batch; what became of each."""
        kind = BATCH if isinstance(events, list) else SINGLE
        answer = self.http.post("/v1/events", json=events, headers={"content-type": kind})
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - query parameters
        """The answer of a call that succeeds; parameters that are None are left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        answer = self.http.get(path, params=given)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def last_reading(self, action: str) -> dict[str, Any]:
        """The newest entry of the trail of reading, found by its action too; tests before have left any number."""
        number = self.get("/v1/readings/tree")["tree_size"]
        found: dict[str, Any] = self.get(f"/v1/readings/{number}/proof")["reading"]
        assert found in self.get("/v1/readings", action=action, **{"from": found["at"]})["readings"]
        return found


def shell(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`taizhang` with these arguments, in a shell wide enough for its tables, until it has ended."""
    given = environment(**settings) | {"COLUMNS": "250"}
    with TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        process = Prepared(arguments, ROOT, given, output, errors)
        try:
            code = process.wait(SHELL_S_MAX)
        finally:
            process.kill()
        return subprocess.CompletedProcess(("taizhang", *arguments), code, output.read_text(), errors.read_text())


def new_database(postgres: str) -> str:
    """A libpq connection string for a new, empty database."""
    name = f"service_{secrets.token_hex(6)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    return make_conninfo(postgres, dbname=name)


@pytest.fixture(scope="session")
def service(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that the whole run shares; each test publishes under a source of its own."""
    folder = tmp_path_factory.mktemp("service")
    with Service(folder, "--dev", database_url=new_database(postgres)) as running:
        yield running


@pytest.fixture
def fresh_service(database: str, tmp_path: Path) -> Iterator[Service]:
    """A service on an empty log, for this test alone."""
    with Service(tmp_path, "--dev", database_url=database) as running:
        yield running


@pytest.fixture
def source() -> str:
    """The name of a source that no other test uses."""
    return f"/registry/{secrets.token_hex(6)}"
