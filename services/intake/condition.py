"""What stands around the log: whether it can be written; Kafka, relay, notices, chores, disk and clock, in words.

Each part says what is the case, why, and what to do. Only what the service cannot do its work without makes it not
ready; the rest asks for an operator while questions are answered as ever.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import Cursor
from psycopg.rows import tuple_row

from services.ledger.wrong_clocks import Stated
from services.log.gate import TABLE, WAIT_S
from services.log.recorder import LogRecorder
from services.postgres import holders
from services.postgres.chores import chores

# A silent writer is ended by the next one after some seconds; one that has it for longer than this is another's.
GATE_HELD_S_MAX: Final = 3.0 * WAIT_S
# Ingest looks at its partitions every two seconds, a relay sends twice a second.
UNSEEN_S_MAX: Final = 60.0
CLOCK_BEHIND_S_MAX: Final = 1.0
NOTICES_WAIT_S_MAX: Final = 900.0
DISK_FREE_MIN: Final = 0.05
DISK_FREE_BYTES_MIN: Final = 1 << 30

# Undone at once: it asks whether a row can be written, not for the row.
_WRITE: Final = """
INSERT INTO taizhang.writer (writer, admission, at) VALUES (gen_random_uuid(), 0, clock_timestamp())
"""
_CLOCK: Final = """
SELECT notification_id, recorded_at, extract(epoch FROM recorded_at - clock_timestamp())::float8
  FROM taizhang.log ORDER BY notification_id DESC LIMIT 1
"""
_KAFKA: Final = """
SELECT count(*), count(*) FILTER (WHERE seen_at < clock_timestamp() - make_interval(secs => %s)),
       coalesce(sum(greatest(end_offset - next_offset, 0)), 0)::bigint,
       coalesce(extract(epoch FROM clock_timestamp() - min(seen_at)), 0)::float8,
       coalesce(sum(expired + compacted), 0)::bigint
  FROM taizhang.kafka_partition
"""
_RELAY: Final = """
SELECT topic, seconds FROM (
  SELECT topic, extract(epoch FROM clock_timestamp() - CASE kind
           WHEN 'ledger' THEN (SELECT recorded_at FROM taizhang.log WHERE notification_id > relay.position
                                ORDER BY notification_id LIMIT 1)
           ELSE (SELECT received_at FROM taizhang.quarantine WHERE id > relay.position ORDER BY id LIMIT 1) END
         )::float8 AS seconds
    FROM taizhang.relay
) waiting WHERE seconds > %s ORDER BY topic
"""
# From the first that waits on each channel on, as the index has them.
_NOTICES: Final = """
SELECT name, waits.number, waits.seconds, waits.fault
  FROM taizhang.notice_channel, LATERAL (
       SELECT count(*) AS number, extract(epoch FROM clock_timestamp() - min(found_at))::float8 AS seconds,
              min(fault) AS fault
         FROM taizhang.notice WHERE channel = name AND state = 'waiting') waits
 WHERE waits.seconds > %s ORDER BY name
