"""Whoever fills the service with sockets, heads, bodies, streams or waiting reads shuts nobody else out.

TAIZHANG_TEST_EDGE_ROUNDS says how often the whole crowd comes; left out, once (make test-edge: ten times), and
TAIZHANG_TEST_EDGE_S within how many seconds others are answered meanwhile (make test-edge: 1; else 60, since other
tests run beside).
"""

import os
import re
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import psycopg
import pytest

from api.app import calls
from services.access.api_keys import add_key
from services.serving.connections import PIPELINED_MAX
from tests.fix_service import Service, new_database

ROUNDS = int(os.environ.get("TAIZHANG_TEST_EDGE_ROUNDS", "1"))
WITHIN_S = float(os.environ.get("TAIZHANG_TEST_EDGE_S", "60"))
HALF_SENT, IDLE, ENDLESS, STREAMS, WAITS = 700, 1_000, 10, 100, 100
CONNECTIONS_MAX, OF_ONE_MAX = 1_500, 900
HEAD_BYTES_MAX, HEAD_S, BODY_S = 32_768, 20, 30
# The service ends each of them by itself long before; only a test of a service that does not waits for so long.
PATIENCE_S = 120
ATTACKER, NEIGHBOUR = "127.0.0.1", "127.0.0.2"

pytestmark = [pytest.mark.long, pytest.mark.timeout(300 * ROUNDS + 300)]


class House(NamedTuple):
    """A service, the attacker's key, and others: from an address of their own, and from the attacker's."""

    service: Service
    database: str
    key: str
    accomplice: str
    others: list[httpx.Client]
    monitor: httpx.Client

    def answers_others(self) -> None:
        """Others get their rates, and monitoring its answer, now."""
        for other in self.others:
            answer = other.get("/v1/rates", params={"as_of": "2024-12-31"})
            assert answer.status_code == 200, answer.text
        assert self.monitor.get("/health/live").status_code == 200
        ready = self.monitor.get("/health/ready").json()
        assert ready["status"] in ("ready", "degraded")

    def part(self) -> dict[str, object]:
        found: dict[str, object] = self.monitor.get("/health/ready").json()["parts"]["edge"]
        return found

    def head(self, line: str, *headers: str, key: bool | str) -> bytes:
        bearer = (f"authorization: Bearer {self.key if key is True else key}",) if key else ()
        return "\r\n".join((f"{line} HTTP/1.1", "host: localhost", *bearer, *headers, "", "")).encode()

    def half_sent(self, *, key: bool) -> bytes:
        body = ("content-type: application/cloudevents-batch+json", "content-length: 1000")
        return self.head("POST /v1/events", *body, key=key) + b"["


@pytest.fixture(scope="module")
def house(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4_096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4_096), hard))
    folder = tmp_path_factory.mktemp("edge")
    database = new_database(postgres)
    settings = {
        "database_url": database, "requests_per_second": "0", "wait_seconds_max": "5",
        "head_seconds_max": str(HEAD_S), "body_seconds_max": str(BODY_S), "connections_max": str(CONNECTIONS_MAX),
        "connections_of_one_max": str(OF_ONE_MAX),
    }  # fmt: skip
    with ExitStack() as stack:
        service = stack.enter_context(Service(folder, **settings))
        keys = folder / "data" / "api-keys.json"
        attacker, accomplice = (
            add_key(keys, name, frozenset({"publisher", "inspector"}), None) for name in ("attacker", "accomplice")
        )
        bearer = {"authorization": f"Bearer {add_key(keys, 'other', frozenset({'inspector'}), None)}"}

        def client(address: str, headers: dict[str, str]) -> httpx.Client:
            way = httpx.HTTPTransport(local_address=address)
            made = httpx.Client(base_url=service.url, headers=headers, transport=way, timeout=PATIENCE_S)
            return stack.enter_context(made)

        others = [client(NEIGHBOUR, bearer), client(ATTACKER, bearer)]
        yield House(service, database, attacker, accomplice, others, client(NEIGHBOUR, {}))


@contextmanager
def asking_all_the_while(house: House) -> Iterator[list[float]]:
    """The seconds that each answer of its rates takes a neighbour, who asks one after the other until this ends."""
    waited, over = list[float](), threading.Event()
    asked, headers = {"as_of": "2024-12-31"}, house.others[0].headers
    way = httpx.HTTPTransport(local_address=NEIGHBOUR)

    def ask() -> None:
        with httpx.Client(base_url=house.service.url, headers=headers, transport=way, timeout=PATIENCE_S) as client:
            while not over.wait(0.02):
                began = time.monotonic()
                found = client.get("/v1/rates", params=asked).status_code
                waited.append(time.monotonic() - began if found == 200 else float("inf"))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waited
    finally:
        over.set()
        thread.join()
        print(f"{len(waited)} rates meanwhile, the slowest in {max(waited):.2f} s")  # noqa: T201 - told by -s


