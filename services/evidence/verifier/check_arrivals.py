"""The account of arrivals: received = accepted + duplicate + quarantined, and each message set aside with itself.

What is found here is what contradicts the log, the tally or the message's own bytes; rows that were taken out of all of
them alike the tree of arrivals misses (check_arrival_tree.py).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.evidence.verifier.report import Report
from services.ledger.ruleset import ruleset
from services.log.messages import Message, Publisher, arrive
from services.log.tree import AnyConnection, rows

FAULTS_MAX: Final = 20

# What was redriven is counted where it first arrived, so that these find it by its quarantine number.
_COUNTS: Final = """
WITH redriven AS (
    SELECT q.source, q.channel, q.topic, q.partition, q.received_at, a.position, a.action FROM taizhang.quarantine q
      JOIN taizhang.quarantine_action a ON a.quarantine_id = q.id AND a.action IN ('accepted', 'duplicate')
), there AS (
    SELECT l.source, l.intake ->> 'channel' AS channel, l.intake ->> 'topic' AS topic,
           (l.intake ->> 'partition')::int AS partition, l.recorded_at AS at, 'accepted' AS disposition
      FROM taizhang.log l
     WHERE NOT EXISTS (SELECT FROM redriven r WHERE r.action = 'accepted' AND r.position = l.notification_id)
    UNION ALL
    SELECT l.source, d.intake ->> 'channel', d.intake ->> 'topic', (d.intake ->> 'partition')::int, d.received_at,
           'duplicate'
      FROM taizhang.duplicate d JOIN taizhang.log l ON l.notification_id = d.position
     WHERE d.intake ->> 'channel' <> 'redrive'
    UNION ALL
    SELECT source, channel, topic, partition, received_at, action FROM redriven
    UNION ALL
    SELECT q.source, q.channel, q.topic, q.partition, q.received_at, 'quarantined' FROM taizhang.quarantine q
     WHERE NOT EXISTS (SELECT FROM taizhang.quarantine_action a
                        WHERE a.quarantine_id = q.id AND a.action IN ('accepted', 'duplicate'))
), counted AS (
    SELECT source, channel, topic, partition, count(*) AS received,
           count(*) FILTER (WHERE disposition = 'accepted') AS accepted,
           count(*) FILTER (WHERE disposition = 'duplicate') AS duplicate,
           count(*) FILTER (WHERE disposition = 'quarantined') AS quarantined, min(at) AS first, max(at) AS last
      FROM there GROUP BY source, channel, topic, partition
)
SELECT coalesce(t.source, c.source), concat_ws(' ', coalesce(t.channel, c.channel), coalesce(t.topic, c.topic),
       coalesce(t.partition, c.partition)),
       coalesce(t.received, 0), coalesce(t.accepted, 0), coalesce(t.duplicate, 0), coalesce(t.quarantined, 0),
       t.first_seen, t.last_seen,
       coalesce(c.received, 0), coalesce(c.accepted, 0), coalesce(c.duplicate, 0), coalesce(c.quarantined, 0),
       c.first, c.last
  FROM taizhang.tally t
  FULL JOIN counted c ON coalesce(t.source, '') = coalesce(c.source, '') AND t.channel = c.channel
   AND coalesce(t.topic, '') = coalesce(c.topic, '') AND coalesce(t.partition, -1) = coalesce(c.partition, -1)
 ORDER BY 1, 2
"""
_NAMES: Final = ("received", "accepted", "duplicate", "quarantined", "first seen", "last seen")
_QUARANTINE_ENDS: Final = "SELECT count(*), coalesce(max(id), 0) FROM taizhang.quarantine"
_QUARANTINE_MISSING: Final = """
SELECT coalesce(min(q.id) + 1, 1) FROM (SELECT 0 AS id UNION ALL SELECT id FROM taizhang.quarantine) q
 WHERE NOT EXISTS (SELECT FROM taizhang.quarantine n WHERE n.id = q.id + 1)
"""
_QUARANTINE: Final = """
SELECT id, received_at, source, event_id, publisher, intake, attributes, raw, raw_sha256, reasons, rules, channel,
       topic, partition, emptied_at FROM taizhang.quarantine ORDER BY id
"""
_ENDS_WRONG: Final = """
SELECT a.quarantine_id, a.position FROM taizhang.quarantine_action a
  JOIN taizhang.quarantine q ON q.id = a.quarantine_id LEFT JOIN taizhang.log l ON l.notification_id = a.position
 WHERE a.action = 'accepted' AND l.raw_sha256 IS DISTINCT FROM q.raw_sha256
    OR a.action IN ('accepted', 'duplicate') AND (l.source, l.id) IS DISTINCT FROM (q.source, q.event_id)
 ORDER BY 1 LIMIT %s
"""
_STEPS_MISSING: Final = """
SELECT quarantine_id FROM taizhang.quarantine_action GROUP BY quarantine_id
HAVING max(number) <> count(*) ORDER BY 1 LIMIT %s
"""
_DUPLICATES_WRONG: Final = """
SELECT d.position FROM taizhang.duplicate d LEFT JOIN taizhang.log l ON l.notification_id = d.position
 WHERE l.recorded_at IS NULL OR d.received_at < l.recorded_at ORDER BY 1 LIMIT %s
