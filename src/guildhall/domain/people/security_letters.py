"""Letters about a person's own account: each goes to the person, whoever acted (PRODUCT §3)."""

from collections.abc import Mapping

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor, Kind
from guildhall.core.i18n import N_
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.outbox import post
from guildhall.domain.people.doors import DOORS

# The label of the host on which each kind of person signs in.
LABELS: Mapping[Kind, str] = {
    Kind.PARTNER_USER: "partners",
    Kind.STAFF_USER: "staff",
    Kind.CUSTOMER_USER: "customers",
}
_NOT_YOU = N_("If this was not you, change your password at once and tell whoever looks after your account.")
# No word of a password: the people of some partners have none.
_NOT_YOUR_PASSKEY = N_("If this was not you, sign out everywhere at once and tell whoever looks after your account.")


class Reader(Struct, frozen=True, kw_only=True):
    """Whom a letter is for; `label` is the host on which the person signs in."""

    email: str
    name: str
    language: str
    label: str


async def reader_of(connection: AsyncConnection, actor: Actor) -> Reader:
    """Return the person at work as the reader of a letter."""
    person = DOORS[actor.surface].person
    row = (
        await connection.execute(
            select(person.c.email, person.c.name, person.c.language).where(person.c.id == actor.user_id)
        )
    ).one()
    return Reader(email=row.email, name=row.name, language=row.language, label=LABELS[actor.kind])


def _letter(reader: Reader, kind: str, subject: str, *paragraphs: str, **values: str) -> Letter:
    """Return a letter that tells of something and leads to the person's own account."""
    return Letter(
        kind=f"account.{kind}",
        to=reader.email,
        name=reader.name,
        language=reader.language,
        subject=subject,
        paragraphs=paragraphs,
        values=values,
        link=(reader.label, "/account"),
        button=N_("Your account"),
    )


async def tell_code_used(connection: AsyncConnection, actor: Actor, *, left: int) -> None:
    """Tell the person that a recovery code was used, and how many are left."""
    reader = await reader_of(connection, actor)
    letter = _letter(
        reader,
        "recovery_code_used",
        N_("A recovery code of yours was used"),
        N_("Somebody confirmed it is you with one of your recovery codes. Unused codes left: %(left)s."),
        _NOT_YOU,
        left=str(left),
    )
    await post(connection, letter)


async def tell_codes_made(connection: AsyncConnection, actor: Actor) -> None:
    """Tell the person that there are new recovery codes; none of them is in the letter."""
    reader = await reader_of(connection, actor)
    letter = _letter(
        reader,
        "recovery_codes_made",
        N_("You have new recovery codes"),
        N_("Ten new recovery codes were made for your account. Those of before no longer work."),
        _NOT_YOU,
    )
    await post(connection, letter)


async def tell_password_changed(connection: AsyncConnection, actor: Actor) -> None:
    """Tell the person that the password was changed."""
    reader = await reader_of(connection, actor)
    letter = _letter(
        reader,
        "password_changed",
        N_("Your password was changed"),
        N_("Your password has changed. Every other session of yours has ended."),
        _NOT_YOU,
    )
    await post(connection, letter)


async def tell_factor_replaced(connection: AsyncConnection, actor: Actor) -> None:
    """Tell the person that another authenticator was set up."""
    reader = await reader_of(connection, actor)
    letter = _letter(
        reader,
        "factor_replaced",
        N_("Your authenticator was replaced"),
        N_("A new authenticator app gives your one-time codes. Codes of the old one no longer work."),
        _NOT_YOU,
    )
    await post(connection, letter)


async def tell_passkey_added(connection: AsyncConnection, actor: Actor, *, name: str) -> None:
    """Tell the person that the account has another passkey."""
    reader = await reader_of(connection, actor)
    letter = _letter(
        reader,
        "passkey_added",
        N_("A passkey was added to your account"),
        N_("The passkey “%(passkey)s” signs you in from now on. Your account lists it, and removes it."),
        _NOT_YOUR_PASSKEY,
        passkey=name,
    )
    await post(connection, letter)


async def tell_passkey_removed(connection: AsyncConnection, actor: Actor, *, name: str) -> None:
    """Tell the person that a passkey is gone from the account."""
    reader = await reader_of(connection, actor)
    letter = _letter(
        reader,
        "passkey_removed",
        N_("A passkey was removed from your account"),
        N_("Nobody signs in with the passkey “%(passkey)s” any more."),
        _NOT_YOUR_PASSKEY,
        passkey=name,
    )
    await post(connection, letter)


async def tell_recovered(connection: AsyncConnection, actor: Actor) -> None:
    """Tell the person that password and second factor were set anew with a one-time link."""
    reader = await reader_of(connection, actor)
    letter = _letter(
        reader,
        "recovered",
        N_("Your sign-in was set up anew"),
        N_("Password and second factor were set anew with a one-time link. Earlier passkeys and sessions have ended."),
        _NOT_YOU,
    )
    await post(connection, letter)


def recovery(reader: Reader, token: str, *, by: str) -> Letter:
    """Return the letter with the one-time link that sets password and second factor anew."""
    return Letter(
        kind="account.recovery",
        to=reader.email,
        name=reader.name,
        language=reader.language,
        subject=N_("Set up your sign-in again"),
        paragraphs=(
            N_("%(by)s started the recovery of your account: choose a new password and a new second factor."),
            N_("It works once, for 24 hours. Until you use it, everything stays as it is."),
            N_("If you did not ask for this, do not use the link and tell whoever looks after your account."),
        ),
        values={"by": by},
        link=(reader.label, f"/welcome/{token}"),
        button=N_("Set up sign-in"),
    )


def reset(reader: Reader, token: str) -> Letter:
    """Return the letter with the one-time link that sets a new password."""
    return Letter(
        kind="account.password_reset",
        to=reader.email,
        name=reader.name,
        language=reader.language,
        subject=N_("Choose a new password"),
        paragraphs=(
            N_("Somebody asked for a new password for this address. The link works once, for one hour."),
            N_("Your second factor is asked as well. If you did not ask for this, you need not do anything."),
        ),
        link=(reader.label, f"/welcome/{token}"),
        button=N_("Choose a password"),
    )
