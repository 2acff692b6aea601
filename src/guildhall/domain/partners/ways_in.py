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
from guildhall.domain.people.tables import partner_session, partner_user


async def narrowed(connection: AsyncConnection, *, partner_id: UUID) -> tuple[str, ...]:
    """Return the ways that the partner's people may use; raises NotFound."""
    row = (await connection.execute(select(partner.c.sign_in_methods).where(partner.c.id == partner_id))).first()
    if row is None:
        raise NotFound(code="PARTNER_NOT_FOUND")
    return methods.allowed(row.sign_in_methods, surface=Surface.CONSOLE)


async def narrow(actor: Actor, *, partner_id: UUID, ways: Sequence[str], now: datetime) -> None:
    """Let the partner's people sign in by `ways` only; sessions of the others end at once, with their tokens.

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
        ended = await _end_others(connection, partner_id, kept)
        await record(
            connection,
            actor,
            action=Action.PARTNER_CHANGED,
            target=Target("partner", partner_id),
            partner_id=partner_id,
            changes={"sign_in_methods": [list(before), kept]} | ({"sessions": ended} if ended else {}),
        )


async def _end_others(connection: AsyncConnection, partner_id: UUID, kept: Sequence[str]) -> int:
    """End the sessions of the partner's people that opened by a way not `kept`; return how many there were."""
    people = select(partner_user.c.id).where(partner_user.c.partner_id == partner_id)
    way = func.split_part(partner_session.c.method, "+", 1)
    ended = await connection.execute(
        update(partner_session)
        .where(partner_session.c.user_id.in_(people), partner_session.c.ended_at.is_(None))
        .where(way.in_([each for each in methods.METHODS if each not in kept]))
        .values(ended_at=func.now())
        .returning(partner_session.c.id)
    )
    return len(ended.all())
