"""A person who works for several customers, and the one that the session is in (BOUNDARY §6)."""

from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import NotFound
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people.tables import customer_membership as membership
from guildhall.domain.people.tables import customer_session as session

_OWN = text("SELECT * FROM tenancy.own_memberships()")


class Membership(Struct, frozen=True, kw_only=True):
    """One tenant that the person belongs to, and the role there."""

    tenant_id: UUID
    tenant_name: str
    role: str


async def own(connection: AsyncConnection) -> list[Membership]:
    """Return the tenants of the person at work, by name."""
    return [Membership(**row) for row in (await connection.execute(_OWN)).mappings()]


async def switch(actor: Actor, *, tenant_id: UUID) -> None:
    """Bring the session at work into another of the person's tenants; raises NotFound for any that is not."""
    there = msgspec.structs.replace(actor, tenant_id=tenant_id)
    async with db.transaction(there) as connection:
        belongs = select(membership.c.user_id).where(
            membership.c.user_id == actor.user_id,
            membership.c.tenant_id == tenant_id,
            membership.c.status == "active",
        )
        if (await connection.execute(belongs)).first() is None:
            raise NotFound
        await connection.execute(
            update(session)
            .where(session.c.id == actor.session_id, session.c.user_id == actor.user_id)
            .values(tenant_id=tenant_id)
        )
        target = Target("tenant", tenant_id)
        await record(connection, there, action=Action.TENANT_ENTERED, target=target, tenant_id=tenant_id)
