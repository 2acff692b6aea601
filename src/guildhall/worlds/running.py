"""Running the demo: seed once, refuse other people's database, say who can sign in."""

import asyncio
import shutil
from datetime import UTC, datetime

import click
import psycopg

from guildhall import runtime
from guildhall.core import crypto
from guildhall.domain.access.boundary.roles import named
from guildhall.domain.files.store import Store
from guildhall.settings import Settings
from guildhall.worlds import demo


def prepare(settings: Settings) -> None:
    """Migrate and, the first time, seed; stop with a sentence where real people are in the database."""
    socket = runtime.open_database(settings)
    runtime.prepare(settings, socket)
    crypto.set_master(runtime.secret_of(settings).encode())
    url = runtime.admin_url(settings, socket)
    with psycopg.connect(url) as connection:
        connection.execute(named("SET LOCAL ROLE @owner", settings.role_prefix).encode())
        if demo.people_elsewhere(connection):
            raise click.ClickException("This database holds people of your own; the demo needs one for itself.")
        seeded = demo.is_seeded(connection)
    if not seeded:
        click.echo("Making the demo world (once) …")
        files = demo.seed(url, prefix=settings.role_prefix, today=datetime.now(UTC).date())
        asyncio.run(_keep(runtime.store_of(settings), files))


async def _keep(store: Store, files: dict[str, bytes]) -> None:
    """Put the demo's files into the store."""
    for key, octets in files.items():
        async with store.writing(key) as sink:
            await sink.write(octets)


def reset(settings: Settings) -> None:
    """Remove the demo's embedded data; raises where the database is somebody else's."""
    if not settings.embedded:
        raise click.ClickException("This database is your own: drop it yourself, then start the demo again.")
    data = settings.home / "postgres"
    if (data / "postmaster.pid").exists():
        raise click.ClickException("The demo is running: stop it first.")
    for folder in (data, settings.home / "files"):
        shutil.rmtree(folder, ignore_errors=True)


def welcome(settings: Settings) -> str:
    """Return what a person needs for the first minute: addresses, sign-ins, how to get a code."""
    lines = ["", f"  {settings.brand} — the demo of Guildhall", ""]
    lines += [f"  {settings.origin(label)}" for label in ("partners", "customers", "staff", "api")]
    lines += ["", f"  Password of everybody: {demo.DEMO_PASSWORD}", ""]
    lines += [f"  {who.email:<42} {who.surface:<10} {who.purpose}" for who in demo.sign_ins()]
    lines += ["", f"  Letters are kept, not sent: {settings.origin('staff')}/mail"] if not settings.smtp_url else []
    lines += ["", "  One-time code:  .venv/bin/guildhall demo-otp principal@northwind.example", ""]
    return "\n".join([*lines, "  Ctrl-C stops it; `make demo-reset` starts anew.", ""])
