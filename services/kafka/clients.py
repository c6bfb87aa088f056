"""How the Kafka client is set up, and waiting for what is away."""

import time
from typing import Any, Final

from eventsourcing.persistence import InterfaceError, InternalError, OperationalError

from services.system.errors import StoreUnavailableError
from services.system.logs import logger
from services.system.settings import Settings, SettingsError, variable

MIB: Final = 1 << 20
FETCH_BYTES_MAX: Final = 8 * MIB
PARTITION_FETCH_BYTES_MAX: Final = 1 * MIB
SESSION_TIMEOUT_MS: Final = 10_000
HEARTBEAT_MS: Final = 2_000
# How long a new partition or topic may stay unseen.
METADATA_AGE_MS_MAX: Final = 10_000
BOOTSTRAP_TIMEOUT_MS: Final = 10_000
RECONNECT_BACK_OFF_MS_MAX: Final = 5_000


class KafkaSettingsError(SettingsError):
    """Kafka is asked for, and where it is has not been said."""


def connection_options(settings: Settings) -> dict[str, Any]:
    """What every client needs to reach the brokers.

    Raises:
        KafkaSettingsError: no brokers are named.
    """
    if settings.kafka_bootstrap is None:
        raise KafkaSettingsError(f"{variable('kafka_bootstrap')}: not set; expected brokers as host:9092,other:9092")
    password = settings.kafka_sasl_password
    options = {
        "bootstrap_servers": settings.kafka_bootstrap.split(","),
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        "reconnect_backoff_max_ms": RECONNECT_BACK_OFF_MS_MAX,
        "security_protocol": settings.kafka_security,
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": password.get_secret_value() if password is not None else None,
        "ssl_cafile": _path(settings.kafka_tls_ca_file),
        "ssl_certfile": _path(settings.kafka_tls_cert_file),
        "ssl_keyfile": _path(settings.kafka_tls_key_file),
    }
    return {name: value for name, value in options.items() if value is not None}


def _path(path: object) -> str | None:
    return None if path is None else str(path)


def consumer_options(settings: Settings, client_id: str) -> dict[str, Any]:
    """Everything from the beginning, committed transactions alone, within bounded memory.

    Raises:
        KafkaSettingsError: no brokers are named.
    """
    return connection_options(settings) | {
        "client_id": client_id,
        "group_id": settings.kafka_group,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "fetch_max_bytes": FETCH_BYTES_MAX,
        "max_partition_fetch_bytes": PARTITION_FETCH_BYTES_MAX,
        "session_timeout_ms": SESSION_TIMEOUT_MS,
        "heartbeat_interval_ms": HEARTBEAT_MS,
        "metadata_max_age_ms": METADATA_AGE_MS_MAX,
        "metrics_enabled": False,
    }


def producer_options(settings: Settings, client_id: str) -> dict[str, Any]:
    """Every record acknowledged by all replicas, retried without repeats.

    Raises:
        KafkaSettingsError: no brokers are named.
    """
    return connection_options(settings) | {
        "client_id": client_id,
        "acks": "all",
        "enable_idempotence": True,
        "linger_ms": 20,
        "batch_size": MIB // 4,
        "compression_type": "lz4",
        "max_request_size": 8 * MIB,
        "metrics_enabled": False,
    }


def never_make_topics(metadata: Any) -> None:  # noqa: ANN401 - the client has no types
    """Keep a consumer or a producer from making a topic by asking for it; a deleted one would come back empty.

    `metadata` is its part that asks; kafka-python 3.0 does not hand `allow_auto_create_topics` on to that.
    """
    metadata.config["allow_auto_create_topics"] = False


BACK_OFF_S_MIN: Final = 0.5
BACK_OFF_S_MAX: Final = 15.0

# InternalError: the server ended a transaction that stood idle too long.
DATABASE_AWAY: Final = (StoreUnavailableError, OperationalError, InterfaceError, InternalError)


class Outage:
    """Something that is away: told when it goes, at each attempt, and when it is back."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._since: float | None = None
        self._delay_s = BACK_OFF_S_MIN
        self._retry_at = 0.0

    @property
    def away_s(self) -> float | None:
        """For how many seconds it has been away; None while it is not."""
        since = self._since
        return None if since is None else time.monotonic() - since

    @property
    def may_try(self) -> bool:
        """Whether it is time for another attempt."""
        return time.monotonic() >= self._retry_at

    def begin(self, error: Exception) -> float:
        """Tell of a fault; return the seconds to wait, twice as many each time."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        delay_s = self._delay_s
        logger().warning(f"{self.what} is away", retry_in_s=delay_s, away_s=round(now - self._since), error=str(error))
        self._retry_at, self._delay_s = now + delay_s, min(delay_s * 2, BACK_OFF_S_MAX)
        return delay_s

    def end(self) -> None:
        """Tell that it is back, if it was away."""
        if self._since is not None:
            logger().info(f"{self.what} is back", away_s=round(time.monotonic() - self._since, 1))
            self._since, self._delay_s = None, BACK_OFF_S_MIN
