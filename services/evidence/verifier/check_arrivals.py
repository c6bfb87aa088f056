"""The account of what arrived, against what is there: received = accepted + duplicate + quarantined, by source."""

from typing import Final

from services.evidence.verifier.report import Report
from services.log.stored_tree import AnyConnection, rows

# What was redriven is counted where it first arrived, so that these find it by its quarantine number.
_COUNTS: Final = """
WITH redriven AS (
    SELECT q.source, a.position, a.action FROM taizhang.quarantine q
      JOIN taizhang.quarantine_action a ON a.quarantine_id = q.id AND a.action IN ('accepted', 'duplicate')
), there AS (
    SELECT l.source, 'accepted' AS disposition FROM taizhang.log l
     WHERE NOT EXISTS (SELECT FROM redriven r WHERE r.action = 'accepted' AND r.position = l.notification_id)
    UNION ALL
    SELECT l.source, 'duplicate' FROM taizhang.duplicate d JOIN taizhang.log l ON l.notification_id = d.position
     WHERE d.intake ->> 'channel' <> 'redrive'
    UNION ALL
    SELECT source, action FROM redriven
    UNION ALL
    SELECT q.source, 'quarantined' FROM taizhang.quarantine q
     WHERE NOT EXISTS (SELECT FROM taizhang.quarantine_action a
                        WHERE a.quarantine_id = q.id AND a.action IN ('accepted', 'duplicate'))
), counted AS (
    SELECT source, count(*) AS received, count(*) FILTER (WHERE disposition = 'accepted') AS accepted,
           count(*) FILTER (WHERE disposition = 'duplicate') AS duplicate,
           count(*) FILTER (WHERE disposition = 'quarantined') AS quarantined
      FROM there GROUP BY source
), told AS (
    SELECT source, sum(received)::bigint AS received, sum(accepted)::bigint AS accepted,
           sum(duplicate)::bigint AS duplicate, sum(quarantined)::bigint AS quarantined
      FROM taizhang.tally GROUP BY source
)
SELECT coalesce(t.source, c.source), coalesce(t.received, 0), coalesce(t.accepted, 0), coalesce(t.duplicate, 0),
       coalesce(t.quarantined, 0), coalesce(c.received, 0), coalesce(c.accepted, 0), coalesce(c.duplicate, 0),
       coalesce(c.quarantined, 0)
  FROM told t FULL JOIN counted c ON coalesce(t.source, '') = coalesce(c.source, '')
 ORDER BY 1
"""
_QUARANTINE_ENDS: Final = "SELECT count(*), coalesce(max(id), 0) FROM taizhang.quarantine"
_QUARANTINE_MISSING: Final = """
SELECT coalesce(min(q.id) + 1, 1) FROM (SELECT 0 AS id UNION ALL SELECT id FROM taizhang.quarantine) q
 WHERE NOT EXISTS (SELECT FROM taizhang.quarantine n WHERE n.id = q.id + 1)
"""
_QUARANTINE_CHANGED: Final = "SELECT id FROM taizhang.quarantine WHERE sha256(raw) <> raw_sha256 ORDER BY id LIMIT 1"
_NAMES: Final = ("received", "accepted", "duplicate", "quarantined")


def check_arrivals(report: Report, connection: AnyConnection) -> None:
    """Reconcile the tally with the log, the duplicates and the quarantine, and the quarantine with itself."""
    known = len(report.faults)
    received = 0
    for source, *figures in rows(connection, _COUNTS, ()):
        told, counted = figures[:4], figures[4:]
        received += counted[0]
        for name, says, has in zip(_NAMES, told, counted, strict=True):
            if says != has:
                report.fails(
                    None,
                    f"来源 {source or '(不明)'} 的收件账不平",
                    f"source {source or '(unknown)'}: the tally says {says:,} {name}, there are {has:,}",
                )
    _check_quarantine(report, connection)
    if len(report.faults) == known:
        report.holds(
            f"收件账已核对: 共收到 {received:,} 件, 按来源等于已接收、重复与隔离之和",
            f"the account of {received:,} messages received agrees, by source: accepted, duplicate, quarantined",
        )


def _check_quarantine(report: Report, connection: AnyConnection) -> None:
    ((count, last),) = rows(connection, _QUARANTINE_ENDS, ())
    if count != last:
        ((missing,),) = rows(connection, _QUARANTINE_MISSING, ())
        report.fails(
            None,
            f"隔离件 {missing} 缺失",
            f"quarantined message {missing} is missing: numbers are dense, it was deleted",
        )
    for (number,) in rows(connection, _QUARANTINE_CHANGED, ()):
        report.fails(
            None, f"隔离件 {number} 的原文被改动", f"quarantined message {number}: its raw bytes are not those received"
        )