def opened(house: House, stack: ExitStack, number: int, first: bytes) -> list[socket.socket]:
    """Sockets of the attacker's, each with these bytes sent."""
    found = []
    for _ in range(number):
        one = socket.create_connection(
            ("127.0.0.1", house.service.port), timeout=PATIENCE_S, source_address=(ATTACKER, 0)
        )
        stack.enter_context(one)
        if first:
            one.sendall(first)
        found.append(one)
    return found


def status(one: socket.socket) -> int | None:
    """The status that a socket is answered with; None where the service ended it without a word."""
    try:
        line = one.recv(4_096)
    except ConnectionResetError:
        return None
    return int(line.split(b" ", 2)[1]) if line else None


def statuses(sockets: list[socket.socket]) -> Counter[int | None]:
    return Counter(status(one) for one in sockets)


def sent_until_ended(one: socket.socket, piece: bytes, bytes_max: int) -> int:
    """How many bytes a socket takes, sent piece by piece, until the service ends it."""
    sent = 0
    try:
        while sent < bytes_max:
            sent += one.send(piece)
    except (ConnectionError, TimeoutError):
        return sent
    return pytest.fail(f"the service has taken {sent} bytes, and would take more")


def test_a_whole_crowd_from_one_address_shuts_nobody_out_and_health_tells(house: House) -> None:
    house.answers_others()
    assert house.part()["ready"]
    for _ in range(ROUNDS):
        with ExitStack() as stack:
            waited = stack.enter_context(asking_all_the_while(house))
            strangers = opened(house, stack, HALF_SENT, house.half_sent(key=False))
            house.answers_others()
            assert statuses(strangers) == Counter({401: HALF_SENT})

            # A page of what there is not, which takes longer than an answer of data.
            opened(house, stack, HALF_SENT, house.head("GET /nothing", "accept: text/html", key=False))
            house.answers_others()
            known = opened(house, stack, HALF_SENT, house.half_sent(key=True))
            house.answers_others()
            idle = opened(house, stack, IDLE, b"")
            house.answers_others()
            for line in ("GET /v1/ledger/stream", "GET /v1/rates?min_position=900000000"):
                opened(house, stack, STREAMS, house.head(line, key=True))
                opened(house, stack, STREAMS, house.head(line, key=False))
                house.answers_others()
            part = house.part()
            assert not part["ready"], part
            # Every one of them ends, and without the client's help.
            assert set(statuses(known)) <= {408, 429, None}
            assert set(statuses(idle)) == {None}
            house.answers_others()
        house.answers_others()
        assert len(waited) > 10
        assert max(waited) < WITHIN_S
    measured = house.monitor.get("/metrics").text
    assert 'taizhang_connections_ended_total{why="crowded"}' in measured
    assert 'taizhang_places_refused_total{kind="requests"}' in measured


def test_who_has_all_work_under_way_that_he_may_keeps_nobody_from_being_answered(house: House) -> None:
    """Two callers' questions stand still, as slow ones do: a few of each are at work, and all others are answered."""
    house.answers_others()
    asked = "GET /v1/organizations"
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(house.database))
        # Until this ends the trail of reading takes nothing, and no list leaves without it.
        connection.execute("LOCK TABLE taizhang.reading_gate IN EXCLUSIVE MODE")
        for key in (house.key, house.accomplice):
            opened(house, stack, 30, house.head(asked, key=key))
        deadline = time.monotonic() + PATIENCE_S
        while "6 at work, " not in (told := str(house.part()["detail"])):
            assert time.monotonic() < deadline, told
            time.sleep(0.05)
        for other in house.others:
            assert other.get("/v1/session").status_code == 200
        connection.rollback()
    house.answers_others()


def test_of_half_sent_bodies_a_caller_has_its_share_and_each_ends_in_its_time(house: House) -> None:
    with ExitStack() as stack:
        found = statuses(opened(house, stack, 60, house.half_sent(key=True)))
    assert found == Counter({408: 32, 429: 28})


# Every call with a body that asks who calls, and one that should have none.
BODIES = ["GET /v1/rates"] + [
    f"{each.method} {re.sub('{[^}]*}', '1', each.path)}"
    for each in calls()
    if each.method != "GET" and each.question is not None and each.question.roles is not None
]


def test_a_stranger_s_body_is_never_waited_for(house: House) -> None:
    assert len(BODIES) > 30
    for line in BODIES:
        with ExitStack() as stack:
            head = house.head(line, "content-type: application/json", "content-length: 1000", key=False)
            (one,) = opened(house, stack, 1, head + b"{")
            assert status(one) == 401, line


@pytest.mark.parametrize(
    "beginning", [b"GET /v1/rates", b"GET / HTTP/1.1\r\nx-long: ", b"POST /v1/log HTTP/1.1\r\ntransfer-encoding: "]
)
def test_a_head_without_end_is_refused_at_its_limit(house: House, beginning: bytes) -> None:
    with ExitStack() as stack:
        (one,) = opened(house, stack, 1, beginning)
        # What the sockets' own buffers hold comes on top of the limit.
        sent_until_ended(one, b"a" * 65_536, 16 << 20)
    house.answers_others()


