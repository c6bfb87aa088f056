"""How the Kafka client is set up: nothing is lost by its defaults, and security settings reach it."""

from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from services.kafka.clients import KafkaSettingsError, connection_options, consumer_options, producer_options
from services.kafka.publishing import key_of
from services.system.settings import load
from tests.sending import as_bytes, removed, retracted

BOOTSTRAP = "one:9092,two:9092"


def test_brokers_must_be_named_and_the_message_says_how() -> None:
    with pytest.raises(KafkaSettingsError, match=r"TAIZHANG_KAFKA_BOOTSTRAP: not set; expected .*:9092"):
        connection_options(load())


def test_security_settings_reach_every_client() -> None:
    settings = load(
        kafka_bootstrap=BOOTSTRAP, kafka_security="SASL_SSL", kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="taizhang", kafka_sasl_password="open-sesame", kafka_tls_ca_file=Path("ca.pem"),  # noqa: S106 - made up
        kafka_tls_cert_file=Path("own.pem"), kafka_tls_key_file=Path("own.key"),
    )  # fmt: skip
    options = connection_options(settings)
    assert options["bootstrap_servers"] == ["one:9092", "two:9092"]
    assert options["sasl_plain_password"] == "open-sesame"  # noqa: S105 - made up
    assert {options[f"ssl_{name}"] for name in ("cafile", "certfile", "keyfile")} == {"ca.pem", "own.pem", "own.key"}
    assert "open-sesame" not in repr(settings)
    for client, own in (
        (KafkaConsumer, consumer_options(settings, "c")),
        (KafkaProducer, producer_options(settings, "p")),
        (KafkaAdminClient, options),
    ):
        assert own.keys() <= client.DEFAULT_CONFIG.keys()


def test_nothing_is_lost_by_a_default_of_the_client() -> None:
    options = consumer_options(load(kafka_bootstrap=BOOTSTRAP), "c")
    assert options["auto_offset_reset"] == "earliest"
    assert options["enable_auto_commit"] is False
    assert options["isolation_level"] == "read_committed"
    assert producer_options(load(kafka_bootstrap=BOOTSTRAP), "p")["acks"] == "all"


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (as_bytes(removed("a")), b"member:m1"),
        (as_bytes(removed("a") | {"subject": "member:m7"}), b"member:m7"),
        (as_bytes(retracted("a", "b")), None),
        (as_bytes(removed("a") | {"type": "unknown", "data": 5}), None),
        (b"[1]", None),
        (b"{", None),
    ],
)
def test_events_are_keyed_by_their_subject(raw: bytes, key: bytes | None) -> None:
    assert key_of(raw) == key
