"""How a command begins: with the settings, the secret and the address of the database, or a sentence why not."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from msgspec import Struct

from guildhall import runtime
from guildhall.core import crypto
from guildhall.core.errors import Refusal
from guildhall.settings import Settings, SettingsError, load


class Installation(Struct, frozen=True):
    """What a command works on: the settings, and the address of a log-in that may become owner and platform."""

    settings: Settings
    url: str


def settings_or_stop() -> Settings:
    """Return the settings, or stop with the sentence that says which one is wrong."""
    try:
        return load()
    except SettingsError as wrong:
        raise click.ClickException(str(wrong)) from None


def installation() -> Installation:
    """Return the installation of this environment, with its secret set."""
    settings = settings_or_stop()
    url = runtime.admin_url(settings, runtime.open_database(settings))
    crypto.set_master(runtime.secret_of(settings).encode())
    return Installation(settings, url)


@contextmanager
def stopping() -> Iterator[None]:
    """Turn a refusal into the sentence with which the command ends."""
    try:
        yield
    except Refusal as refusal:
        said = "; ".join(f"{field}: {text}" for field, text in refusal.errors.items())
        raise click.ClickException(said or refusal.detail) from None
