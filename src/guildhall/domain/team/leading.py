"""What every act on a team asks first: a principal who still is one, a fresh second factor, never the own person."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden
from guildhall.core.freshness import require_fresh
from guildhall.domain.people import principals

NEEDS = "partner.team.manage"


def may_lead(actor: Actor, *, now: datetime) -> UUID:
    """Return the actor's partner; raises Forbidden without team.manage, StepUpRequired without a fresh factor."""
    if not actor.may(NEEDS) or actor.partner_id is None:
        raise Forbidden
    require_fresh(actor, now=now)
    return actor.partner_id


async def leading(connection: AsyncConnection, actor: Actor, *, other: UUID | None = None) -> dict[UUID, bool]:
    """Lock the principals of the actor's partner, and return them as `principals.held` does.

    `other` is whom the act is about. Raises Forbidden where the actor has stopped being a principal meanwhile,
    Conflict where somebody would change the own access.
    """
    if other is not None and other == actor.user_id:
        raise Conflict("You cannot change your own access; ask another principal")
    if actor.partner_id is None:
        raise Forbidden
    found = await principals.held(connection, actor.partner_id)
    if actor.user_id not in found:
        raise Forbidden
    return found
