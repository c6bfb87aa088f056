"""The log: dense, append-only, and seen whole by whoever tails it."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from pathlib import Path

import psycopg
import pytest
from eventsourcing.persistence import NotSupportedError, StoredEvent
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from domain.tree.leaf import Blinding, leaf_of, record_of
from domain.tree.merkle import Frontier, leaf_hash
from services.intake.intake import Intake
from services.log.recorder import CHANNEL, LogRecorder, Recorded, originator_id
from services.system.errors import InstantToComeError
from tests.fix_cluster import administrator_at
from tests.fix_proxy import Fault, Proxy
from tests.fix_store import Rows, leave
from tests.sending import MARKET, http, kafka, removed

WRITERS = 4
PATIENCE_S = 60
SLOW_COMMIT = """
CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(random() * 0.003); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON taizhang.log DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.slow();
"""


def follow(recorder: LogRecorder, until: int) -> list[Recorded]:
    """Tail the log as a projector does, and never look back."""
    seen: list[Recorded] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(seen) < until and time.monotonic() < deadline:
        seen += recorder.tail(seen[-1].position if seen else 0, 7)
    return seen


def test_a_tailing_reader_sees_every_position_of_four_writers_with_slow_commits(store: str, rows: Rows) -> None:
    rows(SLOW_COMMIT)
    batches, size = 30, 3

    def write(number: int) -> None:
        intake = Intake.open(store, f"writer-{number}")
        for batch in range(batches):
            # Each batch holds one event that the other writers send as well.
            own = [http(removed(f"{number}-{batch}-{n}")) for n in range(size)]
            assert len(intake.admit([*own, http(removed(f"shared-{batch}"))])) == size + 1
        intake.close()

    reader = Intake.open(store, "reader")
    expected = batches * (WRITERS * size + 1)
    with ThreadPoolExecutor(WRITERS + 1) as threads, reader.recorder.subscribe(gt=0) as subscription:
        following = threads.submit(follow, reader.recorder, expected)
        for writing in [threads.submit(write, number) for number in range(WRITERS)]:
            writing.result()
        seen = following.result()
        notified = [next(subscription).id for _ in range(len(seen))]
    reader.close()
    assert [event.position for event in seen] == list(range(1, expected + 1))
    assert notified == list(range(1, expected + 1))
    assert len({event.id for event in seen}) == expected
    assert all(before.recorded_at <= after.recorded_at for before, after in pairwise(seen))


CHANGES = [
    "UPDATE taizhang.{} SET {} = {}",
    "DELETE FROM taizhang.{}",
    "DELETE FROM taizhang.{} WHERE false",
    "TRUNCATE taizhang.{} CASCADE",
]
RECORDED = [
    "log state",
    "tile_root hash",
    "blinding value",
    "duplicate intake",
    "quarantine raw",
    "quarantine_action reason",
]


@pytest.mark.parametrize(
    ("user", "replication_role"), [("taizhang", "origin"), ("postgres", "origin"), ("postgres", "replica")]
)
def test_nobody_changes_what_is_recorded(
    intake: Intake, postgres: str, store: str, user: str, replication_role: str
) -> None:
    intake.admit([http(removed("a")), http(removed("a")), http(b"{")])
    who = store
    if user == "postgres":
        who = make_conninfo(administrator_at(postgres), dbname=conninfo_to_dict(store)["dbname"])
    with psycopg.connect(who, autocommit=True) as connection:
        if user == "postgres":
            connection.execute(f"SET session_replication_role = {replication_role}".encode())
        for statement, (table, column) in product(CHANGES, map(str.split, RECORDED)):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                connection.execute(statement.format(table, column, column).encode())
    if user == "postgres":
        leave(store, user)


def test_plain_sql_cannot_claim_a_position_or_a_name_twice(intake: Intake, rows: Rows) -> None:
    intake.admit([http(removed("a"))])
    copy = "INSERT INTO taizhang.log SELECT {} FROM taizhang.log"
    rest = "subject, effective_on, recorded_at, publisher, intake, raw_sha256, content_sha256, leaf_hash"
    with pytest.raises(psycopg.errors.UniqueViolation, match="log_pkey"):
        rows(copy.format(f"gen_random_uuid(), 1, topic, state, 1, source, 'b', {rest}"))
    with pytest.raises(psycopg.errors.UniqueViolation, match="log_source_id_key"):
        rows(copy.format(f"gen_random_uuid(), 1, topic, state, 2, source, id, {rest}"))


def test_the_librarys_own_insert_is_refused(recorder: LogRecorder) -> None:
    event = StoredEvent(originator_id((MARKET, "a")), 1, "taizhang.member.removed.v1", b"{}")
    with pytest.raises(NotSupportedError, match="written by Intake"):
        recorder.insert_events([event])


def test_the_library_reads_the_log_as_its_own(intake: Intake) -> None:
    intake.admit([http(removed("a")), http(removed("b"))])
    (event,) = intake.recorder.select_events(originator_id((MARKET, "b")))
    assert (event.topic, event.originator_version) == ("taizhang.member.removed.v1", 1)
    assert [n.id for n in intake.recorder.select_notifications(start=1, limit=10)] == [1, 2]
    assert intake.recorder.max_notification_id() == 2


def test_followers_hear_of_the_last_position_once_it_is_committed(store: str, intake: Intake) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}".encode())
        intake.admit([http(removed("a")), http(removed("b"))])
        assert [n.payload for n in connection.notifies(timeout=60, stop_after=1)] == ["2"]


def test_recorded_at_never_goes_back_though_the_clock_does(intake: Intake, rows: Rows) -> None:
    intake.admit([http(removed("a"))])
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    rows(
        "INSERT INTO taizhang.log SELECT gen_random_uuid(), 1, topic, state, 2, source, 'b', subject, effective_on,"
        " %s, publisher, intake, raw_sha256, content_sha256, leaf_hash FROM taizhang.log",
        tomorrow,
    )
    intake.admit([http(removed("c"))])
    assert [event.recorded_at for event in intake.recorder.tail(1)] == [tomorrow, tomorrow]


@pytest.mark.long
def test_leaves_and_tile_roots_are_those_of_the_tree(store: str, rows: Rows) -> None:
    """Two writers take turns, so that each finds a log that grew without it; 66,000 leaves complete level 2."""
    writers = [Intake.open(store, "one"), Intake.open(store, "two")]
    at = 0
    for turn, size in enumerate([1, 255, 1, 300, 700, 5_000, 60_000]):
        writers[turn % 2].admit([http(removed(f"e{n}"), index=n) for n in range(at, at + size)])
        at += size
    recorder = writers[0].recorder
    leaves: list[bytes] = []
    values: dict[int, bytes] = dict(rows("SELECT position, value FROM taizhang.blinding"))
    assert len(set(values.values())) == at
    while batch := recorder.tail(len(leaves)):
        assert batch[0].position == len(leaves) + 1
        leaves += [
            leaf_hash(
                leaf_of(
                    e.position,
                    record_of(e.position, e.source, e.id, e.raw_sha256, e.recorded_at, e.publisher, e.intake),
                    Blinding(bytes(values[e.position])),
                )
            )
            for e in batch
        ]
        assert leaves[-len(batch) :] == [e.leaf_hash for e in batch]
    stored = [(level, index, bytes(hash_)) for level, index, hash_ in rows("SELECT * FROM taizhang.tile_root")]
    assert sorted(stored) == sorted(Frontier().extend(leaves))
    assert (2, 0) in {(level, index) for level, index, _ in stored}
    for writer in writers:
        writer.close()


def test_an_instant_maps_to_the_last_position_recorded_at_or_before_it(intake: Intake) -> None:
    recorder = intake.recorder
    assert recorder.position_at(datetime.now(UTC)) == 0
    for id_ in "abc":
        intake.admit([http(removed(id_)), http(removed(id_ + id_))])
    events = recorder.tail(0)
    tick = timedelta(microseconds=1)
    for event in events:
        assert recorder.position_at(event.recorded_at) == event.position + event.position % 2
        assert recorder.position_at(event.recorded_at - tick) == event.position - 2 + event.position % 2
    with pytest.raises(InstantToComeError, match="has not come yet"):
        recorder.position_at(datetime.now(UTC) + timedelta(days=1))


def test_an_instant_waits_for_a_transaction_that_may_have_stamped_before_it(store: str, rows: Rows) -> None:
    rows(SLOW_COMMIT.replace("random() * 0.003", "0.7"))
    writer, reader = Intake.open(store, "writer"), Intake.open(store, "reader")
    slow = threading.Thread(target=writer.admit, args=([http(removed("a"))],))
    slow.start()
    while not rows("SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'"):
        time.sleep(0.01)
    assert reader.recorder.head() == (0, None)
    assert reader.recorder.position_at(datetime.now(UTC)) == 1
    slow.join()
    writer.close()
    reader.close()


@pytest.mark.parametrize(
    ("fault", "again"), [("after_commit", False), ("before_commit", False), ("after_commit", True)]
)
def test_a_lost_answer_to_commit_neither_doubles_nor_misreports(
    proxy: Proxy,
    rows: Rows,
    fault: Fault,
    again: bool,  # noqa: FBT001  # a case of the table above
) -> None:
    intake = Intake.open(proxy.conninfo, "test")
    intake.admit([kafka(removed("first"), 0)])
    messages = [kafka(removed("a"), 1), kafka(removed("a"), 2), kafka(b"{", 3)]
    proxy.fault = fault
    receipts = intake.admit(messages)
    assert proxy.cuts == 1
    assert [(r.disposition, r.position or r.quarantine_id) for r in receipts] == [
        ("accepted", 2), ("duplicate", 2), ("quarantined", 1),
    ]  # fmt: skip
    if again:
        assert [r.disposition for r in intake.admit(messages[:2])] == ["duplicate", "duplicate"]
    repeats = 3 if again else 1
    assert rows("SELECT received, accepted, duplicate, quarantined FROM taizhang.tally WHERE source IS NOT NULL") == [
        (2 + repeats, 2, repeats, 0)
    ]
    assert rows("SELECT count(*), (SELECT count(*) FROM taizhang.quarantine) FROM taizhang.log") == [(2, 1)]
    intake.close()


WRITER = """
import sys
from services.intake.intake import Intake
from tests.sending import http, removed
intake, batch = Intake.open(sys.argv[1], "victim"), 0
while True:
    ids = [f"{sys.argv[2]}-{batch}-{n}" for n in range(200)]
    receipts = intake.admit([http(removed(i)) for i in ids] + [http(b"{")])
    print(batch, receipts[-2].position, flush=True)
    batch += 1
"""


@pytest.mark.long
def test_a_writer_killed_in_mid_batch_loses_nothing_acknowledged_and_blocks_nobody(store: str, rows: Rows) -> None:
    root = Path(__file__).parents[2]
    for kill in range(5):
        command = [sys.executable, "-c", WRITER, store, str(kill)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as victim:
            assert victim.stdout is not None
            victim.stdout.readline()
            time.sleep(0.05 + kill * 0.013)
            victim.kill()
            acknowledged = victim.stdout.read().splitlines()
        for line in acknowledged:
            batch, position = line.split()
            assert rows("SELECT id FROM taizhang.log WHERE notification_id = %s", int(position)) == [
                (f"{kill}-{batch}-199",)
            ]
    survivor = Intake.open(store, "survivor")
    survivor.admit([http(removed("after"))])
    survivor.close()
    ((events, last, batches),) = rows(
        "SELECT count(*), max(notification_id), count(*) FILTER (WHERE id LIKE '%-199') FROM taizhang.log"
    )
    assert events == last == batches * 200 + 1
    assert rows("SELECT sum(received), sum(accepted), sum(quarantined) FROM taizhang.tally") == [
        (batches * 201 + 1, events, batches)
    ]
