"""Groups of customers: a partner's own names for some of them, which limits of people can name (PRODUCT §3)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound
from guildhall.core.ids import new_id
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people.limit_tables import partner_user_group, tenant_group, tenant_group_tenant
from guildhall.domain.team import leading, limiting

LONGEST_NAME = 80
_TENANTS = (
    select(func.count())
    .where(tenant_group_tenant.c.group_id == tenant_group.c.id)
    .correlate(tenant_group)
    .scalar_subquery()
)
_PEOPLE = (
    select(func.count())
    .where(partner_user_group.c.group_id == tenant_group.c.id)
    .correlate(tenant_group)
    .scalar_subquery()
)


class Group(Struct, frozen=True, kw_only=True):
    """One group: how many customers it holds, and the limits of how many people name it."""

    id: UUID
    name: str
    tenants: int
    people: int
    updated_at: datetime


_GROUP = select(
    tenant_group.c.id,
    tenant_group.c.name,
    tenant_group.c.updated_at,
    _TENANTS.label("tenants"),
    _PEOPLE.label("people"),
)


async def listed(connection: AsyncConnection, actor: Actor) -> list[Group]:
    """Return the groups of the actor's partner, by name."""
    _must_read(actor)
    own = _GROUP.where(tenant_group.c.partner_id == actor.partner_id)
    rows = await connection.execute(own.order_by(func.lower(tenant_group.c.name)))
    return [Group(**row) for row in rows.mappings()]


async def get(connection: AsyncConnection, actor: Actor, *, group_id: UUID) -> tuple[Group, list[UUID]]:
    """Return one group and the customers in it; raises NotFound for any other."""
    _must_read(actor)
    own = _GROUP.where(tenant_group.c.partner_id == actor.partner_id, tenant_group.c.id == group_id)
    row = (await connection.execute(own)).mappings().first()
    if row is None:
        raise NotFound
    inside = select(tenant_group_tenant.c.tenant_id).where(tenant_group_tenant.c.group_id == group_id)
    return Group(**row), list((await connection.execute(inside)).scalars())


def _must_read(actor: Actor) -> None:
    if not actor.may("partner.team.read"):
        raise Forbidden


async def make(actor: Actor, *, name: str, tenant_ids: Sequence[UUID], now: datetime) -> UUID:
    """Make a group; raises Invalid by field."""
    partner_id, called = leading.may_lead(actor, now=now), _name(name)
    async with db.transaction(actor) as connection:
        await leading.leading(connection, actor)
        tenants = await _tenants(connection, actor, tenant_ids)
        group_id = new_id()
        made = insert(tenant_group).values(id=group_id, partner_id=partner_id, name=called)
        try:
            await connection.execute(made)
        except IntegrityError:
            raise Invalid(errors={"name": "There is a group of this name already"}) from None
        await _fill(connection, group_id, list(tenants))
        await _note(connection, actor, Action.GROUP_MADE, group_id, {"name": called, "tenants": _names(tenants)})
    return group_id


async def change(actor: Actor, *, group_id: UUID, name: str, tenant_ids: Sequence[UUID], now: datetime) -> None:
    """Give a group another name or other customers; limits that name it change with it, from the next request on."""
    leading.may_lead(actor, now=now)
    called = _name(name)
    async with db.transaction(actor) as connection:
        await leading.leading(connection, actor)
        before, inside = await get(connection, actor, group_id=group_id)
        tenants = await _tenants(connection, actor, tenant_ids)
        changes: dict[str, object] = {} if called == before.name else {"name": [before.name, called]}
        if set(tenants) != set(inside):
            known = await limiting.known(connection, actor, inside)
            changes["tenants"] = [_names(known), _names(tenants)]
        if not changes:
            raise Conflict("Nothing was changed")
        renamed = update(tenant_group).where(tenant_group.c.id == group_id)
        try:
            await connection.execute(renamed.values(name=called, updated_at=func.now()))
        except IntegrityError:
            raise Invalid(errors={"name": "There is a group of this name already"}) from None
        await connection.execute(delete(tenant_group_tenant).where(tenant_group_tenant.c.group_id == group_id))
        await _fill(connection, group_id, list(tenants))
        await _note(connection, actor, Action.GROUP_CHANGED, group_id, changes)


async def remove(actor: Actor, *, group_id: UUID, now: datetime) -> str:
    """Remove a group that no limit names, and return its name; raises Conflict for one that a limit names."""
    leading.may_lead(actor, now=now)
    async with db.transaction(actor) as connection:
        await leading.leading(connection, actor)
        group, _ = await get(connection, actor, group_id=group_id)
        await connection.execute(delete(tenant_group_tenant).where(tenant_group_tenant.c.group_id == group_id))
        try:
            await connection.execute(delete(tenant_group).where(tenant_group.c.id == group_id))
        except IntegrityError:
            raise Conflict("The limits of somebody name this group; change those first") from None
        await _note(connection, actor, Action.GROUP_REMOVED, group_id, {"name": group.name})
    return group.name


def _name(text: str) -> str:
    """Return the name as it is kept; raises Invalid beside the field."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST_NAME or "\x00" in name:
        raise Invalid(errors={"name": "Use 1 to 80 characters"})
    return name


async def _tenants(connection: AsyncConnection, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the names of the customers chosen; raises Invalid for none, and for any that is not the partner's."""
    known = await limiting.known(connection, actor, ids)
    if not ids:
        raise Invalid(errors={"tenants": "Choose at least one customer"})
    if len(known) != len(set(ids)):
        raise Invalid(errors={"tenants": "Choose among your customers"})
    return known


async def _fill(connection: AsyncConnection, group_id: UUID, tenant_ids: list[UUID]) -> None:
    rows = [{"group_id": group_id, "tenant_id": each} for each in tenant_ids]
    await connection.execute(insert(tenant_group_tenant), rows)


def _names(tenants: dict[UUID, str]) -> list[str]:
    return sorted(tenants.values())


async def _note(
    connection: AsyncConnection, actor: Actor, action: Action, group_id: UUID, changes: dict[str, object]
) -> None:
    """Write an act into the partner's trail."""
    target = Target("tenant_group", group_id)
    await record(connection, actor, action=action, target=target, partner_id=actor.partner_id, changes=changes)
