"""Pausing a link and lifting the pause, for every side: lifted only by the side that set it (BOUNDARY §2)."""

from datetime import datetime
from uuid import UUID

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.freshness import require_fresh
from guildhall.domain.access.links import must, side
from guildhall.domain.access.states import Side
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.access.writes import expire_if_overdue, note_step, step
from guildhall.domain.audit.trail import Action

NEEDS: dict[Side, str] = {
    "partner": "partner.links.end",
    "tenant": "customer.links.stop",
    "staff": "staff.links.revoke",
}


async def pause(actor: Actor, *, link_id: UUID, reason: str = "") -> None:
    """Stop a link for a while; it binds on the partner's next request."""
    must(actor, NEEDS[side(actor)])
    await expire_if_overdue(actor, link_id)
    async with db.transaction(actor) as connection:
        row = await step(connection, actor, link_id=link_id, to="paused", values={"paused_by": side(actor)})
        await note_step(connection, actor, row, Action.LINK_PAUSED, reason=reason)


async def resume(actor: Actor, *, link_id: UUID, now: datetime) -> None:
    """Lift the pause that the actor's own side set. Needs a fresh second factor."""
    must(actor, NEEDS[side(actor)])
    require_fresh(actor, now=now)
    await expire_if_overdue(actor, link_id)
    async with db.transaction(actor) as connection:
        own = (link.c.paused_by == side(actor)) & (link.c.status == "paused")
        row = await step(connection, actor, link_id=link_id, to="active", only_if=own)
        await note_step(connection, actor, row, Action.LINK_RESUMED)
