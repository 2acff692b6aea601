"""The doctor sees with the eyes of a migrating log-in that is no superuser."""

from pathlib import Path

import psycopg
from psycopg import sql

from guildhall import doctor
from guildhall.core.smtp import SmtpServer
from guildhall.settings import Settings
from support_smtp import smtp
from support_world import Cluster


def test_a_migrating_log_in_without_any_right_of_its_own_finds_schemas_and_boundary(
    cluster: Cluster, demo_database: str
) -> None:
    name, owner = f"{cluster.prefix}doctor", f"{cluster.prefix}owner"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN NOINHERIT").format(sql.Identifier(name)))
        admin.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(owner), sql.Identifier(name)))
    try:
        url = cluster.login_url("doctor", demo_database)
        settings = Settings(
            home=Path("/nonexistent"),
            role_prefix=cluster.prefix,
            secret="x" * 40,
            migrate_url=url,
            database_urls={
                f"DATABASE_URL_{label}": cluster.login_url(f"login_{label.lower()}", demo_database)
                for label in ("PARTNERS", "CUSTOMERS", "STAFF", "API", "WORKER")
            },
        )
        said = {finding.text: finding.level for finding in doctor.examine(settings, None)}
        assert [text for text, level in said.items() if level == "trouble" and "front end" not in text] == []
        assert sum(text.startswith("Schema ") for text in said) == 2
    finally:
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def mail(url: str) -> doctor.Finding:
    """Return what the doctor says of the mail."""
    set_ = {"smtp_url": url, "mail_from": "mail@halcyon.example"} if url else {}
    return doctor._mail(Settings(home=Path("/nonexistent"), **set_))


def test_the_doctor_tries_the_mail_server_and_sends_nothing() -> None:
    with smtp() as inbox:
        found = mail(f"smtp://127.0.0.1:{inbox.port}?tls=none")
        assert (found.level, "lets us in" in found.text) == ("ok", True)
        port = inbox.port
        for url in (
            f"smtp://127.0.0.1:{port}",
            f"smtp://127.0.0.1:{port}?tls=tls",
            f"smtp://me:secret-word@127.0.0.1:{port}?tls=none",
        ):
            found = mail(url)
            assert found.level == "trouble", url
            assert "secret-word" not in found.text
        assert inbox.messages == []
    assert mail(f"smtp://127.0.0.1:{port}?tls=none").level == "trouble"
    assert mail("").level == "warning"
    assert "/mail" in mail("").text
    assert SmtpServer.of("smtp://mail.example.com").port == 587


def test_the_doctor_warns_of_a_proxy_that_nobody_named() -> None:
    home = Path("/nonexistent")
    said = [finding.text for finding in doctor._settings(Settings(home=home, https=True)) if finding.level == "warning"]
    assert any(text.startswith("GUILDHALL_TRUSTED_PROXIES is empty") for text in said)
    named = Settings(home=home, https=True, trusted_proxies=("127.0.0.1",))
    assert not [finding for finding in doctor._settings(named) if "TRUSTED_PROXIES" in finding.text]
