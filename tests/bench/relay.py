"""`make bench-relay`: a ledger of millions of organizations sent to Kafka by `taizhang relay`, killed in the middle.

The tables that the relay reads are filled by SQL, since events of so many organizations would take a day to come in;
the relay, the database and the broker are real. Told are the relay's peak memory, the processor time of its sending,
its longest transactions, and what it did after it was killed.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
import psycopg
from kafka import KafkaConsumer, TopicPartition

from services.intake.intake import Intake
from services.postgres.database import migrate
from services.postgres.embedded import EmbeddedPostgres
from tests.fix_kafka import Broker, need_kafka
from tests.fix_service import environment
from tests.sending import STEWARD, http
from tests.small_city import events
from tests.versions import project

TOPIC = "bench.ledger"
MIB = 1 << 20
SAMPLE_S = 0.2
# Each organization as the first one of the small city, under a number of its own, known since the same position.
_FILL = """
ALTER TABLE {schema}.organization SET UNLOGGED;
ALTER TABLE {schema}.organization DROP CONSTRAINT organization_pkey, DROP CONSTRAINT organization_org_key;
ALTER TABLE {schema}.attributes SET UNLOGGED;
ALTER TABLE {schema}.attributes DROP CONSTRAINT attributes_pkey;
DROP INDEX {schema}.attributes_org;
ALTER TABLE {schema}.entry SET UNLOGGED;
ALTER TABLE {schema}.entry DROP CONSTRAINT entry_pkey;
DROP INDEX {schema}.entry_org;
INSERT INTO {schema}.organization SELECT {first} + n, 'group:bench-' || n FROM generate_series(0, {last}) n;
INSERT INTO {schema}.attributes
SELECT {attributes} + n, {first} + n, kind, category, name || n, '99' || lpad((n % 9973)::text, 4, '0') || '01',
       industry, n % 90, supervisor, address, registered_region, legal_person, above_scale
  FROM {schema}.attributes, generate_series(0, {last}) n WHERE attributes_no = 0;
INSERT INTO {schema}.entry
SELECT {entries} + n, {position}, {first} + n, day_from, day_to, -1, {attributes} + n, excluded, full_members,
       probationary_members, activists, standalone, joint, affiliated, instructors, full_elsewhere,
       probationary_elsewhere, answers, effective_standalone, effective_joint, effective_affiliated
  FROM {schema}.entry, generate_series(0, {last}) n WHERE entry = 0;
ALTER TABLE {schema}.organization ADD PRIMARY KEY (org_no);
ALTER TABLE {schema}.attributes ADD PRIMARY KEY (attributes_no);
ALTER TABLE {schema}.entry ADD PRIMARY KEY (entry);
ANALYZE {schema}.organization; ANALYZE {schema}.attributes; ANALYZE {schema}.entry
"""
_NUMBERS = """
SELECT (SELECT max(org_no) + 1 FROM {schema}.organization), (SELECT max(attributes_no) + 1 FROM {schema}.attributes),
       (SELECT max(entry) + 1 FROM {schema}.entry), position, 'ledger_' || version
  FROM taizhang.projection WHERE state = 'in_use'
"""
_STAND = "SELECT sent, toward_position IS NULL, done_to FROM taizhang.relay WHERE kind = 'ledger'"
_LONGEST = """
SELECT application_name, max(extract(epoch FROM clock_timestamp() - xact_start))::float8 FROM pg_stat_activity
 WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND application_name LIKE 'taizhang%%' GROUP BY 1
