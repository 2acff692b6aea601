"""What is wrong with an installation, in words: `guildhall doctor`."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import psycopg
from alembic.script import ScriptDirectory
from msgspec import Struct
from psycopg import sql

from guildhall import runtime
from guildhall.adapters.mail import smtp
from guildhall.core.actor import Surface
from guildhall.domain.access.boundary.apply import fingerprint
from guildhall.domain.access.boundary.roles import LOGINS, PLAIN_ROLES
from guildhall.domain.mail.office import Undelivered
from guildhall.domain.migrations.run import HISTORIES, config
from guildhall.settings import Settings
from guildhall.surfaces.kit.static import manifest

OLDEST_SERVER = 150000
_SURFACES = (*runtime.LOGIN_OF,)


class Finding(Struct, frozen=True):
    """One thing looked at: `level` ok, warning or trouble, and a sentence."""

    level: Literal["ok", "warning", "trouble"]
    text: str


def examine(settings: Settings, socket: Path | None) -> Iterator[Finding]:
    """Yield what is right and wrong: settings, front end, mail, database, roles, migrations, boundary."""
    yield from _settings(settings)
    yield from _front_end()
    yield _mail(settings)
    try:
        with psycopg.connect(runtime.admin_url(settings, socket)) as connection:
            yield from _server(connection)
            yield from _schema(connection, settings)
    except psycopg.Error as error:
        yield Finding("trouble", f"The database does not answer as the migrating log-in: {_first_line(error)}")
        return
    for surface in _SURFACES:
        yield from _login(settings, socket, surface)


def _settings(settings: Settings) -> Iterator[Finding]:
    """Look at what the operator set."""
    if settings.embedded:
        yield Finding("ok", f"PostgreSQL is embedded; its data is in {settings.home}")
    elif "DATABASE_URL" in settings.database_urls:
        yield Finding(
            "warning",
            "One DATABASE_URL serves every surface: a fault in one could act as another. Set DATABASE_URL_PARTNERS,"
            " _CUSTOMERS, _STAFF, _API and _WORKER",
        )
    if settings.https:
        yield Finding("ok", "Cookies are bound to HTTPS")
        if not settings.trusted_proxies:
            yield Finding(
                "warning",
                "GUILDHALL_TRUSTED_PROXIES is empty: behind a proxy every caller has the proxy's address, and one who"
                " guesses makes all others wait. Name the proxy's address",
            )
    elif "localhost" not in settings.base_host:
        yield Finding("warning", "GUILDHALL_HTTPS is off: cookies travel unprotected")
    if settings.demo:
        yield Finding("warning", "This is the demo: its password is public")


def _front_end() -> Iterator[Finding]:
    """Look whether the files of the pages are there."""
    try:
        manifest()
    except RuntimeError as error:
        yield Finding("trouble", str(error))
    else:
        yield Finding("ok", "The front end is built")


def _mail(settings: Settings) -> Finding:
    """Look whether the SMTP server lets us in; no letter is sent."""
    server = settings.smtp
    if server is None:
        return Finding(
            "ok" if settings.demo else "warning",
            f"No SMTP server is set: letters are kept, to be read at {settings.origin('staff')}/mail"
            " or with `guildhall mail list`",
        )
    place = f"{server.host}:{server.port} (tls={server.tls})"
    try:
        asyncio.run(smtp.check(server))
    except Undelivered as fault:
        return Finding("trouble", f"The SMTP server {place} does not take letters: {_first_line(fault)}")
    return Finding("ok", f"The SMTP server {place} lets us in; letters come from {settings.mail_from}")


def _server(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    """Look at the server."""
    version = connection.info.server_version
    level: Literal["ok", "trouble"] = "ok" if version >= OLDEST_SERVER else "trouble"
    yield Finding(level, f"PostgreSQL {version // 10000}.{version % 10000} (15 or newer is needed)")


def _schema(connection: psycopg.Connection[Any], settings: Settings) -> Iterator[Finding]:
    """Look whether histories and boundary stand where this version needs them."""
    wanted: dict[str, str | None] = {
        schema: ScriptDirectory.from_config(config(schema)).get_current_head() for schema in HISTORIES
    }
    for schema, head in wanted.items():
        stands = _value(connection, settings, f"SELECT version_num FROM {schema}.alembic_version")
        known = stands == head
        text = f"Schema {schema} stands at {stands or 'nothing'}" + (
            "" if known else f"; run `guildhall migrate` ({head})"
        )
        yield Finding("ok" if known else "trouble", text)
    mark = _value(connection, settings, "SELECT fingerprint FROM portal.boundary")
    same = mark == fingerprint(settings.role_prefix, dict(runtime.own_logins(settings)))
    yield Finding(
        "ok" if same else "trouble",
        "Policies and functions are those of this version"
        if same
        else "The boundary is of another version: run `guildhall migrate`",
    )


def _value(connection: psycopg.Connection[Any], settings: Settings, statement: str) -> str | None:
    """Return one value as the owner, or None where its table is absent: the migrating log-in itself may see none."""
    try:
        with connection.transaction():
            owner = sql.Identifier(settings.role_prefix + "owner")
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(owner))
            row = connection.execute(statement.encode()).fetchone()
    except psycopg.Error:
        return None
    return row[0] if row else None


def _login(settings: Settings, socket: Path | None, surface: Surface) -> Iterator[Finding]:
    """Look whether a surface's log-in connects, and whether it can become more than it should."""
    try:
        with psycopg.connect(runtime.surface_url(settings, surface, socket)) as connection:
            rows = connection.execute("SELECT rolname FROM pg_roles WHERE pg_has_role(rolname, 'MEMBER')").fetchall()
    except (psycopg.Error, LookupError) as error:
        yield Finding("trouble", f"The log-in of {surface} does not connect: {_first_line(error)}")
        return
    ours = {settings.role_prefix + role: role for role in PLAIN_ROLES}
    more = {ours[name] for (name,) in rows if name in ours} - set(LOGINS[runtime.LOGIN_OF[surface]])
    if more:
        yield Finding("warning", f"The log-in of {surface} may also become: {', '.join(sorted(more))}")
    else:
        yield Finding("ok", f"The log-in of {surface} connects and can become nothing else")


def _first_line(error: Exception) -> str:
    """Return the first line of an error."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
