"""Signing in with password and code, and showing the code again (PRODUCT §3).

Unknown address, wrong password and wrong code are one answer, in words and in time.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, Unauthorized
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import backoff, passwords, proofs
from guildhall.domain.people.doors import DOORS, Door
from guildhall.domain.people.opening import SignedIn, open_session
from guildhall.domain.people.proofs import REFUSED, Proof, proof_of

_LONGEST_EMAIL = 254


async def sign_in(
    origin: Actor, *, email: str, password: str, code: str, now: datetime, known: bool = False
) -> SignedIn:
    """Open a session on the origin's surface for the person with this address, password and one-time code.

    `known` is that this browser has signed the address in before (`backoff.knows`).

    Raises Invalid for missing values, TooManyRequests while a back-off lasts, Unauthorized for everything else.
    """
    address = email.strip().lower()
    complete({"email": address, "password": password, "code": code})
    door = DOORS[origin.surface]
    tried = await backoff.begin(origin, subject=address, now=now, known=known)
    login = await db.door(origin.surface, door.login, {"email": address})
    right = await passwords.matches(login["password_hash"] if login else None, password)
    proof = await proof_of(door, login, code, now=now)
    if login is None or not right or proof is None:
        raise await failed(origin, address)
    opened = await _opened(origin, door, login, proof, now=now)
    await backoff.forgive(origin, tried, now=now)
    return opened


def complete(values: dict[str, str]) -> None:
    """Raise Invalid where a value is missing or cannot be one; `email` is among them."""
    errors = {name: "Fill this in" for name, value in values.items() if not value.strip()}
    if len(values["email"]) > _LONGEST_EMAIL or "\x00" in "".join(values.values()):
        errors["email"] = "This is not an e-mail address"
    if errors:
        raise Invalid(errors=errors)


async def failed(origin: Actor, address: str) -> Unauthorized:
    """Note a failure in the trail, by a keyed hash of the address; return the one answer."""
    await note_failure(origin, mark_of(address))
    return Unauthorized(REFUSED)


def mark_of(address: str) -> str:
    """Return the keyed hash by which the trail knows an address that somebody typed."""
    return crypto.mac("sign-in", address)[:16]


async def note_failure(origin: Actor, mark: str) -> None:
    """Note a failed try at the address of this mark."""
    async with db.transaction(origin) as connection:
        await record(connection, origin, action=Action.SIGN_IN_FAILED, target=Target("address", mark))


async def _opened(origin: Actor, door: Door, login: Mapping[str, Any], proof: Proof, *, now: datetime) -> SignedIn:
    """Use the code up and open the session."""

    async def use(connection: AsyncConnection, actor: Actor) -> None:
        await proofs.use(connection, door, actor, proof)

    return await open_session(origin, door, login, method=proof.method, factor_at=now, now=now, use=use)


async def step_up(actor: Actor, *, code: str, now: datetime) -> None:
    """Take a fresh one-time code for an act that needs one; the session then counts as fresh for 10 minutes.

    Raises Invalid beside the field for a wrong or used code, TooManyRequests while a back-off lasts.
    """
    door = DOORS[actor.surface]
    tried = await backoff.begin(actor, subject=str(actor.user_id), now=now, purpose="step-up")
    login = await db.door(actor.surface, door.login, {"email": await _address(actor, door)})
    proof = await proof_of(door, login, code, now=now)
    if proof is None:
        raise Invalid(errors={"code": "This code is not right, or was used already. Wait for the next one."})
    async with db.transaction(actor) as connection:
        await proofs.use(connection, door, actor, proof)
        await connection.execute(
            update(door.session).where(door.session.c.id == actor.session_id).values(factor_at=now)
        )
        await record(connection, actor, action=Action.STEPPED_UP, target=Target("session", str(actor.session_id)))
    await backoff.forgive(actor, tried, now=now)


async def _address(actor: Actor, door: Door) -> str:
    """Return the actor's own address."""
    async with db.transaction(actor) as connection:
        address: str | None = await connection.scalar(
            select(door.person.c.email).where(door.person.c.id == actor.user_id)
        )
    return address or ""
