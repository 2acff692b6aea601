"""What a partner calls the tenants of its links, for lists that know only their ids (the trail)."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.access.tables import partner_tenant_link as link


async def tenant_names(connection: AsyncConnection, actor: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names that the actor's partner knows of the tenants `ids`; one it does not know is absent."""
    if not ids:
        return {}
    rows = await connection.execute(
        select(link.c.tenant_id, link.c.tenant_name)
        .where(
            link.c.partner_id == actor.partner_id,
            link.c.tenant_id.in_(ids),
            link.c.tenant_name.is_not(None),
        )
        .distinct()
    )
    return {row.tenant_id: row.tenant_name for row in rows}
