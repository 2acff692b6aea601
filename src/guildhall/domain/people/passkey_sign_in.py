"""Signing in and stepping up with a passkey: alone, or after the password in place of the one-time code."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, Unauthorized
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import backoff, passkeys, passwords
from guildhall.domain.people.doors import DOORS
from guildhall.domain.people.opening import SignedIn, open_session
from guildhall.domain.people.passkeys import Shown
from guildhall.domain.people.sign_in import complete, failed


async def sign_in(origin: Actor, proof: Shown, *, now: datetime) -> SignedIn:
    """Open a session for whoever showed the passkey; it is both factors."""
    login = await db.door(origin.surface, DOORS[origin.surface].login, {"email": proof.email})
    if login is None:
        raise Unauthorized(passkeys.REFUSED)
    return await _opened(origin, proof, login, method="passkey", now=now)


async def after_password(
    origin: Actor, proof: Shown, *, email: str, password: str, now: datetime, known: bool = False
) -> SignedIn:
    """Open a session for the address, its password and a passkey of the same person; one answer to all that is wrong.

    `known` is that this browser has signed the address in before. Raises Invalid for missing values,
    TooManyRequests while a back-off lasts, Unauthorized for everything else.
    """
    address = email.strip().lower()
    complete({"email": address, "password": password})
    tried = await backoff.begin(origin, subject=address, now=now, known=known)
    login = await db.door(origin.surface, DOORS[origin.surface].login, {"email": address})
    right = await passwords.matches(login["password_hash"] if login else None, password)
    if login is None or not right or login["user_id"] != proof.user_id:
        raise await failed(origin, address)
    opened = await _opened(origin, proof, login, method="password+passkey", now=now)
    await backoff.forgive(origin, tried, now=now)
    return opened


async def _opened(origin: Actor, proof: Shown, login: dict[str, object], *, method: str, now: datetime) -> SignedIn:
    """Keep the passkey's count and open the session."""

    async def use(connection: AsyncConnection, actor: Actor) -> None:
        await passkeys.used(connection, actor, proof, now=now)

    return await open_session(origin, DOORS[origin.surface], login, method=method, factor_at=now, now=now, use=use)


async def step_up(actor: Actor, proof: Shown, *, now: datetime) -> None:
    """Count the session as fresh for 10 minutes; raises Invalid for the passkey of somebody else."""
    if proof.user_id != actor.user_id:
        raise Invalid(errors={"passkey": "This passkey is not one of yours."})
    session = DOORS[actor.surface].session
    async with db.transaction(actor) as connection:
        await passkeys.used(connection, actor, proof, now=now)
        await connection.execute(update(session).where(session.c.id == actor.session_id).values(factor_at=now))
        await record(connection, actor, action=Action.STEPPED_UP, target=Target("session", str(actor.session_id)))