"""


class Condition(NamedTuple):
    """One part: whether it is as it should be, and what it says; `needed` where nothing works without it."""

    part: str
    ready: bool
    detail: str
    needed: bool = False


def conditions(recorder: LogRecorder, data: Path, stated: Sequence[Stated] = ()) -> Iterator[Condition]:
    """The condition of everything around the log; of the disk where the data folder is.

    Args:
        recorder: the log.
        data: the data folder.
        stated: where the clock was wrong, as is known already.

    Raises:
        eventsourcing.persistence.PersistenceError: the database does not answer.
    """
    with recorder.datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
        yield _intake(connection, cursor)
        yield _clock(cursor, stated)
        yield _kafka(cursor)
        yield _relay(cursor)
        yield _notices(cursor)
        yield _chores(cursor)
    if data.exists():
        yield _disk(data)


def _intake(connection: psycopg.Connection[Any], cursor: Cursor[Any]) -> Condition:
    try:
        with connection.transaction(force_rollback=True):
            cursor.execute(_WRITE)
    except psycopg.errors.ReadOnlySqlTransaction:
        told = "the database is read-only: no event is taken in; write to the primary, or end its read-only mode"
        return Condition("intake", ready=False, detail=told, needed=True)
    except (psycopg.errors.InsufficientResources, psycopg.errors.InsufficientPrivilege) as error:
        told = f"the database takes no rows ({error.diag.message_primary}): free its disk, or mend the role's rights"
        return Condition("intake", ready=False, detail=told, needed=True)
    holder = holders.of_table(cursor, TABLE)
    held_s = 0.0 if holder is None else holder.transaction_s or 0.0
    if holder is None or held_s <= GATE_HELD_S_MAX:
        return Condition("intake", ready=True, detail="events can be written", needed=True)
    told = (
        f"the log's gate has been held for {held_s:.0f} s by {holder.application or 'an unnamed session'} "
        f"(server process {holder.pid}): end that session, pg_terminate_backend({holder.pid})"
    )
    return Condition("intake", ready=False, detail=told, needed=True)


def _clock(cursor: Cursor[Any], stated: Sequence[Stated]) -> Condition:
    row = cursor.execute(_CLOCK).fetchone()
    if row is None or row[2] <= CLOCK_BEHIND_S_MAX:
        return Condition("clock", ready=True, detail="the database's clock has passed the log's last instant")
    position, recorded_at, behind_s = row
    known = next((each.clock for each in stated if each.speaks_of(position, recorded_at)), None)
    if known is not None and known.was == "ahead":
        told = (
            f"the database's clock was ahead from position {known.first} on, as position {known.position} states: "
            f"events get its last instant for another {behind_s:.0f} s, and answers over them say so"
        )
        return Condition("clock", ready=True, detail=told)
    told = (
        f"the database's clock stands {behind_s:.0f} s before the instant of position {position}: it was ahead, or is "
        "behind; events get that instant until it has passed. Set the clock by NTP; once it is right, state where it "
        "was wrong (clock.found_wrong, under 办理 Acts)"
    )
    return Condition("clock", ready=False, detail=told)


def _kafka(cursor: Cursor[Any]) -> Condition:
    row = cursor.execute(_KAFKA, (UNSEEN_S_MAX,)).fetchone()
    partitions, unseen, lag, age_s, missing = row or (0, 0, 0, 0.0, 0)
    if not partitions:
        return Condition("kafka", ready=True, detail="nothing has come by Kafka")
    told = f"{partitions} partitions, {lag} messages wait, as of {age_s:.0f} s ago"
    if missing:
        told += f"; {missing} offsets never came, see /v1/sources"
    if unseen:
        told += f"; nobody has looked at {unseen} of them for {UNSEEN_S_MAX:.0f} s: start `taizhang ingest`"
    return Condition("kafka", ready=not unseen, detail=told)


def _relay(cursor: Cursor[Any]) -> Condition:
    rows = cursor.execute(_RELAY, (UNSEEN_S_MAX,)).fetchall()
    if not rows:
        return Condition("relay", ready=True, detail="every topic that is published has what came, or none is")
    names = ", ".join(f"{topic} (for {waits_s:.0f} s)" for topic, waits_s in rows)
    told = f"what came has not been sent to {names}: start `taizhang relay`, or see in its log what it waits for"
    return Condition("relay", ready=False, detail=told)


def _notices(cursor: Cursor[Any]) -> Condition:
    rows = cursor.execute(_NOTICES, (NOTICES_WAIT_S_MAX,)).fetchall()
    if not rows:
        return Condition("notices", ready=True, detail="no notice has waited for long to be sent")
    names = ", ".join(
        f"{number} on {channel} (for {seconds:.0f} s{'' if fault is None else f', last fault: {fault}'})"
        for channel, number, seconds, fault in rows
    )
    told = f"notices wait: {names}; start `taizhang notify`, or mend what /intake/notices says of it"
    return Condition("notices", ready=False, detail=told)


def _chores(cursor: Cursor[Any]) -> Condition:
    found = chores(cursor)
    faults = [each.told for each in found if each.told is not None]
    if faults:
        return Condition("chores", ready=False, detail="; ".join(faults))
    names = ", ".join(f"{each.name} {each.age_s / 3600:.1f} h ago" for each in found if each.age_s is not None)
    return Condition("chores", ready=True, detail=names or "no backup, reminders or verify has been run here")


def _disk(data: Path) -> Condition:
    found = shutil.disk_usage(data)
    free = f"{found.free >> 20} MiB of {found.total >> 20} MiB free"
    if found.free >= min(DISK_FREE_BYTES_MIN, found.total * DISK_FREE_MIN):
        return Condition("disk", ready=True, detail=free)
    return Condition("disk", ready=False, detail=f"{free} under {data}: intake stops when it is full; make room")
