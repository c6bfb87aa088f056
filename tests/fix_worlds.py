"""Services whose log is known, for tests that only read: each is started once for all of them."""

from collections.abc import Iterator

import pytest

from tests.examples import NUMBERED
from tests.fix_service import Service, new_database
from tests.folding import World, publish
from tests.story import tell


@pytest.fixture(scope="session")
def world(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The random history of the worked examples. Nobody adds to it: a test that does takes a service of its own."""
    with Service(tmp_path_factory.mktemp("world"), "--dev", database_url=new_database(postgres)) as service:
        yield publish(service, NUMBERED["12"]["deliveries"])


@pytest.fixture(scope="session")
def told(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The story of `tests/story.py`. Nobody adds to it, as above."""
    with Service(tmp_path_factory.mktemp("story"), "--dev", database_url=new_database(postgres)) as service:
        tell(service)
        yield service
