"""The command line: `guildhall up | demo | serve | worker | migrate | doctor | import | audit | mail | …`."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import msgspec

from guildhall import runtime
from guildhall.cli_audit import audit
from guildhall.cli_mail import mail
from guildhall.cli_start import installation, settings_or_stop, stopping
from guildhall.core import crypto
from guildhall.domain.access.boundary.roles import create_roles
from guildhall.domain.tenancy.importing_writes import Invite
from guildhall.settings import Settings

NEWEST_GRANTS = 160000  # from PostgreSQL 16 on, grants state SET and INHERIT


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Guildhall: a partner portal that a software vendor runs."""


main.add_command(audit)
main.add_command(mail)


@main.command()
@click.option("--print-roles", is_flag=True, help="Print the statements that make the roles, and stop.")
def migrate(*, print_roles: bool) -> None:
    """Bring the database to what this version needs."""
    settings = settings_or_stop()
    if print_roles:
        logins = dict(runtime.own_logins(settings))
        for statement in create_roles(prefix=settings.role_prefix, server_version=NEWEST_GRANTS, logins=logins):
            click.echo(statement + ";")
        return
    with stopping():
        for line in runtime.prepare(settings, runtime.open_database(settings)):
            click.echo(line)


@main.command()
def serve() -> None:
    """Serve the surfaces of this process (GUILDHALL_SURFACES)."""
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    settings = settings_or_stop()
    Server(
        "guildhall.web:front",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=settings.workers,
        log_access=False,
        log_level=LogLevels.warning,
        websockets=False,
    ).serve()


@main.command()
def up() -> None:
    """Migrate, then run web and worker until Ctrl-C."""
    settings = settings_or_stop()
    with stopping():
        runtime.prepare(settings, runtime.open_database(settings))
    _run_children(settings)


@main.command()
@click.option("--reset", is_flag=True, help="Throw the demo world away and stop.")
def demo(*, reset: bool) -> None:
    """Run a realistic vendor with partners and tenants, and print the sign-ins."""
    from guildhall.worlds import running

    settings = settings_or_stop()
    brand = settings.brand if "GUILDHALL_BRAND" in os.environ else "Halcyon Cloud"
    settings = msgspec.structs.replace(settings, demo=True, brand=brand)
    if reset:
        running.reset(settings)
        click.echo("The demo world is gone; the next start makes a new one.")
        return
    with stopping():
        running.prepare(settings)
    click.echo(running.welcome(settings))
    _run_children(settings)


@main.command("demo-otp")
@click.argument("email")
def demo_otp(email: str) -> None:
    """Print the current one-time code of a person of the demo."""
    import pyotp

    from guildhall.worlds.demo import totp_secret

    click.echo(pyotp.TOTP(totp_secret(email)).at(datetime.now(UTC)))


@main.command()
def worker() -> None:
    """Run jobs and what happens by the clock."""
    from guildhall.worker import run_worker

    run_worker(settings_or_stop())


@main.command()
def doctor() -> None:
    """Say what is wrong with this installation; ends with 1 where something is."""
    from guildhall import doctor as examination

    settings = settings_or_stop()
    levels = set()
    for finding in examination.examine(settings, runtime.open_database(settings)):
        levels.add(finding.level)
        mark = {"ok": "  ok      ", "warning": "  warning ", "trouble": "  TROUBLE "}[finding.level]
        click.echo(mark + finding.text)
    if "trouble" in levels:
        raise click.exceptions.Exit(1)


