"""Which ways to sign in a partner's people may use: staff tighten the installation's list, never widen it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Forbidden, Invalid, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.partners.tables import partner
from guildhall.domain.people import methods


async def narrowed(connection: AsyncConnection, *, partner_id: UUID) -> tuple[str, ...]:
    """Return the ways that the partner's people may use; raises NotFound."""
    row = (await connection.execute(select(partner.c.sign_in_methods).where(partner.c.id == partner_id))).first()
    if row is None:
        raise NotFound(code="PARTNER_NOT_FOUND")
    return methods.allowed(row.sign_in_methods, surface=Surface.CONSOLE)


async def narrow(actor: Actor, *, partner_id: UUID, ways: Sequence[str], now: datetime) -> None:
    """Let the partner's people sign in by `ways` only, from their next sign-in on.

    Needs a fresh second factor. Raises Invalid beside `ways` for none and for one that is not offered here, NotFound.
    """
    if not actor.may("staff.partners.manage"):
        raise Forbidden
    if not ways or not set(ways) <= set(methods.installed()):
        raise Invalid(errors={"ways": "Leave at least one of those that are offered here"})
    require_fresh(actor, now=now)
    kept = [way for way in methods.installed() if way in ways]
    async with db.transaction(actor) as connection:
        before = await narrowed(connection, partner_id=partner_id)
        every = tuple(kept) == methods.installed()
        await connection.execute(
            update(partner)
            .where(partner.c.id == partner_id)
            .values(sign_in_methods=None if every else kept, updated_at=func.now())
        )
        await record(
            connection,
            actor,
            action=Action.PARTNER_CHANGED,
            target=Target("partner", partner_id),
            partner_id=partner_id,
            changes={"sign_in_methods": [list(before), kept]},
        )
