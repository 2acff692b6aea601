"""The passkeys of the person at work: list, add, rename, remove; never the last way in."""

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct
from sqlalchemy import TextClause, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Conflict, Invalid, NotFound, StepUpRequired
from guildhall.core.freshness import require_fresh
from guildhall.core.ids import new_id
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import methods, security_letters
from guildhall.domain.people.doors import DOORS
from guildhall.domain.people.passkeys import TABLES, New

LONGEST_NAME = 60
MOST = 20
_JUST_NOW = timedelta(minutes=10)
_WAYS: dict[Surface, TextClause] = {
    Surface.CONSOLE: text("SELECT * FROM portal.own_partner_ways()"),
    Surface.STAFF: text("SELECT * FROM portal.own_staff_ways()"),
    Surface.CUSTOMER: text("SELECT * FROM tenancy.own_customer_ways()"),
}


class Ways(Struct, frozen=True):
    """What the person at work has to sign in with: a password, a code by an app, so many passkeys.

    `allowed` are the ways that the installation offers and the person's partner has not taken away.
    """

    password: bool
    totp: bool
    passkeys: int
    allowed: tuple[str, ...] = ()

    @property
    def second_factor(self) -> bool:
        """Return whether the person can step up."""
        return self.totp or self.passkeys > 0

    @property
    def enough(self) -> bool:
        """Return whether it opens a session in one of the allowed ways."""
        by_password = "password" in self.allowed and self.password and self.second_factor
        return by_password or (methods.PASSKEY in self.allowed and self.passkeys > 0) or self.by_mail

    @property
    def by_mail(self) -> bool:
        """Return whether a link by mail opens a session."""
        return methods.EMAIL_LINK in self.allowed


class Passkey(Struct, frozen=True, kw_only=True):
    """One passkey; `synced` ones are kept by a password manager."""

    id: UUID
    name: str
    synced: bool
    last_used_at: datetime | None
    created_at: datetime


async def ways(connection: AsyncConnection, actor: Actor) -> Ways:
    """Return what the person at work can sign in with."""
    row = (await connection.execute(_WAYS[actor.surface])).one()
    allowed = methods.allowed(row.narrowed, surface=actor.surface)
    return Ways(row.password, row.totp, row.passkeys, allowed)


async def list_own(connection: AsyncConnection, actor: Actor) -> list[Passkey]:
    """Return the person's passkeys, the oldest first."""
    table = TABLES[actor.kind]
    columns = (table.c.id, table.c.name, table.c.synced, table.c.last_used_at, table.c.created_at)
    rows = await connection.execute(
        select(*columns).where(table.c.user_id == actor.user_id).order_by(table.c.created_at, table.c.id)
    )
    return [Passkey(**row) for row in rows.mappings()]


async def known_credentials(connection: AsyncConnection, actor: Actor) -> tuple[str, list[bytes]]:
    """Return the person's address, and the credential ids that a browser need not make again."""
    table, person = TABLES[actor.kind], DOORS[actor.surface].person
    email = await connection.scalar(select(person.c.email).where(person.c.id == actor.user_id))
    return email or "", list(
        await connection.scalars(select(table.c.credential_id).where(table.c.user_id == actor.user_id))
    )


async def may_add(actor: Actor, *, now: datetime) -> None:
    """Raise StepUpRequired unless a second factor was shown just now; with none yet, a sign-in just now will do."""
    async with db.transaction(actor) as connection:
        if (await ways(connection, actor)).second_factor:
            require_fresh(actor, now=now)
            return
        session = DOORS[actor.surface].session
        began = await connection.scalar(select(session.c.created_at).where(session.c.id == actor.session_id))
    if began is None or now - began > _JUST_NOW:
        raise StepUpRequired


async def add(actor: Actor, new: New, *, name: str, now: datetime) -> None:
    """Keep a passkey that the browser made. Raises StepUpRequired, Invalid by field, Conflict for one known already."""
    kept_name = called(name)
    await may_add(actor, now=now)
    async with db.transaction(actor) as connection:
        if (await ways(connection, actor)).passkeys >= MOST:
            raise Conflict("You have twenty passkeys. Remove one first.")
        await keep(connection, actor, new, name=kept_name)


async def keep(connection: AsyncConnection, actor: Actor, new: New, *, name: str) -> UUID:
    """Write a passkey of the person at work, the letter that tells of it and its entry in the trail; return its id.

    The caller has checked it. Raises Conflict for one known already.
    """
    table, passkey_id = TABLES[actor.kind], new_id()
    try:
        await connection.execute(
            insert(table).values(
                id=passkey_id,
                user_id=actor.user_id,
                credential_id=new.credential_id,
                public_key=new.public_key,
                sign_count=new.sign_count,
                name=name,
                synced=new.synced,
            )
        )
    except IntegrityError:
        raise Conflict("This passkey is known already") from None
    await security_letters.tell_passkey_added(connection, actor, name=name)
    await _note(connection, actor, Action.PASSKEY_ADDED, passkey_id, {"name": [None, name]})
    return passkey_id


async def rename(actor: Actor, *, passkey_id: UUID, name: str) -> None:
    """Give one of the person's passkeys another name; raises Invalid, NotFound."""
    table, kept_name = TABLES[actor.kind], called(name)
    async with db.transaction(actor) as connection:
        before = await connection.scalar(select(table.c.name).where(table.c.id == passkey_id).with_for_update())
        if before is None:
            raise NotFound
        await connection.execute(update(table).where(table.c.id == passkey_id).values(name=kept_name))
        await _note(connection, actor, Action.PASSKEY_RENAMED, passkey_id, {"name": [before, kept_name]})


async def remove(actor: Actor, *, passkey_id: UUID, now: datetime) -> None:
    """Remove one of the person's passkeys. Raises StepUpRequired, NotFound, Conflict where it is the last way in."""
    require_fresh(actor, now=now)
    table, person = TABLES[actor.kind], DOORS[actor.surface].person
    async with db.transaction(actor) as connection:
        # Whoever removes two at once is let in one after the other, and the second sees what the first has left.
        await connection.execute(update(person).where(person.c.id == actor.user_id).values(updated_at=func.now()))
        gone = await connection.scalar(delete(table).where(table.c.id == passkey_id).returning(table.c.name))
        if gone is None:
            raise NotFound
        if not (await ways(connection, actor)).enough:
            raise Conflict("This is your last way in. Add another one first.")
        await security_letters.tell_passkey_removed(connection, actor, name=gone)
        await _note(connection, actor, Action.PASSKEY_REMOVED, passkey_id, {"name": [gone, None]})


def called(name: str) -> str:
    """Return the name as it is kept; raises Invalid for none and for one that is too long."""
    words = " ".join(name.split())
    if not words or len(words) > LONGEST_NAME:
        raise Invalid(errors={"name": "Give it a name of at most 60 characters"})
    return words


async def _note(
    connection: AsyncConnection, actor: Actor, action: Action, passkey_id: UUID, changes: dict[str, list[str | None]]
) -> None:
    await record(
        connection,
        actor,
        action=action,
        target=Target("passkey", passkey_id),
        partner_id=actor.partner_id,
        tenant_id=actor.tenant_id,
        changes=changes,
    )
