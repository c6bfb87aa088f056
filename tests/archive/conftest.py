"""The city's database, its archive, and a service that answers from the same database; made once for the run."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.archive.archiving import fill, write
from tests.fix_service import Service
from tests.fix_store import Databases

# The archive's own tests do without Spark.
collect_ignore = [] if find_spec("pyspark") else ["test_spark_law.py"]
SCALE = float(os.environ.get("TAIZHANG_TEST_CITY_SCALE", "0.1"))


class City(NamedTuple):
    """A database that holds the city, the folder of its log's key, and its archive."""

    database: str
    keys: Path
    archive: Path


@pytest.fixture(scope="session")
def city(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with databases.like(f"city {SCALE}", lambda conninfo: fill(conninfo, SCALE)) as conninfo:
        folder = tmp_path_factory.mktemp("city")
        made = City(conninfo, folder / "keys", folder / "archive")
        write(made.database, made.keys, made.archive)
        yield made


@pytest.fixture(scope="session")
def city_served(city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("served"), "--dev", database_url=city.database) as service:
        yield service