@main.command("import")
@click.argument("kind")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")
def import_(kind: str, file: Path, *, dry_run: bool) -> None:
    """Import FILE (.csv or .jsonl) of KIND: all of it or nothing, and twice is the same as once."""
    from rich.progress import Progress

    from guildhall.domain.tenancy.importing import KINDS, import_file

    if kind not in KINDS:
        raise click.UsageError(f"{kind} cannot be imported. Known: {', '.join(KINDS)}")
    place = installation()
    settings, url = place.settings, place.url
    with Progress() as bar:
        task = bar.add_task(f"Reading {file.name}", total=None)
        report = import_file(
            url,
            prefix=settings.role_prefix,
            kind=kind,
            path=file,
            dry_run=dry_run,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for fault in report.faults:
        click.echo(str(fault))
    if report.fault_count:
        raise click.ClickException(f"{report.fault_count} faults in {report.rows} rows. Nothing was written.")
    done = "would be" if dry_run else "were"
    for invite in report.written.invites:
        click.echo(_welcome(settings, invite))
    added, changed = report.written.added, report.written.changed
    click.echo(f"{report.rows} rows: {added} {done} added, {changed} changed, {report.unchanged} as they were.")


@main.group()
def staff() -> None:
    """Look after the people of the vendor."""


@staff.command("create")
@click.argument("email")
@click.argument("name")
@click.option(
    "--role", "roles", multiple=True, required=True, help="lead, partner_manager, finance, support, read_only"
)
def staff_create(email: str, name: str, roles: tuple[str, ...]) -> None:
    """Make a staff user; the one-time link that sets password and second factor is shown once."""
    from guildhall.core import clock
    from guildhall.domain.people.staffing import create_staff

    place = installation()
    with stopping():
        prefix = place.settings.role_prefix
        made = create_staff(place.url, prefix=prefix, email=email, name=name, roles=roles, now=clock.now())
    address = f"{place.settings.origin('staff')}/welcome/{made.token}"
    click.echo(f"{email} signs up once, until {made.expires_at:%Y-%m-%d %H:%M} UTC (shown once): {address}")


@main.group()
def customer() -> None:
    """Look after the people of customers."""


@customer.command("invite")
@click.argument("tenant_slug")
@click.argument("email")
@click.argument("name")
@click.option("--role", type=click.Choice(["approver", "viewer"]), default="approver", show_default=True)
def customer_invite(tenant_slug: str, email: str, name: str, role: str) -> None:
    """Let EMAIL, called NAME, sign up once as a person of the tenant TENANT_SLUG; the link is shown once."""
    from guildhall.core import clock
    from guildhall.domain.tenancy.inviting import invite_by_slug

    place = installation()
    prefix = place.settings.role_prefix
    with stopping():
        invite = invite_by_slug(
            place.url, prefix=prefix, slug=tenant_slug, email=email, name=name, role=role, now=clock.now()
        )
    click.echo(_welcome(place.settings, invite))


@main.command("bench-data")
@click.option("--scale", type=click.Choice(["small", "medium", "large"]), default="large", show_default=True)
def bench_data(scale: str) -> None:
    """Fill an empty, migrated database with a world for `make bench`."""
    from guildhall.worlds.bench import make

    settings = settings_or_stop()
    socket = runtime.open_database(settings)
    runtime.prepare(settings, socket)
    crypto.set_master(runtime.secret_of(settings).encode())
    make(runtime.admin_url(settings, socket), prefix=settings.role_prefix, scale=scale)


def _welcome(settings: Settings, invite: Invite) -> str:
    """Return the line that shows a one-time link, for this once."""
    address = f"{settings.origin('customers')}/welcome/{invite.token}"
    return f"{invite.email} signs up once, until {invite.expires_at:%Y-%m-%d %H:%M} UTC (shown once): {address}"


def _run_children(settings: Settings) -> None:
    """Run web and worker as processes of their own until one ends or somebody stops them."""
    environment = _environment(settings)
    command = [sys.executable, "-m", "guildhall"]
    children = [subprocess.Popen([*command, part], env=environment) for part in ("serve", "worker")]  # noqa: S603

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        while all(child.poll() is None for child in children):
            time.sleep(0.3)
    except KeyboardInterrupt:
        click.echo("Stopping.")
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(timeout=30)


def _environment(settings: Settings) -> dict[str, str]:
    """Return the environment of the children: this one, with what the demo decided."""
    return os.environ | {
        "PORT": str(settings.port),
        "GUILDHALL_HOME": str(settings.home),
        "GUILDHALL_DEMO": "true" if settings.demo else "false",
        "GUILDHALL_BRAND": settings.brand,
    }
