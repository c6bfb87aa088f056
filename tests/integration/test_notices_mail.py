"""Notices by e-mail, through a mail server that speaks TLS and asks for a password."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg import Connection

from tests.fix_service import free_port
from tests.integration.test_notices import Way, told
from tests.notifying import secret

HOST = "127.0.0.1"
# The library knows of no TLS but STARTTLS.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
PASSWORD = "word"  # noqa: S105 - of this test


def certified(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of this machine's own address, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now, days = datetime.now(UTC), timedelta(2)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - days).not_valid_after(now + days)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file, private = folder / "mail.pem", folder / "mail.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, private)
    return file, context


class Mailbox:
    """A mail server; `refuses` is its answer to a message, None to take it."""

    def __init__(self, folder: Path, security: str) -> None:
        self.taken: list[EmailMessage] = []
        self.refuses: str | None = None
        self.ca_file, context = certified(folder)
        port = free_port()
        given: dict[str, Any] = {"ssl_context": context} if security == "tls" else {"tls_context": context}
        if security == "starttls":
            given["require_starttls"] = True
        self.controller = Controller(
            self, hostname=HOST, port=port, authenticator=self._known, auth_required=True,
            auth_require_tls=security == "starttls", **given,
        )  # fmt: skip
        self.controller.start()
        self.channel = {
            "kind": "mail", "host": HOST, "port": port, "security": security, "user": "taizhang",
            "password_file": secret(folder, "password", PASSWORD), "sender": "taizhang@mail.example",
            "to": ["office@county.example"], "ca_file": str(self.ca_file), "language": "en",
        }  # fmt: skip

    @staticmethod
    def _known(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:  # noqa: ANN401 - the library's
        is_known = isinstance(given, LoginPassword) and (given.login, given.password) == (
            b"taizhang",
            PASSWORD.encode(),
        )
        return AuthResult(success=is_known, handled=False)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's
        if self.refuses is not None:
            return self.refuses
        assert isinstance(envelope.content, bytes)
        assert envelope.rcpt_tos == ["office@county.example"]
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture(params=["starttls", "tls"])
def mailbox(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    made = Mailbox(tmp_path, request.param)
    yield made
    made.controller.stop()


@pytest.fixture
def connection(store: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(store, autocommit=True) as opened:
        yield opened


def test_an_office_s_notices_come_in_one_mail_that_is_known_again(
    connection: Connection[Any], tmp_path: Path, mailbox: Mailbox
) -> None:
    way = Way(connection, tmp_path, **mailbox.channel)
    way.find([told(n) for n in range(3)])
    mailbox.refuses = "451 try again later"
    assert way.turns(1) == 0
    assert [(each.fault, each.fault_detail) for each in way.rows()] == [("mail", "451")] * 3
    mailbox.refuses = None
    assert way.turns(10) == 3
    (mail,) = mailbox.taken
    assert mail["Subject"] == "Taizhang: 3 for office:a"
    assert mail["Message-ID"] == f"<{way.rows()[0].id}@mail.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    lines = mail.get_content().splitlines()
    assert lines[1:4] == [f"{n}. Order order:{n - 1}: issued, to be answered by 2025-01-20" for n in (1, 2, 3)]


def test_a_mail_server_that_is_not_trusted_gets_no_password(
    connection: Connection[Any], tmp_path: Path, mailbox: Mailbox
) -> None:
    way = Way(connection, tmp_path, **{**mailbox.channel, "ca_file": None})
    way.find([told(1)])
    assert way.turns(1) == 0
    assert way.rows()[0].fault == "tls"
    assert mailbox.taken == []


def test_a_wrong_password_is_told_by_its_code_and_the_right_one_is_read_anew(
    connection: Connection[Any], tmp_path: Path, mailbox: Mailbox
) -> None:
    way = Way(connection, tmp_path, **mailbox.channel)
    secret(tmp_path, "password", "another")
    way.find([told(1)])
    assert way.turns(1) == 0
    assert (way.rows()[0].fault, way.rows()[0].fault_detail) == ("mail", "535")
    secret(tmp_path, "password", PASSWORD)
    assert way.turns(10) == 1
