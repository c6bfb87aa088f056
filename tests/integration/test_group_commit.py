"""Group commit: small requests share transactions, and nothing else."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from services.intake import group_commit
from services.intake.group_commit import GroupCommit
from services.intake.intake import Intake, Message, Receipt
from services.system.errors import QueueFullError, StoreUnavailableError
from tests.fix_store import Rows
from tests.sending import REGISTRY, http, removed

POISON = Message(b"{}", {"channel": object()}, REGISTRY)  # no JSON: a fault of the program, not of the sender


@pytest.fixture
def group(intake: Intake) -> Iterator[GroupCommit]:
    opened = GroupCommit(intake)
    yield opened
    opened.close()


@pytest.fixture
def gate(store: str) -> Iterator[psycopg.Connection]:
    """A connection that holds the log's gate until its transaction ends."""
    with psycopg.connect(store) as connection:
        connection.execute("LOCK TABLE taizhang.log_gate IN EXCLUSIVE MODE")
        yield connection


def positions(answers: list[Future[list[Receipt]]]) -> list[list[int | None]]:
    return [[receipt.position for receipt in answer.result(timeout=60)] for answer in answers]


def test_requests_that_come_together_share_commits_and_stay_whole(
    group: GroupCommit, rows: Rows, gate: psycopg.Connection
) -> None:
    answers = [group.submit([http(removed(f"{n}-{m}")) for m in range(3)]) for n in range(100)]
    gate.rollback()
    assert positions(answers) == [[3 * n + 1, 3 * n + 2, 3 * n + 3] for n in range(100)]
    ((commits,),) = rows("SELECT count(DISTINCT recorded_at) FROM taizhang.log")
    assert commits <= 3


def test_an_answer_comes_only_after_the_commit(group: GroupCommit, rows: Rows, gate: psycopg.Connection) -> None:
    answer = group.submit([http(removed("a"))])
    with pytest.raises(TimeoutError):
        answer.result(timeout=0.2)
    assert rows("SELECT count(*) FROM taizhang.log") == [(0,)]
    gate.rollback()
    assert positions([answer]) == [[1]]
    assert rows("SELECT count(*) FROM taizhang.log") == [(1,)]


def test_one_callers_fault_is_its_own(group: GroupCommit, gate: psycopg.Connection) -> None:
    first = group.submit([http(removed("first"))])
    good = [group.submit([http(removed(f"{n}"))]) for n in range(3)]
    bad = group.submit([http(removed("lost")), POISON])
    good += [group.submit([http(removed(f"{n}"))]) for n in range(3, 6)]
    gate.rollback()
    assert positions([first, *good]) == [[n] for n in range(1, 8)]
    assert isinstance(bad.exception(timeout=60), TypeError)
    assert positions([group.submit([http(removed("after"))])]) == [[8]]


def running(group: GroupCommit) -> Future[list[Receipt]]:
    """A request that the thread has taken and that waits at the gate, so that those after it wait in the queue."""
    first = group.submit([http(removed("first"))])
    while not first.running():
        time.sleep(0.001)
    return first


def test_a_full_queue_says_when_to_come_again(
    group: GroupCommit, gate: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "QUEUE_MESSAGES_MAX", 6)
    answers = [running(group), group.submit([http(removed("a")), http(removed("b"))])]
    told = r"2 messages of \d+ bytes of yours wait .* at most 3 of .* send again after 1 s"
    with pytest.raises(QueueFullError, match=told) as caught:
        group.submit([http(removed("c")), http(removed("d"))])
    assert caught.value.retry_after_s == 1
    gate.rollback()
    assert positions(answers) == [[1], [2, 3]]
    assert positions([group.submit([http(removed("c")), http(removed("d"))])]) == [[4, 5]]


def test_a_full_queue_counts_bytes_too(
    group: GroupCommit, gate: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "QUEUE_BYTES_MAX", 1_000)
    running(group)
    group.submit([http(b"x" * 1_600)])
    with pytest.raises(QueueFullError, match="1600 bytes of yours wait"):
        group.submit([http(b"x")])
    gate.rollback()


def of(name: str, id_: str) -> Message:
    return http(removed(id_, f"/{name}"), replace(REGISTRY, name=name))


def test_a_publisher_that_has_sent_all_it_may_keeps_nobody_out_and_nobody_waiting(
    group: GroupCommit, rows: Rows, gate: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "QUEUE_MESSAGES_MAX", 8)
    monkeypatch.setattr(group_commit, "COMMIT_MESSAGES_MAX", 2)
    answers = [running(group), *(group.submit([of("much", f"m{n}")]) for n in range(4))]
    with pytest.raises(QueueFullError, match=r"4 messages of \d+ bytes of yours"):
        group.submit([of("much", "m4")])
    answers += [group.submit([of("other", f"o{n}")]) for n in range(4)]
    # Not even all publishers together keep out who has nothing there yet.
    answers.append(group.submit([of("third", "t0")]))
    with pytest.raises(QueueFullError, match=r"9 messages of \d+ bytes of all publishers"):
        group.submit([of("third", "t1")])
    gate.rollback()
    positions(answers)
    told = [id_ for (id_,) in rows("SELECT id FROM taizhang.log ORDER BY notification_id")]
    assert told == ["first", "m0", "o0", "t0", "m1", "o1", "m2", "o2", "m3", "o3"]
    # All of it is there again for whoever comes now.
    assert positions([group.submit([of("much", f"n{n}")]) for n in range(4)]) == [[n] for n in range(11, 15)]


def test_many_clients_at_once_are_each_answered_for_their_own(group: GroupCommit, rows: Rows) -> None:
    def client(number: int) -> list[Receipt]:
        return [group.submit([http(removed(f"{number}-{n % 20}"))]).result(timeout=30)[0] for n in range(25)]

    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(client, range(16)))
    for number, receipts in enumerate(answers):
        assert [receipt.id for receipt in receipts] == [f"{number}-{n % 20}" for n in range(25)]
        assert [receipt.disposition for receipt in receipts] == ["accepted"] * 20 + ["duplicate"] * 5
    assert rows("SELECT count(*), max(notification_id) FROM taizhang.log") == [(320, 320)]


def test_closing_takes_in_what_waits_and_nothing_more(intake: Intake, gate: psycopg.Connection) -> None:
    group = GroupCommit(intake)
    answers = [group.submit([http(removed(f"{n}"))]) for n in range(5)]
    gate.rollback()
    group.close()
    assert sorted(positions(answers)) == [[n] for n in range(1, 6)]
    with pytest.raises(StoreUnavailableError):
        group.submit([http(removed("late"))])


def test_a_request_given_up_while_it_waits_is_not_taken_in(
    group: GroupCommit, rows: Rows, gate: psycopg.Connection
) -> None:
    first = running(group)
    assert group.submit([http(removed("b"))]).cancel()
    last = group.submit([http(removed("c"))])
    gate.rollback()
    assert positions([first, last]) == [[1], [2]]
    assert rows("SELECT id FROM taizhang.log ORDER BY 1") == [("c",), ("first",)]
