"""A receiver of notices that is away for an hour: none is lost, none comes twice under its id, each office's in order.

TAIZHANG_TEST_NOTICES says how many (`make test-notices`: 10,000), TAIZHANG_TEST_AWAY_S for how many seconds the
receiver refuses connections; the notifier's clock goes so fast that this is an hour for it.
"""

import os
import sys
from pathlib import Path

import psycopg
import pytest

from services.notices import outbox
from tests.fix_service import Service
from tests.notifying import SECRET, Notifier, Receiver, channels_file, secret, until
from tests.sending import envelope

NOTICES = int(os.environ.get("TAIZHANG_TEST_NOTICES", "400"))
AWAY_S = float(os.environ.get("TAIZHANG_TEST_AWAY_S", "12"))
HOUR_S = 3_600.0
OFFICES = 20
BATCH = 5_000
WITHIN_S = 120 + NOTICES * 0.2
# An hour's attempts with pauses of up to five minutes, of three processes, each of which begins anew.
ATTEMPTS_MAX = 60
# After so many fifths the process that sends is killed.
PARTS = (1, 2, 3, 4)
pytestmark = pytest.mark.long


def orders() -> list[dict[str, object]]:
    """Half as many orders as notices: each was issued, and is overdue."""
    return [
        envelope(
            f"o-{n}", "order.issued",
            {"effective_on": "2024-03-01", "order": f"order:o-{n}", "office": f"office:n-{n % OFFICES}",
             "region": "990101", "by": "office:city", "by_region": None, "ground": "measures_overdue",
             "asks": "尽快建立党组织", "due_on": "2024-03-10"},
            "/office/city",
        )
        for n in range(NOTICES // 2)
    ]  # fmt: skip


def test_a_receiver_away_for_an_hour_gets_each_notice_once_and_in_order(
    fresh_service: Service, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = Receiver()
    hook = {"name": "hook", "kind": "webhook", "url": receiver.url, "secret_file": secret(tmp_path, "hook", SECRET)}
    notifier = Notifier(tmp_path, database, channels_file(tmp_path, hook), HOUR_S / AWAY_S)
    with psycopg.connect(database, autocommit=True) as connection:

        def stands() -> outbox.Standing | None:
            return next(iter(outbox.standings(connection)), None)

        def waiting() -> int:
            found = stands()
            return 0 if found is None else found.waiting

        with notifier.running():
            until(lambda: (found := stands()) is not None and found.began_at is not None, 60, "the channel begins")
        told = orders()
        position = 0
        for first in range(0, len(told), BATCH):
            position = fresh_service.publish(told[first : first + BATCH])[-1]["position"]
        fresh_service.get("/v1/rates", min_position=position)
        away_from = notifier.gone_s
        with notifier.running():
            until(lambda: waiting() == NOTICES, WITHIN_S, "all are in the outbox")
            until(lambda: (f := stands()) is not None and f.fault == "refused", WITHIN_S, "the first is tried")
        with notifier.running():
            until(lambda: notifier.gone_s > away_from + HOUR_S / 2, AWAY_S, "half an hour has gone")
        with notifier.running():
            until(lambda: notifier.gone_s > away_from + HOUR_S + 1, AWAY_S + 1, "the hour has gone")
            found = stands()
            assert found is not None
            assert (found.waiting, found.sent, found.fault) == (NOTICES, 0, "refused")
        (attempts,) = connection.execute("SELECT sum(tries) FROM taizhang.notice").fetchone() or (0,)
        assert attempts <= ATTEMPTS_MAX

        receiver.silent_each, receiver.refused_each = 97, 53
        receiver.open()
        for part in PARTS:
            with notifier.running():
                until(lambda p=part: len(receiver.times) >= NOTICES * p // 5, WITHIN_S, f"{part} fifths came")
            if part == 2:
                receiver.close()
                with notifier.running():
                    until(lambda: (f := stands()) is not None and f.fault == "refused", 60, "it is away again")
                receiver.open()
        with notifier.running():
            until(lambda: waiting() == 0, WITHIN_S, "all were taken")
            assert notifier.stop() == 0
        receiver.close()

        rows = connection.execute("SELECT id, office, state FROM taizhang.notice ORDER BY no").fetchall()
        standing = stands()
    assert {state for *_, state in rows} == {"sent"}
    assert standing is not None
    assert standing.sent == len(rows) == NOTICES
    repeats = came_once_in_order(receiver, [(id_, office) for id_, office, _ in rows])
    with capsys.disabled():
        sys.stdout.write(
            f"\n{NOTICES} notices to {len(receiver.first)} offices, {AWAY_S:g} s away ({attempts} attempts meanwhile), "
            f"{len(PARTS) + 4} kills: {receiver.requests} requests, {repeats} came again under their id\n"
        )


def came_once_in_order(receiver: Receiver, rows: list[tuple[str, str]]) -> int:
    """See that what came is what the outbox has, each office's in its order; how often an id came again."""
    assert receiver.forged == 0
    assert set(receiver.times) == {id_ for id_, _ in rows}, "some were lost, or nobody's"
    for office, came in receiver.first.items():
        assert came == [id_ for id_, of in rows if of == office], f"out of order: {office}"
    repeats = sum(receiver.times.values()) - len(rows)
    # Each had no answer, or its answer was not noted by a process that was killed.
    assert repeats <= receiver.requests // receiver.silent_each + len(PARTS) + 1
    return repeats
