"""A broker that speaks TLS and asks who comes (SASL_SSL): whoever has no place on it gets nothing on it or from it."""

import gc
import ipaddress
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    NewTopic,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)

from services.kafka import clients
from services.kafka.publishing import NotPublishedError, publish
from services.system.settings import Settings, load
from tests.fix_kafka import Broker, Stage, allow, end, need_kafka, wait_until
from tests.fix_service import free_port
from tests.sending import as_bytes, removed

pytestmark = [
    pytest.mark.kafka,
    # The client leaves sockets to the garbage collector whose handshake failed.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

# Who may write and who may read; nobody else may either.
WRITER, READER, NOBODY = "registry", "taizhang", "somebody"
MECHANISM = "SCRAM-SHA-512"


class Secured(NamedTuple):
    """The broker, its secured address, the CA of its certificate and that of nobody's, passwords by user."""

    broker: Broker
    address: str
    ca: Path
    other_ca: Path
    passwords: dict[str, str]

    def settings(self, user: str, **other: Any) -> Settings:  # noqa: ANN401 - of each setting's own type
        given = {
            "kafka_bootstrap": self.address, "kafka_security": "SASL_SSL", "kafka_sasl_mechanism": MECHANISM,
            "kafka_sasl_username": user, "kafka_sasl_password": self.passwords[user], "kafka_tls_ca_file": self.ca,
        }  # fmt: skip
        return load(**{**given, **other})


def _certificate(folder: Path, name: str, authority: tuple[Any, Any] | None) -> tuple[Any, Any]:
    """A key and a certificate: an authority's own, or for 127.0.0.1 alone by an authority; as PEM in a file."""
    key, today = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuer_key = (subject, key) if authority is None else (authority[1].subject, authority[0])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
    )  # fmt: skip
    if authority is not None:
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = builder.add_extension(here, critical=False)
    made = builder.sign(issuer_key, hashes.SHA256())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{name}.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / f"{name}.key.pem").write_bytes(secret + made.public_bytes(Encoding.PEM))
    return key, made


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    need_kafka()
    folder, port = tmp_path_factory.mktemp("secured"), free_port()
    authority = _certificate(folder, "authority", None)
    _certificate(folder, "nobodys", None)
    _certificate(folder, "broker", authority)
    passwords = {user: secrets.token_urlsafe(16) for user in (WRITER, READER, NOBODY)}
    more = folder / "more.properties"
    broker = Broker(folder / "broker", more)
    more.write_text(
        f"""
listeners=PLAINTEXT://127.0.0.1:{broker.port},CONTROLLER://127.0.0.1:{broker.port + 1},SASL_SSL://127.0.0.1:{port}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker.port},SASL_SSL://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location={folder / "broker.key.pem"}
sasl.enabled.mechanisms={MECHANISM}
listener.name.sasl_ssl.{MECHANISM.lower()}.sasl.jaas.config=\\
 org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
    )
    broker.do("start")
    try:
        with broker.admin() as admin:
            told = [UserScramCredentialUpsertion(user, MECHANISM, word) for user, word in passwords.items()]
            assert set(admin.alter_user_scram_credentials(told).values()) == {None}
        yield Secured(broker, f"127.0.0.1:{port}", folder / "authority.pem", folder / "nobodys.pem", passwords)
    finally:
        broker.do("stop")


@pytest.fixture
def stage(secured: Secured, store: str, topic: str) -> Stage:
    """A topic that one user may write and another read, and a database in which the topic may say anything."""
    group = f"group-of-{topic}"
    may = [
        (WRITER, ACLOperation.WRITE, ResourceType.TOPIC, topic),
        (READER, ACLOperation.READ, ResourceType.TOPIC, topic),
        (READER, ACLOperation.READ, ResourceType.GROUP, group),
    ]
    with secured.broker.admin() as admin:
        admin.create_topics([NewTopic(topic, 1, 1)])
        admin.create_acls([
            ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name))
            for user, operation, kind, name in may
        ])  # fmt: skip
    allow(store, topic)
    return Stage(secured.broker, store, topic)


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    yield
    gc.collect()  # what the client left; here, where its warnings are expected


def _publish(settings: Settings, topic: str, *names: str) -> int:
    return publish(settings, topic, (as_bytes(removed(name)) for name in names), lambda *_: None)


@contextmanager
def _ingesting(stage: Stage, secured: Secured, log: Path, **other: str) -> Iterator[None]:
    """`taizhang ingest` as a process, with its settings in its environment; what it says is in a file."""
    given = {
        "kafka_bootstrap": secured.address, "kafka_security": "SASL_SSL", "kafka_sasl_mechanism": MECHANISM,
        "kafka_sasl_username": READER, "kafka_sasl_password": secured.passwords[READER],
        "kafka_tls_ca_file": str(secured.ca), **other,
    }  # fmt: skip
    stage.log = log
    process = stage.spawn(**{f"TAIZHANG_{name.upper()}": value for name, value in given.items()})
    try:
        yield
    finally:
        assert end(process) == 0, log.read_text()


def test_events_come_from_a_user_who_may_write_to_one_who_may_read(
    stage: Stage, secured: Secured, tmp_path: Path
) -> None:
    assert _publish(secured.settings(WRITER), stage.topic, "a", "b") == 2
    with _ingesting(stage, secured, tmp_path / "ingest.log"):
        stage.wait_caught_up()
    assert stage.tally() == (2, 2, 0, 0)
    assert stage.query("SELECT publisher FROM taizhang.log WHERE id = 'a'") == [(f"kafka:{stage.topic}",)]


@pytest.mark.parametrize(
    "wrong",
    [
        "its password",
        "a user of no rights",
        "the reader",
        "another authority",
        "another host's name",
        "no TLS",
        "no name",
    ],
)
def test_nobody_else_writes_and_the_refusal_tells_no_secret(
    stage: Stage, secured: Secured, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "BOOTSTRAP_TIMEOUT_MS", 2_000)
    port = secured.address.rpartition(":")[2]
    given: dict[str, tuple[str, dict[str, Any]]] = {
        "its password": (WRITER, {"kafka_sasl_password": "wrong-password"}),
        "a user of no rights": (NOBODY, {}),
        "the reader": (READER, {}),
        "another authority": (WRITER, {"kafka_tls_ca_file": secured.other_ca}),
        "another host's name": (WRITER, {"kafka_bootstrap": f"localhost:{port}"}),
        "no TLS": (WRITER, {"kafka_security": "SASL_PLAINTEXT"}),
        "no name": (WRITER, {"kafka_security": "SSL", "kafka_sasl_mechanism": None}),
    }
    user, other = given[wrong]
    with pytest.raises(NotPublishedError) as refused:
        _publish(secured.settings(user, **other), stage.topic, "a")
    assert stage.broker.ends(stage.topic) == {0: 0}
    assert not any(word in str(refused.value) for word in (*secured.passwords.values(), "wrong-password"))


def test_ingest_with_a_wrong_password_waits_and_says_so(stage: Stage, secured: Secured, tmp_path: Path) -> None:
    log = tmp_path / "ingest.log"
    _publish(secured.settings(WRITER), stage.topic, "a")
    with _ingesting(stage, secured, log, kafka_sasl_password="wrong-password"):  # noqa: S106 - made up
        wait_until(lambda: "Kafka is away" in log.read_text(), "its word that it is kept out")
        assert stage.stored() == {}
    assert not any(word in log.read_text() for word in (*secured.passwords.values(), "wrong-password"))
    with _ingesting(stage, secured, log):
        stage.wait_caught_up()
    assert stage.tally() == (1, 1, 0, 0)
