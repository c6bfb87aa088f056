"""The drill: backed up under load, destroyed, restored, verified; and what a restore refuses, in words."""

import re
import shutil
import threading
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.events.envelope import check_data, read_event
from domain.ledger.rates import group
from domain.ledger.rows import ledger
from tests.fix_service import Service, new_database, shell
from tests.sending import as_bytes
from tests.small_city import events

pytestmark = pytest.mark.long

PASSPHRASE = "correct horse battery"  # noqa: S105 - of this test
AS_OF = date(2024, 3, 31)


class Site:
    """A service's database and data folder, and its commands."""

    def __init__(self, postgres: str, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.settings = {
            "database_url": new_database(postgres),
            "data": str(folder / "data"),
            "backup_passphrase": PASSPHRASE,
        }

    def run(self, *arguments: str, **changed: str) -> Any:  # noqa: ANN401 - a completed process
        return shell(*arguments, **{**self.settings, **changed})

    def service(self) -> Service:
        return Service(self.folder, "--dev", **self.settings)

    def holds(self) -> int:
        """Events in the database, 0 where there is no schema."""
        with psycopg.connect(self.settings["database_url"]) as connection:
            if connection.execute("SELECT to_regclass('taizhang.log')").fetchone() == (None,):
                return 0
            row = connection.execute("SELECT count(*) FROM taizhang.log").fetchone()
            return int(row[0]) if row else 0


@pytest.fixture
def site(postgres: str, tmp_path: Path) -> Site:
    return Site(postgres, tmp_path / "first")


@pytest.fixture
def other(postgres: str, tmp_path: Path) -> Site:
    return Site(postgres, tmp_path / "other")


def rates(service: Service, known_at: int) -> Any:  # noqa: ANN401 - any JSON
    found = service.get(
        "/v1/rates", as_of=AS_OF.isoformat(), known_at=known_at, min_position=known_at, group_by="region:4"
    )
    return found["groups"], found["total"], found["evidence"]


def test_what_was_backed_up_under_load_comes_back_and_verifies(site: Site, other: Site, tmp_path: Path) -> None:
    sent, source, folder = list[Any](), events(), tmp_path / "backup"
    enough, backed_up = threading.Event(), threading.Event()

    def load(service: Service) -> None:
        while not backed_up.wait(0.02):
            sent.extend(batch := list(islice(source, 5)))
            service.publish(batch)
            if len(sent) >= 100:
                enough.set()
        service.publish(last := list(islice(source, 5)))
        sent.extend(last)

    with site.service() as service:
        loading = threading.Thread(target=load, args=(service,))
        loading.start()
        assert enough.wait(60)
        made = site.run("backup", str(folder))
        backed_up.set()
        loading.join()
        assert made.returncode == 0, made.stderr
        assert PASSPHRASE not in made.stdout + made.stderr
        size = int(re.findall(r"([0-9,]+) events backed up", made.stdout)[0])
        assert 100 <= size < len(sent), "the load was to go on beside the backup"
        before, key = rates(service, size), service.http.get("/v1/log/key").text
        service.kill()
    shutil.rmtree(site.folder / "data")

    back = other.run("restore", str(folder))
    assert back.returncode == 0, back.stdout + back.stderr
    assert "Everything that was checked holds" in back.stdout
    with other.service() as service:
        assert rates(service, size) == before
        assert service.http.get("/v1/log/key").text == key
        # The sources send all of it again: what the copy has is known, the rest comes in.
        outcomes = [each["disposition"] for each in service.publish(sent)]
        assert outcomes == ["duplicate"] * size + ["accepted"] * (len(sent) - size)
        groups, _, _ = rates(service, len(sent))
        facts = [read_event(as_bytes(each)).event for each in sent]
        rows = ledger((each for each in facts if each), AS_OF, lambda type_, data: not check_data(type_, data)).rows()
        right = group(rows, ("region:4",))
        assert {each["key"]["region:4"]: each["counts"]["organizations"] for each in groups} == {
            key[0]: counts.organizations for key, counts in right.items()
        }
    assert other.run("verify").returncode == 0


@pytest.fixture(scope="module")
def made_once(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Path]:
    """A backup of forty events; the service went on to fifty, and its checkpoint of them was kept."""
    folder = tmp_path_factory.mktemp("backed_up")
    sent, site = list(islice(events(), 50)), Site(postgres, folder / "source")
    with site.service() as service:
        service.publish(sent[:40])
        made = site.run("backup", str(folder / "copies" / "backup"))
        assert made.returncode == 0, made.stdout + made.stderr
        service.publish(sent[40:])
        (folder / "copies" / "kept").write_bytes(service.http.get("/v1/log/checkpoint").content)
    return site, folder / "copies"


@pytest.fixture
def backed_up(made_once: tuple[Site, Path], tmp_path: Path) -> Path:
    """A copy of that backup, to be damaged; the checkpoint lies beside it."""
    shutil.copytree(made_once[1], tmp_path / "copies")
    return tmp_path / "copies" / "backup"


def test_a_copy_that_is_behind_what_others_have_seen_is_restored_only_where_that_is_accepted(
    backed_up: Path, other: Site
) -> None:
    refused = other.run("restore", str(backed_up), "--checkpoint", str(backed_up.with_name("kept")))
    assert refused.returncode == 1
    assert "has seen 50 positions, the copy has 40" in refused.stderr
    assert other.holds() == 0
    unasked = other.run("restore", str(backed_up), "--witness", "http://127.0.0.1:9")
    assert (unasked.returncode, other.holds()) == (1, 0)
    assert "127.0.0.1:9" in unasked.stderr
    done = other.run("restore", str(backed_up), "--checkpoint", str(backed_up.with_name("kept")), "--accept-loss")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "accepted as lost" in done.stdout
    assert other.holds() == 40
    keys = other.folder / "data" / "keys"
    assert not (keys / "log.key").exists()  # it may sign no shorter log
    assert (keys / "log.key.superseded").exists()
    # Nor is there another one until somebody begins one.
    with other.service() as service:
        unsigned = service.http.get("/v1/log/checkpoint")
        assert unsigned.status_code == 500
        assert "log-key begin" in unsigned.json()["detail"]
        assert not (keys / "log.key").exists()
    begun = other.run("log-key", "begin", "--because", "restored")
    assert begun.returncode == 0, begun.stdout + begun.stderr
    with other.service() as service:
        assert service.http.get("/v1/log/checkpoint").text.split("\n")[1] == "41"
        assert service.http.get("/v1/log/keys").json()["changes"][0]["because"] == "restored"
    assert other.run("verify").returncode == 0


def test_a_log_restored_without_its_keys_is_whole_and_signs_nothing_until_somebody_begins_another_key(
    backed_up: Path, other: Site
) -> None:
    backed_up.with_name("backup.keys").unlink()
    done = other.run("restore", str(backed_up), "--without-keys")
    assert done.returncode == 0, done.stdout + done.stderr
    assert other.holds() == 40
    with other.service() as service:
        assert service.get("/v1/rates", min_position=40)["known_at"]["position"] == 40
        unsigned = service.http.get("/v1/log/checkpoint")
        assert unsigned.status_code == 500
        assert "log-key begin" in unsigned.json()["detail"]
        ready = service.http.get("/health/ready").json()["parts"]["log"]
        assert not ready["ready"]
        assert "log-key begin" in ready["detail"]
    begun = other.run("log-key", "begin", "--because", "lost")
    assert begun.returncode == 0, begun.stdout + begun.stderr
    with other.service() as service:
        assert service.http.get("/v1/log/checkpoint").status_code == 200
        assert service.http.get("/v1/log/keys").json()["changes"][0]["because"] == "lost"
    assert other.run("verify").returncode == 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("no keys", "the keys are not at"),
        ("another passphrase", "does not open"),
        ("a changed table", "not the file that was written"),
        ("a table that is gone", "cannot be read"),
        ("another log's key is there", "holds another key"),
    ],
)
def test_a_damaged_backup_or_one_without_its_keys_is_refused_in_words(
    backed_up: Path, other: Site, fault: str, said: str
) -> None:
    changed = {}
    if fault == "no keys":
        backed_up.with_name("backup.keys").unlink()
    elif fault == "another passphrase":
        changed = {"backup_passphrase": "another horse battery"}
    elif fault == "a changed table":
        table = backed_up / "tally.copy.gz"
        data = bytearray(table.read_bytes())
        data[-9] ^= 1
        table.write_bytes(data)
    elif fault == "a table that is gone":
        (backed_up / "log.copy.gz").unlink()
    else:
        (other.folder / "data" / "keys").mkdir(parents=True)
        (other.folder / "data" / "keys" / "persons.key").write_text("00" * 32)
    refused = other.run("restore", str(backed_up), **changed)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert other.holds() == 0


def test_a_backup_goes_into_a_new_folder_and_a_restore_into_an_empty_database(
    made_once: tuple[Site, Path], backed_up: Path
) -> None:
    site, _ = made_once
    again = site.run("backup", str(backed_up))
    assert again.returncode == 1
    assert "is there already" in again.stderr
    over = site.run("restore", str(backed_up))
    assert over.returncode == 1
    assert "already holds rows" in over.stderr
    assert site.holds() == 50
    without = site.run("backup", str(backed_up.with_name("second")), backup_passphrase="short")  # noqa: S106
    assert without.returncode == 1
    assert not backed_up.with_name("second").exists()
