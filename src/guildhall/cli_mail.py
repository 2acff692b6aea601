"""The command line's part about letters: `guildhall mail list | show`."""

from uuid import UUID

import click

from guildhall.cli_audit import operator
from guildhall.cli_start import installation, stopping
from guildhall.domain.mail.office import Look
from guildhall.domain.mail.operating import newest, read


@click.group()
def mail() -> None:
    """Read letters, above all those of an installation without an SMTP server."""


@mail.command("list")
@click.option("--most", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at most.")
def list_letters(*, most: int) -> None:
    """List the newest letters: id, when, status, address, kind."""
    place = installation()
    for item in newest(place.url, owner=place.settings.role_prefix + "owner", most=most):
        said = f"  ({item.error})" if item.error else ""
        click.echo(
            f"{item.id}  {item.created_at:%Y-%m-%d %H:%M}  {item.status:<6}  {item.recipient}  {item.kind}{said}"
        )


@mail.command("show")
@click.argument("mail_id", metavar="ID", type=click.UUID)
def show(mail_id: UUID) -> None:
    """Print the letter ID; that it was read is written into the trail.

    Its link and its code are shown only where its reader never got them.
    """
    place = installation()
    settings = place.settings
    look = Look(settings.brand, settings.brand_colour, settings.origin)
    with stopping():
        click.echo(read(place.url, owner=settings.role_prefix + "owner", mail_id=mail_id, look=look, by=operator()))
