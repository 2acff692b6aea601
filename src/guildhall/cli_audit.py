"""The command line's part about the trail: `guildhall audit verify | key | erase`."""

import os
import pwd
from uuid import UUID

import click

from guildhall import runtime
from guildhall.cli_start import installation, settings_or_stop, stopping
from guildhall.core import crypto
from guildhall.domain.audit.erasing import erase_name
from guildhall.domain.audit.heads import public_key
from guildhall.domain.audit.verifying import verify


@click.group()
def audit() -> None:
    """Look after the trail."""


@audit.command("verify")
def verify_chains() -> None:
    """Walk every chain of the trail and name the first broken entry of each; ends with 1 where one is broken."""
    place = installation()
    verdict = verify(place.url, role=place.settings.role_prefix + "owner")
    click.echo(f"{verdict.chains} chains, {verdict.entries} entries, {verdict.signatures} signatures checked")
    for broken in verdict.broken:
        click.echo(f"BROKEN  {broken}")
    if verdict.broken:
        raise click.exceptions.Exit(1)


@audit.command("key")
def show_key() -> None:
    """Print the public key that checks the signed heads; publish it where this installation cannot change it."""
    crypto.set_master(runtime.secret_of(settings_or_stop()).encode())
    click.echo(public_key())


@audit.command("erase")
@click.argument("person_id", type=click.UUID)
@click.option("--reason", required=True, help="Why: it stays in the vendor's chain. Do not write the name here.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(person_id: UUID, reason: str, *, yes: bool) -> None:
    """Erase the name of the person PERSON_ID from the trail, as a law may ask; the acts stay.

    PERSON_ID is `entry.actor.id` of an export. The chains still verify. It cannot be undone.
    """
    if not yes:
        click.confirm(f"Erase the name of {person_id} from every entry, for good?", abort=True)
    place = installation()
    owner = place.settings.role_prefix + "owner"
    with stopping():
        erased = erase_name(place.url, owner=owner, person_id=person_id, reason=reason, by=operator())
    click.echo(f"The name has left {erased} entries. `guildhall audit verify` shows that every chain is whole.")


def operator() -> str:
    """Return the account that this process runs as; LOGNAME and USER are whatever somebody sets them to."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
