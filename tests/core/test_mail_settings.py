"""The address of the mail server: understood whole, or refused with a sentence that repeats no password."""

from pathlib import Path

import pytest

from guildhall.core.smtp import SmtpServer
from guildhall.settings import SettingsError, load

FROM = "Halcyon Cloud <mail@halcyon.example>"


def loaded(**variables: str) -> SmtpServer | None:
    """Return the server of an installation with these variables."""
    return load({"GUILDHALL_HOME": str(Path("/nonexistent")), **variables}).smtp


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", SmtpServer(host="mail.example.com", port=587)),
        ("smtp://mail.example.com?tls=tls", SmtpServer(host="mail.example.com", port=465, tls="tls")),
        ("smtp://localhost?tls=none", SmtpServer(host="localhost", port=25, tls="none")),
        (
            "smtp://us%40er:p%3Aw@mail.example.com:2525?tls=starttls",
            SmtpServer(host="mail.example.com", port=2525, user="us@er", password="p:w"),
        ),
    ],
)
def test_an_address_is_read_whole(url: str, server: SmtpServer) -> None:
    assert loaded(GUILDHALL_SMTP_URL=url, GUILDHALL_MAIL_FROM=FROM) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://mail.example.com",
        "smtp://",
        "smtp://mail.example.com:port",
        "smtp://mail.example.com/inbox",
        "smtp://mail.example.com?tls=maybe",
        "smtp://mail.example.com?tls=tls&tls=none",
        "smtp://mail.example.com?timeout=3",
        "smtp://user@mail.example.com",
        "smtp://user:hidden-word@mail.example.com?tls=none",
    ],
)
def test_an_address_that_is_not_understood_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="GUILDHALL_SMTP_URL") as refused:
        loaded(GUILDHALL_SMTP_URL=url, GUILDHALL_MAIL_FROM=FROM)
    assert "hidden-word" not in str(refused.value)


@pytest.mark.parametrize(
    "half",
    [
        {"GUILDHALL_SMTP_URL": "smtp://mail.example.com"},
        {"GUILDHALL_MAIL_FROM": FROM},
        {"GUILDHALL_SMTP_URL": "smtp://mail.example.com", "GUILDHALL_MAIL_FROM": "the mail"},
        {"GUILDHALL_SMTP_URL": "smtp://mail.example.com", "GUILDHALL_MAIL_FROM": "a@b.example\r\nBcc: c@d.example"},
    ],
)
def test_half_a_mail_server_is_refused(half: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="GUILDHALL_MAIL_FROM"):
        loaded(**half)
