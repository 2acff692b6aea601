"""Which customers a person of a partner reaches: all, only some, or all but some (PRODUCT §3)."""

from collections.abc import Collection
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Table, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.domain.people.limit_tables import partner_user_group, tenant_group_tenant
from guildhall.domain.people.tables import partner_user, partner_user_tenant


class Limits(Struct, frozen=True, kw_only=True):
    """A person's limits. `scope` is all, include or exclude: of `tenant_ids` and of what the groups hold together."""

    scope: str = "all"
    tenant_ids: tuple[UUID, ...] = ()
    group_ids: tuple[UUID, ...] = ()


def within(tenant_id: UUID | ColumnElement[UUID]) -> ColumnElement[bool]:
    """Return the condition that the limits of a row of partner_user include a tenant: portal.within_limits."""
    single = (
        select(partner_user_tenant.c.user_id)
        .where(partner_user_tenant.c.user_id == partner_user.c.id, partner_user_tenant.c.tenant_id == tenant_id)
        .correlate_except(partner_user_tenant)
    )
    grouped = (
        select(partner_user_group.c.user_id)
        .join(tenant_group_tenant, tenant_group_tenant.c.group_id == partner_user_group.c.group_id)
        .where(partner_user_group.c.user_id == partner_user.c.id, tenant_group_tenant.c.tenant_id == tenant_id)
        .correlate_except(partner_user_group, tenant_group_tenant)
    )
    named = or_(single.exists(), grouped.exists())
    return or_(partner_user.c.tenant_scope == "all", (partner_user.c.tenant_scope == "include") == named)


async def of(connection: AsyncConnection, user_id: UUID) -> Limits:
    """Return the limits of one person whom the role at work may see."""
    scope = await connection.scalar(select(partner_user.c.tenant_scope).where(partner_user.c.id == user_id))
    tenants = select(partner_user_tenant.c.tenant_id).where(partner_user_tenant.c.user_id == user_id)
    groups = select(partner_user_group.c.group_id).where(partner_user_group.c.user_id == user_id)
    return Limits(
        scope=scope or "all",
        tenant_ids=tuple(sorted((await connection.execute(tenants)).scalars())),
        group_ids=tuple(sorted((await connection.execute(groups)).scalars())),
    )


async def write(connection: AsyncConnection, user_id: UUID, limits: Limits) -> None:
    """Put `limits` in the place of the person's own; what they name is checked already."""
    await connection.execute(
        update(partner_user)
        .where(partner_user.c.id == user_id, partner_user.c.tenant_scope != limits.scope)
        .values(tenant_scope=limits.scope)
    )
    for table, column, ids in (
        (partner_user_tenant, "tenant_id", limits.tenant_ids),
        (partner_user_group, "group_id", limits.group_ids),
    ):
        await connection.execute(delete(table).where(table.c.user_id == user_id))
        await _all(connection, table, [{"user_id": user_id, column: each} for each in ids])


async def _all(connection: AsyncConnection, table: Table, rows: Collection[dict[str, UUID]]) -> None:
    """Insert `rows`, in one statement, where there are any."""
    if rows:
        await connection.execute(insert(table), list(rows))