"""


def filled(conninfo: str, count: int) -> None:
    """A ledger of so many organizations, and some that came by events."""
    migrate(conninfo)
    intake = Intake.open(conninfo, "bench")
    intake.admit([http(each, STEWARD, index) for index, each in enumerate(islice(events(), 100))])
    intake.close()
    project(conninfo)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        (schema,) = connection.execute(
            "SELECT 'ledger_' || version FROM taizhang.projection WHERE state = 'in_use'"
        ).fetchone() or ("",)
        numbers = connection.execute(_NUMBERS.format(schema=schema).encode()).fetchone() or ()
        first, attributes, entries, position, _ = numbers
        for statement in _FILL.format(
            schema=schema, first=first, attributes=attributes, entries=entries, position=position, last=count - 1
        ).split(";"):
            connection.execute(statement.encode())


class Relay:
    """One run of `taizhang relay`; its peak memory and processor time once it has ended."""

    def __init__(self, conninfo: str, broker: Broker, folder: Path, longest: dict[str, float]) -> None:
        given = environment(
            database_url=conninfo, kafka_bootstrap=broker.address, kafka_ledger_topic=TOPIC, data=str(folder / "data")
        )
        with (folder / "relay.log").open("ab") as log:
            program = Path(sys.executable).parent / "taizhang"
            self._process = subprocess.Popen([program, "relay"], env=given, stdout=log, stderr=log)
        self._ps, self._conninfo, self._longest = psutil.Process(self._process.pid), conninfo, longest
        self.peak, self.cpu_s, self._over = 0, 0.0, threading.Event()
        self._watching = threading.Thread(target=self._watch)
        self._watching.start()

    def _watch(self) -> None:
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            while not self._over.wait(SAMPLE_S) and self._process.poll() is None:
                for name, seconds in connection.execute(_LONGEST.encode()):
                    self._longest[name] = max(self._longest.get(name, 0.0), seconds)
                status = Path(f"/proc/{self._process.pid}/status").read_text()
                if "VmHWM:" not in status:
                    return  # it was killed, and is only waited for
                self.peak = int(status.partition("VmHWM:")[2].split()[0]) << 10
                times = self._ps.cpu_times()
                self.cpu_s = times.user + times.system

    def until(self, connection: psycopg.Connection[tuple[int, bool, int]], sent: int | None, deadline: float) -> int:
        """Wait until so many records were sent, or all (None); how many there are."""
        while True:
            row = connection.execute(_STAND).fetchone()
            if row is not None and ((sent is None and row[1] and row[0]) or (sent is not None and row[0] >= sent)):
                return row[0]
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.end(kill=True)
                raise TimeoutError(f"not done in time; it stands at {row}")
            time.sleep(SAMPLE_S)

    def end(self, *, kill: bool) -> None:
        """End it, with or without a warning."""
        (self._process.kill if kill else self._process.terminate)()
        self._process.wait(60)
        self._over.set()
        self._watching.join()


def missing(broker: Broker, count: int) -> int:
    """How many of the organizations no record of the topic is about."""
    consumer = KafkaConsumer(bootstrap_servers=broker.address, group_id=None, isolation_level="read_committed",
                             max_poll_records=20_000)  # fmt: skip
    partitions = [TopicPartition(TOPIC, each) for each in consumer.partitions_for_topic(TOPIC) or ()]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    ends, seen = consumer.end_offsets(partitions), np.zeros(count, np.bool_)
    while any(consumer.position(each) < ends[each] for each in partitions):
        for records in consumer.poll(timeout_ms=500).values():
            numbers = [int(each.key[12:]) for each in records if each.key.startswith(b"group:bench-")]
            seen[numbers] = True
    consumer.close()
    return int(count - seen.sum())


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Print what came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organizations", type=int, default=5_000_000)
    parser.add_argument("--minutes", type=float, default=60, help="give up after so long")
    parser.add_argument("--sent", type=int, help="end after so many records; left out: after all of them")
    asked = parser.parse_args()
    count, deadline = asked.organizations, time.monotonic() + 60 * asked.minutes
    need_kafka()
    with tempfile.TemporaryDirectory(prefix="taizhang-bench-") as name:
        folder, server, longest = Path(name), EmbeddedPostgres(), dict[str, float]()
        folder.chmod(0o755)
        conninfo, broker = server.start(folder / "postgres"), Broker(folder / "kafka")
        try:
            broker.do("start")
            filled(conninfo, count)
            say(f"filled: {count:,} organizations")
            with psycopg.connect(conninfo, autocommit=True) as connection:
                first = Relay(conninfo, broker, folder, longest)
                stood = first.until(connection, (asked.sent or count) // 3, deadline)
                first.end(kill=True)
                began, again = time.monotonic(), Relay(conninfo, broker, folder, longest)
                resumed = again.until(connection, stood + 1, deadline)
                resumed_s = time.monotonic() - began
                sent = again.until(connection, asked.sent, deadline)
                again.end(kill=False)
            say(f"killed at {stood:,}, went on after {resumed_s:.0f} s (at {resumed:,}), sent {sent:,} in all")
            for name_, run in (("first", first), ("second", again)):
                say(f"{name_} run: peak {run.peak / MIB:,.0f} MiB, {run.cpu_s:,.0f} s of processor time")
            told = ", ".join(f"{each} {seconds:.2f} s" for each, seconds in sorted(longest.items()))
            say(f"longest transactions: {told}")
            if asked.sent is None:
                say(f"organizations that the topic lacks: {missing(broker, count)}")
        finally:
            broker.do("stop")
            server.stop()


if __name__ == "__main__":
    main()
