"""Signing in with password and code, and showing the code again (PRODUCT §3).

Unknown address, wrong password and wrong code are one answer, in words and in time.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, TooManyRequests, Unauthorized
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import factors, passwords
from guildhall.domain.people.doors import DOORS, Door
from guildhall.domain.people.opening import SignedIn, open_session

REFUSED = "E-mail address, password or code is not right."
_LONGEST_EMAIL = 254
_WAIT = text("SELECT * FROM portal.sign_in_wait(:door, :subject)")
_FAILED = text("SELECT * FROM portal.sign_in_failed(:door, :subject)")
_SUCCEEDED = text("SELECT * FROM portal.sign_in_succeeded(:door, :subject)")


async def sign_in(origin: Actor, *, email: str, password: str, code: str, now: datetime) -> SignedIn:
    """Open a session on the origin's surface for the person with this address, password and one-time code.

    Raises Invalid for missing values, TooManyRequests while a back-off lasts, Unauthorized for everything else.
    """
    address = email.strip().lower()
    _complete({"email": address, "password": password, "code": code})
    door, subject = DOORS[origin.surface], bytes.fromhex(crypto.mac("sign-in", address))
    await _may_try(door, subject)
    login = await db.door(origin.surface, door.login, {"email": address})
    known = await passwords.matches(login["password_hash"] if login else None, password)
    step = _step(login, code, now)
    if login is None or not known or step is None:
        raise await _failed(origin, door, subject)
    return await _opened(origin, door, login, step, subject=subject, now=now)


def _complete(values: dict[str, str]) -> None:
    """Raise Invalid where a value is missing or cannot be one."""
    errors = {name: "Fill this in" for name, value in values.items() if not value.strip()}
    if len(values["email"]) > _LONGEST_EMAIL or "\x00" in "".join(values.values()):
        errors["email"] = "This is not an e-mail address"
    if errors:
        raise Invalid(errors=errors)


def _step(login: Mapping[str, Any] | None, code: str, now: datetime) -> int | None:
    """Return the code's time step, or None where it is wrong, used, or nobody's."""
    if login is None:
        return None
    return factors.step_of_sealed(login["totp_secret"], code, now=now, after=login["totp_last_step"])


async def _may_try(door: Door, subject: bytes) -> None:
    """Raise TooManyRequests while the address must wait."""
    row = await db.door(door.surface, _WAIT, {"door": door.surface, "subject": subject})
    if row and row["seconds"] > 0:
        raise TooManyRequests("Too many tries. Wait a little and try again.", retry_after=row["seconds"])


async def _failed(origin: Actor, door: Door, subject: bytes) -> Unauthorized:
    """Note a failure for the back-off and the trail; return the one answer."""
    await db.door(door.surface, _FAILED, {"door": door.surface, "subject": subject})
    async with db.transaction(origin) as connection:
        await record(connection, origin, action=Action.SIGN_IN_FAILED, target=Target("address", subject.hex()[:16]))
    return Unauthorized(REFUSED)


async def _opened(
    origin: Actor, door: Door, login: Mapping[str, Any], step: int, *, subject: bytes, now: datetime
) -> SignedIn:
    """Use the code up, open the session, forget the failures."""

    async def use(connection: AsyncConnection, actor: Actor) -> None:
        await _use_step(connection, door, actor, step)

    opened = await open_session(origin, door, login, method="password+totp", factor_at=now, now=now, use=use)
    await db.door(door.surface, _SUCCEEDED, {"door": door.surface, "subject": subject})
    return opened


async def _use_step(connection: AsyncConnection, door: Door, actor: Actor, step: int) -> None:
    """Mark the code's step as used; raise Unauthorized when another request used it first."""
    person = door.person
    used = await connection.execute(
        update(person)
        .where(person.c.id == actor.user_id, person.c.totp_last_step < step)
        .values(totp_last_step=step)
        .returning(person.c.id)
    )
    if used.first() is None:
        raise Unauthorized(REFUSED)


async def step_up(actor: Actor, *, code: str, now: datetime) -> None:
    """Take a fresh one-time code for an act that needs one; the session then counts as fresh for 10 minutes.

    Raises Invalid beside the field for a wrong or used code, TooManyRequests while a back-off lasts.
    """
    door = DOORS[actor.surface]
    subject = bytes.fromhex(crypto.mac("step-up", str(actor.user_id)))
    await _may_try(door, subject)
    login = await db.door(actor.surface, door.login, {"email": await _address(actor, door)})
    step = _step(login, code, now)
    if step is None:
        await db.door(door.surface, _FAILED, {"door": door.surface, "subject": subject})
        raise Invalid(errors={"code": "This code is not right, or was used already. Wait for the next one."})
    async with db.transaction(actor) as connection:
        await _use_step(connection, door, actor, step)
        await connection.execute(
            update(door.session).where(door.session.c.id == actor.session_id).values(factor_at=now)
        )
        await record(connection, actor, action=Action.STEPPED_UP, target=Target("session", str(actor.session_id)))
    await db.door(door.surface, _SUCCEEDED, {"door": door.surface, "subject": subject})


async def _address(actor: Actor, door: Door) -> str:
    """Return the actor's own address."""
    async with db.transaction(actor) as connection:
        address: str | None = await connection.scalar(
            select(door.person.c.email).where(door.person.c.id == actor.user_id)
        )
    return address or ""
