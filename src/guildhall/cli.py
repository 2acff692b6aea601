"""The command line: `guildhall up | demo | demo-otp | serve | worker | migrate | doctor | audit | import | staff`."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from types import FrameType
from typing import NoReturn

import click
import msgspec

from guildhall import runtime
from guildhall.settings import Settings, SettingsError, load


def settings_or_stop() -> Settings:
    """Return the settings, or stop with the sentence that says which one is wrong."""
    try:
        return load()
    except SettingsError as wrong:
        raise click.ClickException(str(wrong)) from None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Guildhall: a partner portal that a software vendor runs."""


@main.command()
def migrate() -> None:
    """Bring the database to what this version needs."""
    settings = settings_or_stop()
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
    runtime.prepare(settings, runtime.open_database(settings))
    _run_children(settings)


@main.command()
@click.option("--reset", is_flag=True, help="Throw the demo world away and stop.")
def demo(*, reset: bool) -> None:
    """Run a realistic vendor with partners and tenants, and print the sign-ins."""
    from guildhall.worlds import running

    settings = msgspec.structs.replace(settings_or_stop(), demo=True)
    if reset:
        running.reset(settings)
        click.echo("The demo world is gone; the next start makes a new one.")
        return
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
