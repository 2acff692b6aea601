"""A person changes the own password or authenticator; every change is told by letter (PRODUCT §3)."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime

from cryptography.exceptions import InvalidTag
from sqlalchemy import TextClause, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto, db
from guildhall.core.actor import Actor, Kind
from guildhall.core.errors import Invalid
from guildhall.core.freshness import require_fresh
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import backoff, factors, passwords, security_letters
from guildhall.domain.people.doors import DOORS

_WRONG_OLD = "This is not your password now"
_WRONG_CODE = "This code is not right. Wait for the next one and type it."
_KEEP_PASSWORD: Mapping[Kind, TextClause] = {
    Kind.PARTNER_USER: text("SELECT * FROM portal.keep_partner_password(:kept)"),
    Kind.STAFF_USER: text("SELECT * FROM portal.keep_staff_password(:kept)"),
    Kind.CUSTOMER_USER: text("SELECT * FROM tenancy.keep_customer_password(:kept)"),
}
_KEEP_FACTOR: Mapping[Kind, TextClause] = {
    Kind.PARTNER_USER: text("SELECT * FROM portal.keep_partner_factor(:secret, :step)"),
    Kind.STAFF_USER: text("SELECT * FROM portal.keep_staff_factor(:secret, :step)"),
    Kind.CUSTOMER_USER: text("SELECT * FROM tenancy.keep_customer_factor(:secret, :step)"),
}


async def change_password(actor: Actor, *, old: str, new: str, now: datetime) -> None:
    """Set a new password where `old` is the one of now, and end every other session.

    Somebody who has none yet shows a fresh second factor instead. Raises Invalid beside the field, TooManyRequests
    while a back-off lasts.
    """
    door = DOORS[actor.surface]
    email = await address(actor)
    login = await db.door(actor.surface, door.login, {"email": email})
    if login is None or login["password_hash"] is None:
        require_fresh(actor, now=now)
    else:
        tried = await backoff.begin(actor, subject=str(actor.user_id), now=now, purpose="password")
        if not await passwords.matches(login["password_hash"], old):
            raise Invalid(errors={"old_password": _WRONG_OLD})
        await backoff.forgive(actor, tried, now=now)
    personal = (actor.name, *actor.name.split(), email.partition("@")[0], actor.partner_name or actor.tenant_name or "")
    kept = await passwords.chosen(new, personal=personal)
    async with db.transaction(actor) as connection:
        await connection.execute(_KEEP_PASSWORD[actor.kind], {"kept": kept})
        await _end_others(connection, actor)
        await security_letters.tell_password_changed(connection, actor)
        await _note(connection, actor, Action.PASSWORD_CHANGED)


def offered(actor: Actor, *, now: datetime) -> tuple[str, str]:
    """Return a fresh authenticator secret, and the same sealed for a hidden field. Needs a fresh second factor."""
    require_fresh(actor, now=now)
    secret = factors.new_secret()
    return secret, base64.urlsafe_b64encode(crypto.seal("authenticator", f"{actor.user_id}:{secret}")).decode()


def secret_in(actor: Actor, sealed: str) -> str | None:
    """Return the secret that was offered to this person, or None for anything else."""
    try:
        whose, _, secret = crypto.unseal("authenticator", base64.urlsafe_b64decode(sealed)).partition(":")
    except (InvalidTag, ValueError, binascii.Error):
        return None
    return secret if whose == str(actor.user_id) else None


async def replace_factor(actor: Actor, *, secret: str, code: str, now: datetime) -> None:
    """Let the authenticator with `secret` take the place of the one of before, once it gave a code.

    Needs a fresh second factor. Raises Invalid beside the field for a wrong code.
    """
    require_fresh(actor, now=now)
    step = factors.step_of(secret, code, now=now, after=0)
    if step is None:
        raise Invalid(errors={"code": _WRONG_CODE})
    async with db.transaction(actor) as connection:
        await connection.execute(_KEEP_FACTOR[actor.kind], {"secret": factors.sealed(secret), "step": step})
        await security_letters.tell_factor_replaced(connection, actor)
        await _note(connection, actor, Action.FACTOR_REPLACED)


async def address(actor: Actor) -> str:
    """Return the actor's own address."""
    person = DOORS[actor.surface].person
    async with db.transaction(actor) as connection:
        found: str = await connection.scalar(select(person.c.email).where(person.c.id == actor.user_id)) or ""
    return found


async def _end_others(connection: AsyncConnection, actor: Actor) -> None:
    """End every session of the actor but the one at work."""
    session = DOORS[actor.surface].session
    await connection.execute(
        update(session)
        .where(session.c.user_id == actor.user_id, session.c.id != actor.session_id, session.c.ended_at.is_(None))
        .values(ended_at=func.now())
    )


async def _note(connection: AsyncConnection, actor: Actor, action: Action) -> None:
    """Write the act into the chains of the person's side and of the vendor."""
    target = Target(str(actor.kind), str(actor.user_id))
    await record(
        connection, actor, action=action, target=target, partner_id=actor.partner_id, tenant_id=actor.tenant_id
    )
