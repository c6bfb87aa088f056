"""Point in time on a server of one's own, by pgBackRest, as deploy/hosts.md says: destroyed, restored, made good."""

import re
import shutil
import threading
import time
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Self

import pytest

from domain.events.envelope import check_data, read_event
from domain.ledger.rates import group
from domain.ledger.rows import ledger
from tests.fix_server import PROGRAMS, OwnServer, own_server
from tests.fix_service import Service, shell
from tests.sending import as_bytes
from tests.small_city import events

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not PROGRAMS or shutil.which("pgbackrest") is None, reason="needs Debian's postgresql and pgbackrest"
    ),
]

DEPLOY = Path(__file__).parents[2] / "deploy"
AS_OF = date(2024, 3, 31)


class Archive:
    """pgBackRest's stanza as deploy/pgbackrest has it, its paths in the server's folder."""

    def __init__(self, server: OwnServer) -> None:
        self.server, self.file = server, server.folder / "pgbackrest.conf"
        told = (DEPLOY / "pgbackrest" / "pgbackrest.conf").read_text()
        for path, here in (
            ("/var/lib/pgbackrest", server.folder / "repository"),
            ("/var/lib/postgresql/15/main", server.data),
            ("/var/run/postgresql", server.folder),
            ("5432", server.port),
        ):
            assert path in told, path
            told = told.replace(path, str(here))
        own = f"log-path={server.folder}\nlock-path={server.folder}/lock\nspool-path={server.folder}/spool\n"
        self.file.write_text(told.replace("[global]\n", f"[global]\n{own}"))

    def do(self, *arguments: str) -> str:
        return self.server.run("pgbackrest", f"--config={self.file}", "--stanza=taizhang", *arguments)

    @property
    def settings(self) -> list[str]:
        """The server's, from the guide."""
        lines = (DEPLOY / "pgbackrest" / "postgresql.conf").read_text().splitlines()
        return [each.replace("pgbackrest ", f"pgbackrest --config={self.file} ", 1) for each in lines]


class Load:
    """A registry that sends without a pause; what was answered, in order."""

    def __init__(self, service: Service) -> None:
        self.sent = list[dict[str, Any]]()
        self._service, self._source, self._over = service, events(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over.is_set():
            batch = list(islice(self._source, 5))
            self._service.publish(batch)
            self.sent += batch

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def until(self, more: int) -> int:
        """Wait for so many more events; how many there are then."""
        due, deadline = len(self.sent) + more, time.monotonic() + 120
        while len(self.sent) < due:
            assert time.monotonic() < deadline, "the registry stands still"
            time.sleep(0.02)
        return len(self.sent)


def organizations(service: Service, known_at: int) -> dict[str, int]:
    told = service.get(
        "/v1/rates", as_of=AS_OF.isoformat(), known_at=known_at, min_position=known_at, group_by="region:4"
    )
    return {each["key"]["region:4"]: each["counts"]["organizations"] for each in told["groups"]}


def folded(sent: list[dict[str, Any]]) -> dict[str, int]:
    """The same, from the events alone."""
    facts = [event for each in sent if (event := read_event(as_bytes(each)).event)]
    rows = ledger(facts, AS_OF, lambda type_, data: not check_data(type_, data)).rows()
    return {str(key[0]): counts.organizations for key, counts in group(rows, ("region:4",)).items()}


def test_a_server_that_is_gone_is_restored_to_a_moment_and_the_senders_make_good_the_rest(tmp_path: Path) -> None:
    with own_server() as server:
        archive = Archive(server)
        server.make(archive.settings)
        archive.do("stanza-create")
        archive.do("check")
        settings = {"database_url": server.url, "data": str(tmp_path / "data")}
        with Service(tmp_path, "--dev", **settings) as service, Load(service) as load:
            load.until(100)
            archive.do("--type=full", "backup")
            # A backup is known by the second in which it ended; the moment is to lie beyond it.
            time.sleep(2)
            # Answered before the moment: none of these may be missing.
            certain = load.until(100)
            moment = server.sql("SELECT clock_timestamp();")
            load.until(100)
            assert service.http.get("/v1/log/checkpoint").is_success
            load.until(20)
        sent = load.sent
        server.sql("SELECT pg_switch_wal();")
        archive.do("check")
        server.stop("immediate")
        shutil.rmtree(server.data)

        archive.do("restore", "--type=time", f"--target={moment}", "--target-action=promote")
        server.start()
        while server.sql("SELECT pg_is_in_recovery();") == "t":
            time.sleep(0.1)
        size = int(server.sql("SELECT count(*) FROM taizhang.log;", database="taizhang"))
        last = server.sql("SELECT max(recorded_at) FROM taizhang.log;", database="taizhang")
        assert certain <= size < len(sent)
        assert datetime.fromisoformat(last) <= datetime.fromisoformat(moment)

        # What was signed has more events: said, and signed no more until somebody says what happened.
        behind = shell("verify", **settings)
        assert behind.returncode == 1, behind.stdout + behind.stderr
        begun = shell("log-key", "begin", "--because", "restored", **settings)
        assert begun.returncode == 0, begun.stdout + begun.stderr
        with Service(tmp_path, "--dev", **settings) as service:
            assert organizations(service, size) == folded(sent[:size])
            results = service.publish(sent)
            outcomes = [each["disposition"] for each in results]
            assert outcomes == ["duplicate"] * size + ["accepted"] * (len(sent) - size)
            assert organizations(service, max(each["position"] for each in results)) == folded(sent)
        verified = shell("verify", **settings)
        assert verified.returncode == 0, verified.stdout + verified.stderr


def test_the_guide_has_the_files_and_commands_that_are_tried_here() -> None:
    guide, tried = (DEPLOY / "hosts.md").read_text(), Path(__file__).read_text()
    (block,) = re.findall(r"## Point in time.*?```sh\n(.*?)```", guide, re.DOTALL)
    for word in ("stanza-create", "check", "--type=full", "--type=time", "--target-action=promote", "restored"):
        assert word in block, word
        assert word in tried, word
