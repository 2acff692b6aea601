"""What a limit may name: customers that the partner has a link to, and the partner's own groups of them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.people.limit_tables import tenant_group
from guildhall.domain.people.limits import Limits
from guildhall.domain.people.tables import TENANT_SCOPES

MOST = 10_000  # customers of one limit or group


class Customer(Struct, frozen=True):
    """A customer as the partner's links name it."""

    id: UUID
    name: str


async def customers(connection: AsyncConnection, actor: Actor) -> list[Customer]:
    """Return the customers that the actor's partner knows by name from its links, by name."""
    rows = await connection.execute(
        select(link.c.tenant_id, func.max(link.c.tenant_name).label("name"))
        .where(link.c.partner_id == actor.partner_id, link.c.tenant_id.is_not(None), link.c.tenant_name.is_not(None))
        .group_by(link.c.tenant_id)
        .order_by(func.lower(func.max(link.c.tenant_name)), link.c.tenant_id)
        .limit(MOST)
    )
    return [Customer(row.tenant_id, row.name) for row in rows]


async def known(connection: AsyncConnection, actor: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of those of `ids` that are customers of the actor's partner."""
    if not ids:
        return {}
    rows = await connection.execute(
        select(link.c.tenant_id, func.max(link.c.tenant_name).label("name"))
        .where(link.c.partner_id == actor.partner_id, link.c.tenant_id.in_(ids), link.c.tenant_name.is_not(None))
        .group_by(link.c.tenant_id)
    )
    return {row.tenant_id: row.name for row in rows}


async def checked(connection: AsyncConnection, actor: Actor, limits: Limits) -> dict[str, list[str]]:
    """Return what `limits` name, as the trail says it; raises Invalid beside the field for what they may not name."""
    if limits.scope not in TENANT_SCOPES:
        raise Invalid(errors={"scope": "Choose one of the list"})
    if limits.scope == "all":
        return {"tenants": [], "groups": []}
    if not limits.tenant_ids and not limits.group_ids:
        raise Invalid(errors={"tenants": "Choose at least one customer or group"})
    tenants = await known(connection, actor, limits.tenant_ids)
    if len(tenants) != len(set(limits.tenant_ids)):
        raise Invalid(errors={"tenants": "Choose among your customers"})
    groups = await group_names(connection, limits.group_ids)
    if len(groups) != len(set(limits.group_ids)):
        raise Invalid(errors={"groups": "Choose among your groups"})
    return {"tenants": sorted(tenants.values()), "groups": groups}


async def group_names(connection: AsyncConnection, ids: Collection[UUID]) -> list[str]:
    """Return the names of those of `ids` that are groups of the partner at work, in order."""
    if not ids:
        return []
    found = await connection.execute(select(tenant_group.c.name).where(tenant_group.c.id.in_(ids)))
    return sorted(found.scalars())


def told(limits: Limits, named: dict[str, list[str]]) -> dict[str, Any]:
    """Return first limits as the trail says them: nothing before, names after; nothing for who reaches all."""
    if limits.scope == "all":
        return {}
    return {"tenant_scope": limits.scope} | {name: [[], names] for name, names in named.items() if names}


def tidy(limits: Limits) -> Limits:
    """Return `limits` with each name once; who reaches all names none."""
    if limits.scope == "all":
        return Limits()
    return Limits(
        scope=limits.scope,
        tenant_ids=tuple(dict.fromkeys(limits.tenant_ids)),
        group_ids=tuple(dict.fromkeys(limits.group_ids)),
    )
