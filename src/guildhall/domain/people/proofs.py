"""What somebody shows as a second factor beside a password: a time-based code, or a recovery code in its place."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Unauthorized
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import factors, recovery_codes, security_letters
from guildhall.domain.people.doors import Door

REFUSED = "E-mail address, password or code is not right."


class Proof(Struct, frozen=True):
    """A code that fits and was not used up yet: the time step of one, or a recovery code."""

    step: int | None = None
    code: str = ""

    @property
    def method(self) -> str:
        """Return how a session that it opens was opened."""
        return "password+recovery" if self.step is None else "password+totp"


async def proof_of(door: Door, login: Mapping[str, Any] | None, code: str, *, now: datetime) -> Proof | None:
    """Return what `code` proves for the person of `login` (a row of the door's log-in function), None for nothing.

    Nobody's code costs the same time as somebody's.
    """
    if recovery_codes.looks_like_one(code):
        fits = await recovery_codes.fits(door, login["user_id"] if login else None, code)
        return Proof(code=code) if fits else None
    if login is None:
        return None
    step = factors.step_of_sealed(login["totp_secret"], code, now=now, after=login["totp_last_step"])
    return None if step is None else Proof(step=step)


async def use(connection: AsyncConnection, door: Door, actor: Actor, proof: Proof) -> None:
    """Use the proof up; raises Unauthorized when another request used it first. A used recovery code is told."""
    if proof.step is not None:
        await _use_step(connection, door, actor, proof.step)
        return
    left = await recovery_codes.use(connection, actor, proof.code)
    await security_letters.tell_code_used(connection, actor, left=left)
    await record(
        connection,
        actor,
        action=Action.RECOVERY_CODE_USED,
        target=Target(str(actor.kind), str(actor.user_id)),
        partner_id=actor.partner_id,
        tenant_id=actor.tenant_id,
        changes={"left": left},
    )


async def _use_step(connection: AsyncConnection, door: Door, actor: Actor, step: int) -> None:
    """Mark the code's step as used."""
    person = door.person
    used = await connection.execute(
        update(person)
        .where(person.c.id == actor.user_id, person.c.totp_last_step < step)
        .values(totp_last_step=step)
        .returning(person.c.id)
    )
    if used.first() is None:
        raise Unauthorized(REFUSED)
