"""What the person at work may know of the own account beside the session: address and tenant limits (PRODUCT §3)."""

from uuid import UUID

from msgspec import Struct
from sqlalchemy import func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.people.limit_tables import partner_user_group, tenant_group_tenant
from guildhall.domain.people.tables import TenantScope, partner_user, partner_user_tenant


class Own(Struct, frozen=True, kw_only=True):
    """The own account of a partner's person.

    `tenant_scope` is all, include or exclude; `limited_tenant_ids` are the tenants that it includes or excludes, one
    by one or by a group.
    """

    email: str
    tenant_scope: TenantScope
    limited_tenant_ids: list[UUID]


async def own(connection: AsyncConnection, actor: Actor) -> Own:
    """Return the account of the partner's person at work, in one statement."""
    named = union(
        select(partner_user_tenant.c.tenant_id).where(partner_user_tenant.c.user_id == actor.user_id),
        select(tenant_group_tenant.c.tenant_id)
        .join(partner_user_group, partner_user_group.c.group_id == tenant_group_tenant.c.group_id)
        .where(partner_user_group.c.user_id == actor.user_id),
    ).subquery()
    limited = select(func.array_agg(named.c.tenant_id)).scalar_subquery()
    row = (
        await connection.execute(
            select(partner_user.c.email, partner_user.c.tenant_scope, limited.label("limited")).where(
                partner_user.c.id == actor.user_id
            )
        )
    ).one()
    return Own(email=row.email, tenant_scope=row.tenant_scope, limited_tenant_ids=row.limited or [])
