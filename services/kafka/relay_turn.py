"""How far a published topic has come, and whose turn it is to send to it: short transactions on `taizhang.relay`."""

from datetime import date
from typing import Any, Final, NamedTuple

from psycopg import Connection

from services.kafka.identity import Identity
from services.ledger.ledger_stream import Mark
from services.system.logs import logger

# A relay that vanished is followed by another one after this. One that only stood still is fenced by Kafka.
LEASE_S: Final = 20.0

_TAKE: Final = """
INSERT INTO taizhang.relay AS r (topic, kind, position, as_of, version, relayed_at, owner, leased_until)
VALUES (%(topic)s, 'ledger', 0, %(never)s, '', clock_timestamp(), %(owner)s,
        clock_timestamp() + make_interval(secs => %(lease_s)s))
ON CONFLICT (topic, kind) DO UPDATE SET owner = excluded.owner, leased_until = excluded.leased_until
 WHERE r.owner IS NOT DISTINCT FROM excluded.owner OR r.leased_until IS NULL OR r.leased_until < clock_timestamp()
RETURNING 1
"""
_LEAVE: Final = """
UPDATE taizhang.relay SET owner = NULL, leased_until = NULL WHERE topic = %(topic)s AND owner = %(owner)s
"""
_READ: Final = """
SELECT position, as_of, version, cluster_id, topic_id, toward_position, toward_as_of, toward_version, done_to
  FROM taizhang.relay WHERE topic = %s AND kind = %s
"""
_STORE: Final = """
INSERT INTO taizhang.relay AS r
       (topic, kind, position, as_of, version, cluster_id, topic_id, toward_position, toward_as_of, toward_version,
        done_to, sent, relayed_at)
VALUES (%(topic)s, %(kind)s, %(position)s, %(as_of)s, %(version)s, %(cluster_id)s, %(topic_id)s, %(toward_position)s,
        %(toward_as_of)s, %(toward_version)s, %(done_to)s, %(sent)s, clock_timestamp())
ON CONFLICT (topic, kind) DO UPDATE SET
       position = excluded.position, as_of = excluded.as_of, version = excluded.version,
       cluster_id = coalesce(excluded.cluster_id, r.cluster_id), topic_id = coalesce(excluded.topic_id, r.topic_id),
       toward_position = excluded.toward_position, toward_as_of = excluded.toward_as_of,
       toward_version = excluded.toward_version, done_to = excluded.done_to, sent = r.sent + excluded.sent,
       relayed_at = excluded.relayed_at
"""
# By the database's clock: two hosts may not agree on the day, and one of them may be wrong.
_TODAY: Final = "SELECT (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date"


class LostTurnError(Exception):
    """Another relay has taken over."""


class Stand(NamedTuple):
    """Where a topic stands: at `mark`, or on the way from it to `toward` with what lies below `done_to` sent."""

    mark: Mark
    toward: Mark | None = None
    done_to: int = 0


class Turn:
    """One process's turn at sending to the topics of a relay; all are leased by the ledger's."""

    def __init__(self, topic: str, owner: str) -> None:
        self._words = {"topic": topic, "owner": owner, "never": date.min, "lease_s": LEASE_S}

    def take(self, connection: Connection[Any]) -> bool:
        """Take the turn or keep it; whether it is ours."""
        with connection.transaction():
            return connection.execute(_TAKE, self._words).fetchone() is not None

    def leave(self, connection: Connection[Any]) -> None:
        """Let another one have it at once."""
        with connection.transaction():
            connection.execute(_LEAVE, self._words)

    def stand(self, connection: Connection[Any], topic: str, kind: str, identity: Identity) -> Stand:
        """Where the topic with this identity stands: at the beginning, if another one bore its name."""
        with connection.transaction():
            row = connection.execute(_READ, (topic, kind)).fetchone()
        if row is None:
            return Stand(Mark.beginning())
        if identity.differs(Identity(*row[3:5])):
            logger().warning("the topic was made anew: everything is sent to it", topic=topic, **identity._asdict())
            return Stand(Mark.beginning())
        return Stand(Mark(*row[:3]), None if row[5] is None else Mark(*row[5:8]), row[8])

    def store(  # noqa: PLR0917 - one row
        self, connection: Connection[Any], topic: str, kind: str, identity: Identity, stand: Stand, sent: int
    ) -> None:
        """Store where the topic stands after `sent` records more, and keep the turn.

        Raises:
            LostTurnError: another relay has it; nothing is stored.
        """
        toward = stand.toward or Mark(None, None, None)  # type: ignore[arg-type]  # three NULLs
        words = {
            "topic": topic, "kind": kind, **stand.mark._asdict(), **identity._asdict(), "done_to": stand.done_to,
            "sent": sent, **{f"toward_{name}": value for name, value in toward._asdict().items()},
        }  # fmt: skip
        with connection.transaction():
            if connection.execute(_TAKE, self._words).fetchone() is None:
                raise LostTurnError
            connection.execute(_STORE, words)


def today(connection: Connection[Any], own: date) -> date:
    """The date at whose end the ledger is published: the earlier one of our clock and the database's."""
    row = connection.execute(_TODAY).fetchone()
    return own if row is None else min(own, row[0])