def test_many_small_headers_are_refused_at_their_limit(house: House) -> None:
    fields = (f"x-{number}: {'a' * 50}" for number in range(HEAD_BYTES_MAX // 50))
    with ExitStack() as stack:
        (one,) = opened(house, stack, 1, house.head("GET /v1/rates", *fields, key=True))
        assert status(one) == 431
    some = house.head("GET /v1/rates", *(f"x-{number}: {'a' * 50}" for number in range(100)), key=True)
    with ExitStack() as stack:
        (one,) = opened(house, stack, 1, some)
        assert status(one) == 200


def test_trailers_without_end_are_refused_at_their_limit(house: House) -> None:
    chunked = house.head("POST /v1/events", "transfer-encoding: chunked", "content-type: application/json", key=True)
    with ExitStack() as stack:
        (one,) = opened(house, stack, 1, chunked + b"1\r\n[\r\n0\r\n")
        sent_until_ended(one, b"x-more: " + b"a" * 8_192 + b"\r\n", 16 << 20)


def test_a_cookie_of_escapes_costs_no_more_than_another(house: House) -> None:
    def cpu_s() -> float:
        used = Path(f"/proc/{house.service.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")

    def cost(value: str) -> float:
        before = cpu_s()
        for _ in range(20):
            house.monitor.get("/v1/rates", headers={"cookie": f'x="{value}"'})
        return cpu_s() - before

    cost("a" * 28_000)
    assert cost("\\" * 28_000) < 5 * cost("a" * 28_000) + 2


def test_a_body_in_crumbs_is_refused_and_one_in_small_chunks_is_not(house: House) -> None:
    head = house.head("POST /v1/events", "transfer-encoding: chunked", "content-type: application/json", key=True)
    with ExitStack() as stack:
        (one,) = opened(house, stack, 1, head)
        sent_until_ended(one, b"1\r\n \r\n" * 10_000, 1 << 26)
        small = head + (b"28\r\n" + b" " * 40 + b"\r\n") * 6_000 + b"2\r\n[]\r\n0\r\n\r\n"
        assert status(opened(house, stack, 1, small)[0]) == 200
    assert 'taizhang_connections_ended_total{why="crumbs"}' in house.monitor.get("/metrics").text


def test_a_connection_without_a_word_ends_in_its_time_and_one_between_requests_in_its_own(house: House) -> None:
    with ExitStack() as stack:
        silent, half, used = (
            opened(house, stack, 1, first)[0]
            for first in (b"", b"GET /v1/ra", house.head("GET /health/live", key=False))
        )
        assert status(used) == 200
        assert status(half) == 408
        assert status(silent) is None
        while used.recv(4_096):  # the rest of its answer, and then the end
            pass


def test_streams_and_waiting_reads_have_a_share_of_one_caller(house: House) -> None:
    with ExitStack() as stack:
        asked = house.head("GET /v1/ledger/stream", key=True)
        streams = statuses(opened(house, stack, STREAMS, asked))
        assert streams == Counter({200: 25, 429: 75})
        waits = statuses(opened(house, stack, WAITS, house.head("GET /v1/rates?min_position=900000000", key=True)))
        assert set(waits) == {503, 429}
        assert waits[503] == 16
        house.answers_others()


def test_a_client_that_reads_no_answer_is_cut_off(postgres: str, tmp_path: Path) -> None:
    settings = {"database_url": new_database(postgres), "send_seconds_max": "1", "requests_per_second": "0"}
    with Service(tmp_path, "--dev", **settings) as service, ExitStack() as stack:
        head = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n"
        # What was asked for fills every buffer on the way, since nothing is read; then the service ends it.
        deaf = stack.enter_context(socket.socket())
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.connect(("127.0.0.1", service.port))
        deaf.sendall(head * PIPELINED_MAX)
        deadline = time.monotonic() + PATIENCE_S
        while 'taizhang_connections_ended_total{why="cut off"}' not in service.http.get("/metrics").text:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_of_requests_sent_before_their_answers_few_wait(house: House) -> None:
    """A client that goes on to send them grows no memory, and holds up nobody."""
    head = house.head("GET /health/live", key=False)
    with ExitStack() as stack:
        (fair,) = opened(house, stack, 1, head * PIPELINED_MAX)
        found = b""
        while found.count(b"HTTP/1.1 200") < PIPELINED_MAX:
            more = fair.recv(65_536)
            assert more, found
            found += more
        flood = opened(house, stack, 50, b"")
        for one in flood:
            sent_until_ended(one, head * 2_000, 1 << 24)
        house.answers_others()
    assert 'taizhang_connections_ended_total{why="pipelined"}' in house.monitor.get("/metrics").text
