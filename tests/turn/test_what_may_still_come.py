"""What is not there yet may come any moment: no answer that says so is kept, and none is given of what is to come."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from psycopg import Cursor

from projections.ledger.columns.rows import LedgerReading
from services.intake.intake import Intake
from services.ledger.queries import Queries
from services.log.tree import AnyConnection, StoredTree
from services.system.errors import NotFoundError
from tests.fix_turn import Trials, Two
from tests.sending import STEWARD, envelope, http, removed
from tests.versions import project, wait_until

pytestmark = pytest.mark.long


def test_a_position_beyond_the_head_that_was_asked_for_has_its_instant_once_it_comes(two: Two, trials: Trials) -> None:
    """An inspector follows from a position that is just being written, again and again until it is there."""
    for _ in trials:
        head = int(two.here.get("/v1/rates")["known_at"]["position"])
        next_ = head + 1
        stop = threading.Event()

        def ask(position: int = next_, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                with two.here.http.stream("GET", "/v1/ledger/stream", params={"after": str(position)}) as answer:
                    assert answer.status_code in (200, 400)

        with ThreadPoolExecutor(2) as pool:
            asking = [pool.submit(ask) for _ in range(2)]
            (event,) = two.here.publish([removed(secrets.token_hex(8), "/registry/turn")])
            known = two.here.get("/v1/rates", min_position=event["position"], known_at=next_)["known_at"]
            stop.set()
            for each in asking:
                each.result()
        assert known["position"] == next_
        assert known["recorded_at"] is not None


def test_the_instant_of_a_position_is_learned_though_it_is_committed_between_two_looks(
    store: str, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event comes between the look for its instant and that for the root, where it left a null for good."""
    root_at = StoredTree.root_at

    def late(tree: StoredTree, connection: AnyConnection, size: int) -> bytes:
        intake.admit([http(removed("late"))])
        return root_at(tree, connection, size)

    with Queries.open(store) as queries:
        monkeypatch.setattr(StoredTree, "root_at", late)
        with suppress(NotFoundError):
            queries.learn(1)
        intake.admit([http(removed("late"))])
        assert queries.learn(1).recorded_at is not None


def test_office_facts_read_of_what_is_not_reached_yet_are_not_kept(two: Two, trials: Trials) -> None:
    """Regions asked for while the projector stands still, and again once it has come to the change."""
    for trial in trials:
        code = f"9901{trial % 99 + 1:02d}{trial // 99 + 1:03d}"
        with two.delays.projector_stopped():
            created = envelope(
                secrets.token_hex(8), "region.created",
                {"effective_on": "2024-01-01", "region": code, "name": "新区"}, "/office/turn",
            )  # fmt: skip
            (event,) = two.here.publish([created])
            before = two.here.get("/v1/regions", as_of="2024-12-31")
        after = two.here.get("/v1/regions", as_of="2024-12-31", min_position=event["position"])
        assert code not in {each["region"] for each in before["regions"]}
        assert code in {each["region"] for each in after["regions"]}, event


def test_office_facts_that_come_between_two_looks_are_not_told_of_the_position_before(
    store: str, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The region is created after the look for the last word on regions, and before the look for the words."""
    day, last_mention = date(2024, 12, 31), LedgerReading.last_mention
    intake.admit([http(removed("before"))])
    project(store)
    created = envelope("late", "region.created", {"effective_on": "2024-01-01", "region": "990101", "name": "新区"})

    def late(reading: LedgerReading, cursor: Cursor[Any], identifier: str, known_at: int) -> int:
        found = last_mention(reading, cursor, identifier, known_at)
        monkeypatch.undo()
        intake.admit([http(created, STEWARD)])
        project(store)
        return found

    with Queries.open(store) as queries:
        wait_until(lambda: queries.position == 1, "the ledger has the first event")
        monkeypatch.setattr(LedgerReading, "last_mention", late)
        pinned = queries.pinned()
        assert len(pinned.office_facts(("region",), day, 2)) == 1
        assert queries.office_facts(("region",), day, 1) == []