"""
# The rules in use have decided since the first version of the projection that they made.
_SAME_RULES_SINCE: Final = "SELECT min(created_at) FROM taizhang.projection WHERE ruleset = %s"


class SetAside(NamedTuple):
    """A quarantined message as it is stored."""

    id: int
    received_at: datetime
    source: str | None
    event_id: str | None
    publisher: str
    intake: Mapping[str, Any]
    attributes: Mapping[str, str] | None
    raw: bytes
    raw_sha256: bytes
    reasons: Sequence[Mapping[str, Any]]
    rules: Sequence[str]
    channel: str
    topic: str | None
    partition: int | None
    emptied_at: datetime | None


def check_arrivals(report: Report, connection: AnyConnection) -> None:
    """Reconcile the tally with the log, the duplicates and the quarantine, and the quarantine with itself."""
    known = len(report.faults)
    received = 0
    for source, place, *figures in rows(connection, _COUNTS, ()):
        told, counted = figures[: len(_NAMES)], figures[len(_NAMES) :]
        received += counted[0]
        for name, says, has in zip(_NAMES, told, counted, strict=True):
            if says != has:
                report.fails(
                    None,
                    f"来源 {source or '(不明)'} 的收件账不平",
                    f"source {source or '(unknown)'}: the tally says {_shown(says)} {name}, there are {_shown(has)} "
                    f"({place})",
                )
    for (position,) in rows(connection, _DUPLICATES_WRONG, (FAULTS_MAX,)):
        report.fails(
            None,
            f"位置 {position} 的重复件不实",
            f"a duplicate of position {position} came before that event, or is of no event",
        )
    _check_quarantine(report, connection)
    if len(report.faults) == known:
        report.holds(
            f"收件账已核对: 共收到 {received:,} 件, 按来源等于已接收、重复与隔离之和",
            f"the account of {received:,} messages received agrees, by source: accepted, duplicate, quarantined",
        )


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _check_quarantine(report: Report, connection: AnyConnection) -> None:
    ((count, last),) = rows(connection, _QUARANTINE_ENDS, ())
    if count != last:
        ((missing,),) = rows(connection, _QUARANTINE_MISSING, ())
        report.fails(
            None,
            f"隔离件 {missing} 缺失",
            f"quarantined message {missing} is missing: numbers are dense, it was deleted",
        )
    for number, position in rows(connection, _ENDS_WRONG, (FAULTS_MAX,)):
        words = f"quarantined message {number}: position {position}, where it is said to have ended, is another event"
        report.fails(None, f"隔离件 {number} 的去向不实", words)
    for (number,) in rows(connection, _STEPS_MISSING, (FAULTS_MAX,)):
        words = f"quarantined message {number}: a step taken with it is missing, it was deleted"
        report.fails(None, f"隔离件 {number} 的处理记录缺失", words)
    _check_messages(report, connection)


def _check_messages(report: Report, connection: AnyConnection) -> None:
    ((since,),) = rows(connection, _SAME_RULES_SINCE, (ruleset(),))
    newest, told, older, emptied = None, 0, 0, 0
    with connection.cursor(binary=True) as cursor:
        for row in cursor.stream(_QUARANTINE):
            message = SetAside._make(row)
            found = list(_contradictions(message))
            if newest is not None and message.received_at < newest:
                found.append("it is dated before the one before it")
            newest = message.received_at
            if message.emptied_at is not None:
                emptied += 1
            elif since is not None and message.received_at >= since:
                found += _unlike(message)
            else:
                older += 1
            for words in found[:1] if told < FAULTS_MAX else ():
                told += 1
                chinese = f"隔离件 {message.id} 的原文或记录被改动"
                report.fails(None, chinese, f"quarantined message {message.id}: {words}")
    if emptied:
        report.notes(
            f"{emptied} 件隔离件含个人信息, 原文已清除, 只余散列值",
            f"{emptied} quarantined messages held numbers or names of persons: their bytes are gone, their hashes stay",
        )
    if older:
        report.notes(
            f"{older} 件隔离件出自另一版规则, 隔离原因未重新判断",
            f"{older} quarantined messages were set aside by other rules: their reasons were not judged anew",
        )


def _contradictions(message: SetAside) -> Iterator[str]:
    """What of a row contradicts the rest of it, whatever the rules."""
    if message.emptied_at is None and hashlib.sha256(message.raw).digest() != message.raw_sha256:
        yield "its raw bytes are not those received"
    if sorted({str(reason.get("rule")) for reason in message.reasons}) != sorted(message.rules):
        yield "its rules are not those of its reasons"
    intake = message.intake
    place = (intake.get("channel"), intake.get("topic"), intake.get("partition"))
    if place != (message.channel, message.topic, message.partition):
        yield "where it is counted is not where it came in"
    if message.attributes != intake.get("attributes"):
        yield "its attributes are not those that came with it"


def _unlike(message: SetAside) -> Iterator[str]:
    """What of a row its bytes do not say, read again by the same rules."""
    arrival = arrive(Message(message.raw, {}, Publisher(message.publisher), message.attributes))
    if (arrival.key or (None, None)) != (message.source, message.event_id):
        yield "its raw bytes name another event"
    due = [(reason.rule, reason.at) for reason in arrival.reading.reasons]
    said = [(reason.get("rule"), reason.get("at")) for reason in message.reasons]
    if due and said[-len(due) :] != due:
        yield f"its raw bytes break other rules than those recorded: {', '.join(rule for rule, _ in due)}"
