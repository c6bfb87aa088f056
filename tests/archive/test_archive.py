"""The archive: the same bytes for the same checkpoint, what is new alone, and nothing from what was changed."""

import json
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from projections.ledger.columns import rows
from services.archive.figures import question
from services.archive.layout import ArchiveError
from services.archive.opening import open_archive
from services.archive.rates import rates
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.notes import SignatureType, SignerKey
from services.log.tree import LOG
from services.system.errors import InvalidValueError, NotFoundError
from tests.archive.archiving import contents, opened, write
from tests.archive.conftest import City
from tests.fix_service import Service, shell
from tests.fix_store import Databases
from tests.sending import envelope
from tests.small_city import REGISTRY, event, events, fill
from tests.versions import project

pytestmark = [pytest.mark.archive, pytest.mark.timeout(300)]


def small(conninfo: str) -> None:
    fill(conninfo, 1_000)
    project(conninfo)


def log_folder(archive: Path) -> Path:
    (folder,) = archive.glob("log=*")
    return folder


def test_two_archives_at_one_checkpoint_are_the_same_bytes(city: City, tmp_path: Path) -> None:
    write(city.database, city.keys, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(city.archive)


def test_entries_that_come_in_many_parts_are_written_beside_the_other_tables(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with databases.like("small archived", small) as conninfo:
        write(conninfo, tmp_path / "keys", tmp_path / "in one part", 256)
        monkeypatch.setattr(rows, "_WIRE_BYTES", 1_000)
        write(conninfo, tmp_path / "keys", tmp_path / "in many", 256)
        assert contents(tmp_path / "in many") == contents(tmp_path / "in one part")


def test_a_second_run_writes_what_is_new_and_comes_to_the_same_bytes(databases: Databases, tmp_path: Path) -> None:
    with databases.like("small archived", small) as conninfo:
        first = write(conninfo, tmp_path / "keys", tmp_path / "grown", 256)
        before = contents(tmp_path / "grown")
        assert write(conninfo, tmp_path / "keys", tmp_path / "grown", 256).files == first.files // 4
        assert contents(tmp_path / "grown") == before
        fill(conninfo, 500, skip=1_000)
        project(conninfo)
        written = write(conninfo, tmp_path / "keys", tmp_path / "grown", 256)
        write(conninfo, tmp_path / "keys", tmp_path / "whole", 256)
        after = contents(tmp_path / "grown")
        assert after == contents(tmp_path / "whole")
        kept = [name for name in before if name in after and name.endswith(".parquet")]
        assert len(kept) == 12
        assert written.files == len(after) - 1 - len(kept)


def test_what_a_run_that_was_cut_off_left_is_gone_after_the_next(city: City, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    shutil.copytree(city.archive, folder)
    begun = next(log_folder(folder).glob("entry/*"))
    begun.with_name(f"{begun.name}.draft").write_bytes(b"half")
    assert rates(question(opened(folder), "2024-12-31", None, [], {}))["total"]["counts"]["organizations"]
    write(city.database, city.keys, folder)
    assert contents(folder) == contents(city.archive)


def test_every_footer_says_what_the_file_is_and_up_to_which_head(city: City) -> None:
    (log,) = opened(city.archive)
    with psycopg.connect(city.database, autocommit=True) as connection:
        for segment in log.manifest.segments:
            head = Checkpoint(log.origin, segment.last, LOG.root_at(connection, segment.last)).text()
            for name, _ in segment.files.values():
                told = pq.read_metadata(log.folder / name).metadata
                assert told[b"taizhang.head"].decode() == head
                assert told[b"taizhang.ruleset"].decode() == log.manifest.ruleset


def test_files_after_a_state_of_knowledge_are_not_read(city: City, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    shutil.copytree(city.archive, folder)
    (log,) = opened(folder)
    early = question([log], "2024-12-31", str(log.manifest.segments[1].last), ["kind"], {})
    expected = rates(early)
    for segment in log.manifest.segments[2:]:
        for name, _ in segment.files.values():
            (log.folder / name).unlink()
    assert rates(question(opened(folder), "2024-12-31", str(early.logs[0][1].position), ["kind"], {})) == expected


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def signed_by_another(path: Path) -> None:
    """The whole manifest signed anew by a key of the same name."""
    said = json.loads(path.read_text())
    name = said["key"].partition("+")[0]
    other = SignerKey.generate(name, SignatureType.ED25519)
    size, root = said["checkpoint"].split("\n")[1:3]
    from services.archive.layout import Manifest  # noqa: PLC0415 - here alone
    from services.evidence.notes.checkpoint import parse_hash  # noqa: PLC0415 - here alone

    note = Checkpoint(name, int(size), parse_hash(root)).sign(other)
    path.write_bytes(Manifest.parse(said["manifest"]).signed(other, note))


@pytest.mark.parametrize("table", ["entry", "attributes", "policy", "activity_policy", "event"])
@pytest.mark.parametrize("harm", [flipped, Path.unlink])
def test_nothing_is_answered_from_files_that_were_changed_or_lost(
    city: City, tmp_path: Path, table: str, harm: Callable[[Path], None]
) -> None:
    folder = tmp_path / "archive"
    shutil.copytree(city.archive, folder)
    found = sorted(log_folder(folder).glob(f"{table}/*"))
    harm(found[-1])
    with pytest.raises(ArchiveError, match="is not the file that the log's key signed for"):
        rates(question(opened(folder), "2024-12-31", str(opened(folder)[0].size - 1), ["kind"], {}))


@pytest.mark.parametrize("harm", [flipped, Path.unlink])
def test_a_run_does_not_go_on_from_files_that_were_changed_or_lost(
    city: City, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    folder = tmp_path / "archive"
    shutil.copytree(city.archive, folder)
    harm(min(log_folder(folder).glob("entry/*")))
    with pytest.raises(ArchiveError, match="is not the file that was written"):
        write(city.database, city.keys, folder)


def test_a_manifest_that_was_changed_is_refused(city: City, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    shutil.copytree(city.archive, folder)
    path = log_folder(folder) / "archive.json"
    said = json.loads(path.read_text())
    said["manifest"]["segments"].pop()
    path.write_text(json.dumps(said))
    with pytest.raises(ArchiveError, match="not hold the manifest that was signed"):
        opened(folder)


def test_a_file_that_is_not_of_the_archive_is_refused(city: City, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    shutil.copytree(city.archive, folder)
    found = next(log_folder(folder).glob("entry/*"))
    shutil.copy(found, found.with_name("000000000000-000000000001.parquet"))
    with pytest.raises(ArchiveError, match="engines would read it"):
        opened(folder)


def test_a_key_known_from_elsewhere_tells_another_signature(city: City, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    shutil.copytree(city.archive, folder)
    (sound,) = opened(city.archive)
    signed_by_another(log_folder(folder) / "archive.json")
    assert opened(folder)[0].size == sound.size
    with pytest.raises(ArchiveError, match="no archive that this log's key has signed"):
        open_archive(folder, [sound.key])


def test_an_archive_of_another_history_is_not_gone_on_with(databases: Databases, tmp_path: Path) -> None:
    with databases.like("small archived", small) as conninfo:
        write(conninfo, tmp_path / "keys", tmp_path / "archive", 256)
        (tmp_path / "keys" / "log.key.checkpoint").unlink()
    with databases.like("migrated and other", lambda other: fill(other, 1_200, skip=7)) as conninfo:
        project(conninfo)
        with pytest.raises(ArchiveError, match="another history"):
            write(conninfo, tmp_path / "keys", tmp_path / "archive", 256)


def test_an_event_that_was_changed_since_it_was_accepted_is_not_archived(databases: Databases, tmp_path: Path) -> None:
    with databases.like("small archived", small) as conninfo:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("ALTER TABLE taizhang.log DISABLE TRIGGER USER")
            connection.execute("UPDATE taizhang.log SET state = state || ' '::bytea WHERE notification_id = 700")
        with pytest.raises(ArchiveError, match="position 700 is not what was accepted"):
            write(conninfo, tmp_path / "keys", tmp_path / "archive", 256)


def test_what_the_archive_cannot_know_is_refused(city: City) -> None:
    logs = opened(city.archive)
    with pytest.raises(InvalidValueError, match="ask as known at that instant or an earlier one"):
        question(logs, "2024-12-31", "2190-01-01T00:00:00Z", [], {})
    with pytest.raises(NotFoundError, match="ends at position"):
        question(logs, "2024-12-31", str(logs[0].size + 1), [], {})
    with pytest.raises(InvalidValueError, match="it is one of"):
        question(logs, "2024-12-31", None, [], {"kind": "new"})


def test_before_the_first_position_the_ledger_is_empty(city: City) -> None:
    answer = rates(question(opened(city.archive), "2024-12-31", "1950-01-01T00:00:00Z", ["kind"], {}))
    assert answer["groups"] == []
    assert answer["known_at"]["position"] == 0


def test_the_shell_answers_as_the_service_does_and_tells_what_is_wrong(city: City, tmp_path: Path) -> None:
    asked = ("--archive", str(city.archive), "--as-of", "2024-12-31", "--group-by", "kind", "--json")
    told = shell("rates", *asked)
    assert json.loads(told.stdout) == rates(question(opened(city.archive), "2024-12-31", None, ["kind"], {}))
    assert told.stderr == ""
    wrong = shell("rates", "--archive", str(tmp_path))
    assert (wrong.returncode, "holds no archive" in wrong.stderr) == (1, True)


def test_a_clock_that_was_found_wrong_is_said_as_the_service_says_it(databases: Databases, tmp_path: Path) -> None:
    with databases.empty() as conninfo, Service(tmp_path, "--dev", database_url=conninfo) as service:
        service.publish(list(islice(events(), 20)))
        for id_, first, last in (("kept", 8, 11), ("back", 2, 3)):
            told = {"first": first, "last": last, "was": "ahead", "reason": "NTP"}
            service.publish(event(id_, "clock.found_wrong", **told))
        data = {"retracts": {"source": REGISTRY, "id": "back"}, "reason": "mistaken"}
        position = service.publish(envelope("taken", "event.retracted", data, REGISTRY))[0]["position"]
        service.get("/v1/rates", min_position=position)
        write(conninfo, tmp_path / "data" / "keys", tmp_path / "archive")
        logs, said = opened(tmp_path / "archive"), set[int]()
        instants = [service.get(f"/v1/events/{each}")["recorded_at"] for each in (1, 20, position)]
        for known_at in (*map(str, range(position + 1)), *instants):
            answered = rates(question(logs, "2024-12-31", known_at, ["kind"], {}))
            assert answered == service.get("/v1/rates", as_of="2024-12-31", known_at=known_at, group_by="kind")
            said |= {each["position"] for each in answered["known_at"].get("clock_wrong", ())}
        assert said == {21}
