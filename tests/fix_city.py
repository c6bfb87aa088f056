"""A service with the demo city, published over HTTP; its stories have the size that they have at every scale.

`TAIZHANG_TEST_CITY_SCALE` chooses the scale, the smallest if unset; `make test-demo-city` takes 1.
"""

import os
from collections.abc import Iterator

import pytest

from services.commands.client import Client
from services.commands.sending import publish
from services.demo_city import plan
from services.demo_city.world import events
from services.system.settings import load
from tests.bench.workshop import caught_up
from tests.fix_service import Service, new_database

SCALE = float(os.environ.get("TAIZHANG_TEST_CITY_SCALE", plan.SCALE_MIN))


@pytest.fixture(scope="session")
def city_database(postgres: str) -> str:
    """Where the city is."""
    return new_database(postgres)


@pytest.fixture(scope="session")
def city(city_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The city; whoever adds to it does so under names of its own."""
    with Service(tmp_path_factory.mktemp("city"), "--dev", database_url=city_database) as service:
        with Client(load(), url=service.url) as client:
            outcome = publish(client, (line.rstrip(b"\n") for line in events(SCALE, 1)), lambda *_: None)
        caught_up(service, outcome.position)
        yield service
