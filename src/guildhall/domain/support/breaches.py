"""Recording that a clock ran out: once for each ticket, by the worker (PRODUCT §8)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.jobs import periodic
from guildhall.domain.audit.trail import Action, Target, hold, record
from guildhall.domain.support.rules import RUNNING
from guildhall.domain.tenancy.tables import ticket

_AT_ONCE = 200  # tickets in one transaction, which holds the trails of their tenants meanwhile


@periodic("* * * * *", "support.mark_breaches")
async def mark_breaches(actor: Actor) -> int:
    """Record every breach that is not recorded yet; return how many. Safe to run at any time, and again."""
    marked = 0
    while True:
        async with db.transaction(actor) as connection:
            rows = await _mark(connection)
            await hold(connection, partners=(), tenants=[row["tenant_id"] for row in rows])
            for row in rows:
                await _note(connection, actor, row)
        marked += len(rows)
        if len(rows) < _AT_ONCE:
            return marked


async def _mark(connection: AsyncConnection) -> Sequence[Mapping[str, Any]]:
    """Record the next breaches, oldest first; what another worker is writing is left to it."""
    due = (
        select(ticket.c.id)
        .where(ticket.c.status.in_(RUNNING), ticket.c.sla_breached_at.is_(None), ticket.c.sla_breach_at <= func.now())
        .order_by(ticket.c.sla_breach_at)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    written = await connection.execute(
        update(ticket)
        .where(ticket.c.id.in_(due))
        .values(sla_breached_at=ticket.c.sla_breach_at)
        .returning(ticket.c.id, ticket.c.tenant_id, ticket.c.number, ticket.c.sla_breached_at)
    )
    return [dict(row) for row in written.mappings()]


async def _note(connection: AsyncConnection, actor: Actor, row: Mapping[str, Any]) -> None:
    """Write a breach into the tenant's trail."""
    await record(
        connection,
        actor,
        action=Action.TICKET_CHANGED,
        target=Target("ticket", row["id"]),
        tenant_id=row["tenant_id"],
        changes={"number": row["number"], "sla_breached_at": row["sla_breached_at"].isoformat()},
    )
