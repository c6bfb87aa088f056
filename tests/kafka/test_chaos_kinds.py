"""Faults that no random act makes: a full disk, a wrong clock, a leader elected without what was read from the last."""

import contextlib
import os
import random
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kafka.admin import NewTopic

from services.intake.condition import conditions
from services.intake.intake import Intake
from services.kafka.relay_turn import today
from services.postgres import postmaster
from services.postgres.database import migrate
from services.postgres.embedded import EmbeddedPostgres
from services.system.settings import SHANGHAI
from tests.aftermath import assert_nothing_lost
from tests.fix_kafka import Broker, allow, allowed, need_kafka, wait_until
from tests.fix_outages import Outages, fill
from tests.fix_service import Service
from tests.kafka.accounts import PARTITIONS, assert_accounted, assert_right, lines, send, without_conflicts
from tests.sending import as_bytes, envelope
from tests.small_city import events, message

pytestmark = [pytest.mark.kafka, pytest.mark.chaos, pytest.mark.timeout(600)]

LEFT_BYTES = 6 << 20
A_YEAR = timedelta(days=365)
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


class Cluster(Broker):
    """Three brokers; the first is the controller too, and holds no replica of what is tested."""

    def __init__(self, folder: Path) -> None:
        self.ones = []
        mores = [folder / f"{number}.properties" for number in (1, 2, 3)]
        for number, more in enumerate(mores, 1):
            self.ones.append(Broker(folder / f"broker-{number}", more))
        voters = f"1@127.0.0.1:{self.ones[0].port + 1}"
        for number, (one, more) in enumerate(zip(self.ones, mores, strict=True), 1):
            words = [f"node.id={number}", f"controller.quorum.voters={voters}", "unclean.leader.election.enable=true",
                     "offsets.topic.replication.factor=3", "broker.session.timeout.ms=3000"]  # fmt: skip
            if number > 1:
                words += ["process.roles=broker", f"listeners=PLAINTEXT://127.0.0.1:{one.port}"]
            more.write_text("\n".join(words) + "\n")
        self.address = ",".join(each.address for each in self.ones)

    def do(self, verb: str) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda each: each.do(verb), self.ones))

    def create(self, topic: str, partitions: int, **config: str) -> None:
        """On the second and the third; the second leads."""
        places = {each: [2, 3] for each in range(partitions)}
        with self.admin() as admin:
            admin.create_topics([NewTopic(topic, replica_assignments=places, topic_configs=config)])


@pytest.mark.parametrize("now", ["shorter than what was read", "longer than what was read"])
def test_a_leader_that_lacks_what_was_read_is_noticed_and_all_it_has_comes_in(
    store: str, topic: str, rng: random.Random, now: str
) -> None:
    need_kafka()
    messages = without_conflicts(lines(4_000))
    common, lost, after = (
        messages[:1_500],
        messages[1_500:2_000],
        messages[2_000 : (2_200 if now.startswith("shorter") else 4_000)],
    )
    with tempfile.TemporaryDirectory(prefix="taizhang-kafka-") as folder:
        cluster = Cluster(Path(folder))
        cluster.do("start")
        try:
            cluster.create(topic, 1)
            stage = allowed(cluster, store, topic)
            with stage.ingesting():
                send(stage, common, 0)
                stage.wait_caught_up()
                cluster.ones[2].do("kill")
                send(stage, lost, 0)
                stage.wait_caught_up()
                cluster.ones[1].do("kill")
                cluster.ones[2].do("start")
                wait_until(lambda: ends(cluster, topic) == {0: len(common)}, "the third leads, without what it lacks")
                send(stage, after, 0)
                cluster.ones[1].do("start")
                stage.wait_caught_up(120)
        finally:
            cluster.do("stop")
    (found,) = stage.query("SELECT generation, next_offset FROM taizhang.kafka_partition WHERE topic = %s", topic)
    assert found == (2, len(common) + len(after))
    received, accepted, duplicate, quarantined = stage.tally()
    assert received == accepted + duplicate + quarantined == len(common) * 2 + len(lost) + len(after)
    assert_right(stage, messages[: len(common) + len(lost) + len(after)], rng)


