"""Spark, for real and in local mode with two tasks at once, gives the figures of the archive on DuckDB."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from pyspark.sql import SparkSession

from domain.ledger.rates import group
from services.archive import spark
from services.archive.figures import Counted, answer, question
from services.archive.layout import ArchiveError, digest_of
from services.archive.rates import rates
from services.evidence.bundles.answers import fold
from tests.archive.archiving import ORGS, asked, opened, write
from tests.archive.conftest import City
from tests.fix_store import Databases
from tests.small_city import fill
from tests.versions import project

pytestmark = [
    pytest.mark.spark,
    pytest.mark.timeout(3600),
    # Spark leaves its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
MASTER = "local[2]"
QUESTIONS = int(os.environ.get("TAIZHANG_TEST_QUESTIONS", "20"))


@pytest.fixture(scope="module", autouse=True)
def one_session() -> Iterator[None]:
    """Each replay takes the session that is there; it ends with the last."""
    yield
    session = SparkSession.getActiveSession()
    if session is not None:
        session.stop()


def test_spark_gives_the_figures_of_the_archive_and_of_the_fold(city: City, rng: Random) -> None:
    logs = opened(city.archive)
    events = list(logs[0].events(logs[0].size))
    for _ in range(QUESTIONS):
        wanted, call = asked(rng, logs)
        replayed = spark.replay(wanted, MASTER)
        assert replayed == rates(wanted), call
        state = fold(events[: wanted.logs[0][1].position], wanted.as_of)
        counted = Counted(group(state.rows(), wanted.dimensions, wanted.filters), state.activity_policy is not None)
        assert replayed == answer(wanted, [counted]), call


def test_the_odd_cases_are_in_the_figures(city: City) -> None:
    logs = opened(city.archive)
    wanted = question(logs, "2024-12-31", None, ["region:6"], {"region": "99"})
    found = {each["key"]["region:6"]: each["counts"] for each in spark.replay(wanted, MASTER)["groups"]}
    assert len(found) == len(ORGS) == sum(each["joint"] for each in found.values())
    # One member went to the fourth county, and the entry of another was corrected to be of a third person in the fifth.
    assert [found[county]["full_members"] for county in sorted(found)] == [0, 0, 0, 1, 1]


def test_several_logs_are_one_data_set_side_by_side(city: City, databases: Databases, tmp_path: Path) -> None:
    folder = tmp_path / "province"
    shutil.copytree(city.archive, folder)
    with databases.like("another city", _another) as conninfo:
        write(conninfo, tmp_path / "keys", folder, 256)
    logs = opened(folder)
    instant = "2025-01-05T09:00:00+08:00"
    wanted = question(logs, "2024-12-31", instant, ["log", "kind"], {})
    replayed = spark.replay(wanted, MASTER)
    assert replayed == rates(wanted)
    assert [each["log"] for each in replayed["logs"]] == [log.origin for log in logs]
    for log in logs:
        alone = rates(question([log], "2024-12-31", str(dict(wanted.logs)[log].position), ["kind"], {}))
        of_it = [each for each in replayed["groups"] if each["key"]["log"] == log.origin]
        assert [each["counts"] for each in of_it] == [each["counts"] for each in alone["groups"]]


def _another(conninfo: str) -> None:
    fill(conninfo, 1_000)
    project(conninfo)


def test_a_task_refuses_a_file_that_was_changed(city: City, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    shutil.copytree(city.archive, folder)
    logs = opened(folder)
    wanted = question(logs, "2024-12-31", str(logs[0].size), [], {})
    path = logs[0].folder / logs[0].manifest.segments[0].files["event"][0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert digest_of(path) != logs[0].manifest.segments[0].files["event"][1]
    with pytest.raises(ArchiveError, match="is not the file that the log's key signed for"):
        spark.replay(wanted, MASTER)
