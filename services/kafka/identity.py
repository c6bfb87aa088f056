"""What a topic is, beside its name: offsets of one topic mean nothing in another that bears its name.

The cluster's id and the topic's (KIP-516) come from a fresh answer of the brokers, never from a cache. Brokers older
than 2.8 give no topic id; there the cluster's id and the last record read decide alone.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code

from services.kafka.clients import connection_options
from services.system.settings import Settings

ASK_TIMEOUT_MS: Final = 5_000
_NO_ID: Final = UUID(int=0)


class Identity(NamedTuple):
    """The ids of a topic's cluster and of the topic itself; None where the brokers give none."""

    cluster_id: str | None
    topic_id: str | None

    def differs(self, stored: Self) -> bool:
        """Whether this is surely another topic than the stored one: an id that either side lacks says nothing."""
        return any(
            one is not None and other is not None and one != other for one, other in zip(self, stored, strict=True)
        )

    def completed(self, stored: Self) -> "Identity":
        """These ids, and the stored ones where the brokers give none."""
        return Identity(self.cluster_id or stored.cluster_id, self.topic_id or stored.topic_id)


class Keeping(NamedTuple):
    """How long a topic keeps its records: whether it compacts them, and its retention (None: for ever)."""

    compacts: bool
    retention: timedelta | None

    def warnings(self, since: datetime | None) -> list[str]:
        """What of it loses records before they are read, for a partition last read at `since` (None: never)."""
        found = []
        if self.compacts:
            found.append(
                "the topic is compacted: of two records with one key the older may be gone before it is read; set "
                "cleanup.policy=delete"
            )
        if self.retention is not None and since is not None and datetime.now(UTC) - since > self.retention:
            found.append(
                f"the topic keeps records for {self.retention}, and the last was stored {since:%Y-%m-%d %H:%M} UTC: "
                "records may have expired unread; raise retention.ms and ask the source for what is missing"
            )
        return found


class Topics:
    """Asks the brokers about topics, on a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        """Connect.

        Raises:
            KafkaError: no broker answers.
            KafkaSettingsError: no brokers are named.
        """
        self._admin = KafkaAdminClient(**connection_options(settings), request_timeout_ms=ASK_TIMEOUT_MS)

    def identities(self, names: Iterable[str]) -> dict[str, Identity]:
        """The identity of each topic that is there.

        Raises:
            KafkaError: the brokers do not answer, or do not tell.
        """
        wanted = sorted(set(names))
        if not wanted:
            return {}
        cluster_id = self._admin.describe_cluster()["cluster_id"]
        found = {}
        for each in self._admin.describe_topics(wanted):
            fault = for_code(each["error_code"])
            if fault is UnknownTopicOrPartitionError:
                continue
            if each["error_code"]:
                raise fault(each["name"])
            found[each["name"]] = Identity(cluster_id, _topic_id(each))
        return found

    def keeping(self, names: Iterable[str]) -> dict[str, Keeping]:
        """How long each topic keeps its records; nothing of those whose settings we may not read."""
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(set(names))]
        try:
            answer = self._admin.describe_configs(resources, config_filter="all").get("topic", {}) if resources else {}
        except KafkaError:
            return {}
        return {name: _keeping(settings) for name, settings in answer.items() if "cleanup.policy" in settings}

    def close(self) -> None:
        """End the connection."""
        self._admin.close()


def _topic_id(topic: dict[str, Any]) -> str | None:
    given = topic.get("topic_id")
    return None if given is None or UUID(str(given)) == _NO_ID else str(given)


def _keeping(settings: dict[str, Any]) -> Keeping:
    policies = str(settings["cleanup.policy"]["value"]).split(",")
    milliseconds = int(settings.get("retention.ms", {}).get("value") or -1)
    kept_for_ever = milliseconds < 0 or "delete" not in policies
    return Keeping("compact" in policies, None if kept_for_ever else _span(milliseconds))


def _span(milliseconds: int) -> timedelta | None:
    try:
        return timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