def ends(broker: Broker, topic: str) -> dict[int, int]:
    """Where the partitions end; nowhere while they have no leader."""
    with contextlib.suppress(Exception):
        return broker.ends(topic)
    return {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk of a size")
def test_a_full_disk_stops_intake_in_words_and_once_there_is_room_nothing_is_lost(
    broker: Broker, topic: str, small_disk: Path, rng: random.Random, capfd: pytest.CaptureFixture[str]
) -> None:
    messages = without_conflicts(lines(6_000))
    outages = Outages(small_disk)
    try:
        broker.create(topic, PARTITIONS)
        stage = allowed(broker, outages.conninfo, topic)
        ballast = fill(small_disk, LEFT_BYTES)
        with stage.ingesting():
            send(stage, messages, 0)
            said = ""

            def told() -> bool:
                nonlocal said
                said += capfd.readouterr().out
                return "PostgreSQL is away" in said

            wait_until(told, "intake says that the database takes no more", 120)
            assert not stage.caught_up()
            ballast.unlink()
            # A server that could not write its own log has ended; the service's keeper would start it.
            outages.start()
            stage.wait_caught_up(120)
        assert_accounted(stage, len(messages))
        assert_right(stage, messages, rng)
    finally:
        outages.close()


def clock_of(monkeypatch: pytest.MonkeyPatch, ahead: timedelta | None) -> None:
    """From now on the servers that are started have a clock that is ahead, or the machine's."""
    given = _as_user(None)["env"]
    faked = {
        "LD_PRELOAD": str(FAKETIME), "FAKETIME": f"+{0 if ahead is None else int(ahead.total_seconds())}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    more = {} if ahead is None else faked

    def as_user(user: Any) -> dict[str, Any]:  # noqa: ANN401 - as the original
        return _as_user(user) | {"env": given | more}

    monkeypatch.setattr(postmaster, "as_user", as_user)


_as_user = postmaster.as_user


@pytest.mark.skipif(FAKETIME is None, reason="needs libfaketime (make setup-chaos)")
def test_a_clock_a_year_ahead_and_back_loses_nothing_and_stops_nobody(
    used_data_dir: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = list(islice(events(), 120))
    clock_of(monkeypatch, A_YEAR)
    server = EmbeddedPostgres()
    conninfo = server.start(used_data_dir)
    try:
        migrate(conninfo)
        allow(conninfo, "elsewhere")
        admit(conninfo, sent[:60])
        with psycopg.connect(conninfo) as connection:
            # The relay publishes the day of the clock that is behind: never the future.
            assert today(connection, datetime.now(UTC).astimezone(SHANGHAI).date()) <= local_day()
    finally:
        server.stop()
    clock_of(monkeypatch, None)
    server = EmbeddedPostgres()
    conninfo = server.start(used_data_dir)
    try:
        with Service(used_data_dir.parent, "--dev", database_url=conninfo) as service:
            result = service.publish(sent[60:])[-1]
            assert result["disposition"] == "accepted"
            position = result["position"]
            answer = service.get("/v1/rates", min_position=position)
            assert answer["known_at"]["position"] >= position
            ready = service.http.get("/health/ready")
            parts = ready.json()["parts"]
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            assert "it was ahead" in parts["clock"]["detail"]
            assert parts["projections"]["ready"], parts["projections"]
            assert parts["intake"]["ready"], parts["intake"]
            # Stated, it blinds readiness no longer, and answers over those positions say so.
            data = {"effective_on": "2024-05-01", "first": 2, "last": position, "was": "ahead", "reason": "NTP"}
            (stated,) = service.publish(envelope("wrong", "clock.found_wrong", data, "/office/operations"))
            told = service.get("/v1/rates", known_at=position, min_position=stated["position"])["known_at"]
            assert [each["position"] for each in told["clock_wrong"]] == [stated["position"]]
            clock = service.get("/health/ready")["parts"]["clock"]
            assert clock["ready"], clock
            assert_nothing_lost(conninfo, rng, map(as_bytes, sent), service=service)
        with psycopg.connect(conninfo) as connection:
            instants = [
                each for (each,) in connection.execute("SELECT recorded_at FROM taizhang.log ORDER BY notification_id")
            ]
        assert instants == sorted(instants)
        assert instants[2] - datetime.now(UTC) > A_YEAR - timedelta(hours=1)
    finally:
        server.stop()


def admit(conninfo: str, sent: list[dict[str, Any]]) -> None:
    """Take events in, and look that readiness finds nothing wrong while the clock is only ahead."""
    intake = Intake.open(conninfo, "test")
    try:
        receipts = intake.admit([message(each, number) for number, each in enumerate(sent)])
        assert {each.disposition for each in receipts} == {"accepted"}
        assert {each.part for each in conditions(intake.recorder, Path("/")) if not each.ready} <= {"disk", "clock"}
    finally:
        intake.close()


def local_day() -> Any:  # noqa: ANN401 - a date
    return datetime.now(UTC).astimezone(SHANGHAI).date()
