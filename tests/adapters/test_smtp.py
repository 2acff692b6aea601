"""The SMTP carrier: nothing goes out but to a server whose certificate is verified, where TLS was asked for."""

import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from guildhall.adapters.mail.smtp import Smtp, check
from guildhall.core.smtp import SmtpServer
from guildhall.domain.mail.office import Refused, Undelivered
from support_smtp import smtp

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    return made


def letter(to: str = "ana@acme.example") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "mail@halcyon.example", to, "Words"
    made.set_content("Words")
    return made


async def test_a_certificate_that_nobody_vouches_for_stops_the_letter(context: ssl.SSLContext) -> None:
    with smtp(tls_context=context) as inbox:
        server = SmtpServer(host="127.0.0.1", port=inbox.port)
        with pytest.raises(Undelivered, match=r"(?i)certificate"):
            await Smtp(server).carry(letter())
        with pytest.raises(Undelivered, match=r"(?i)certificate"):
            await check(server)
        assert inbox.messages == []


async def test_a_certificate_that_is_trusted_lets_it_go(
    context: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with smtp(tls_context=context, require_starttls=True) as inbox:
        assert await Smtp(SmtpServer(host="127.0.0.1", port=inbox.port)).carry(letter()) == "sent"
        assert len(inbox.messages) == 1


async def test_a_server_without_tls_gets_nothing_where_tls_was_asked_for() -> None:
    with smtp() as inbox:
        for tls in ("starttls", "tls"):
            with pytest.raises(Undelivered):
                await Smtp(SmtpServer(host="127.0.0.1", port=inbox.port, tls=tls)).carry(letter())  # type: ignore[arg-type]
        assert inbox.messages == []


async def test_an_address_that_the_server_cannot_take_is_refused_for_good() -> None:
    with smtp(enable_SMTPUTF8=False) as inbox:
        with pytest.raises(Refused, match="SMTPUTF8"):
            await Smtp(inbox.server).carry(letter("añil@acme.example"))
        assert inbox.messages == []
