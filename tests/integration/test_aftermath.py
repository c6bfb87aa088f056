"""What is asserted after every fault sees a loss, wherever it lies."""

from random import Random

import psycopg
import pytest

from tests.aftermath import assert_nothing_lost
from tests.sending import as_bytes, removed
from tests.small_city import fill
from tests.versions import project

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    "loss",
    [
        "UPDATE taizhang.tally SET received = received - 1, accepted = accepted - 1",
        "UPDATE taizhang.tally SET channel = 'kafka', topic = 't', partition = 1",
        "DELETE FROM {schema}.entry WHERE entry = 7",
        "UPDATE {schema}.entry SET full_members = full_members + 1",
        "UPDATE {schema}.attributes SET kind = 'new_economic'",
    ],
)
def test_a_loss_in_the_account_or_in_the_ledger_is_seen(store: str, rng: Random, loss: str) -> None:
    fill(store, 60)
    schema = project(store).tables.schema
    assert_nothing_lost(store, rng)
    with psycopg.connect(store) as connection:
        connection.execute(loss.format(schema=schema).encode())
    with pytest.raises(AssertionError):
        assert_nothing_lost(store, rng)


def test_what_was_sent_and_is_nowhere_is_seen(store: str, rng: Random) -> None:
    fill(store, 60)
    with pytest.raises(AssertionError):
        assert_nothing_lost(store, rng, [as_bytes(removed("lost"))])
