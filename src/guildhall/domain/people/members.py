"""The people of a customer as their colleagues see them (PRODUCT §12)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, NotFound
from guildhall.domain.people.tables import customer_membership as membership
from guildhall.domain.people.tables import customer_user as person

SORTS: Mapping[str, ColumnElement[Any]] = {
    "name": func.lower(person.c.name),
    "last_active_at": person.c.last_active_at,
}
# Deactivated is whoever is so as a person, or in this tenant.
_STATUS = case((person.c.status != "active", person.c.status), else_=membership.c.status)
_JOINED = membership.join(person, person.c.id == membership.c.user_id)
_MEMBERS = select(
    person.c.id,
    person.c.name,
    person.c.email,
    person.c.last_active_at,
    person.c.created_at,
    membership.c.role,
    _STATUS.label("status"),
).select_from(_JOINED)


class Member(Struct, frozen=True, kw_only=True):
    """Somebody of the own tenant."""

    id: UUID
    name: str
    email: str
    role: str
    status: str
    last_active_at: datetime | None
    created_at: datetime


class Filter(Struct, frozen=True, kw_only=True):
    """Which people to list; `search` looks in name and address, `role` and `status` are exact or empty."""

    search: str = ""
    role: str = ""
    status: str = ""
    sort_by: str = "name"
    descending: bool = False
    limit: int = 50
    offset: int = 0


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Member], int]:
    """Return one page of the people of the actor's tenant, and how many there are."""
    if not actor.may("customer.people.read"):
        raise Forbidden
    where = _conditions(actor, wanted)
    order = SORTS[wanted.sort_by]
    rows = await connection.execute(
        _MEMBERS.where(*where)
        .order_by(order.desc().nulls_last() if wanted.descending else order.asc().nulls_last(), person.c.id)
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    total = await connection.scalar(select(func.count()).select_from(_JOINED).where(*where))
    return [Member(**row) for row in rows.mappings()], total or 0


async def get(connection: AsyncConnection, actor: Actor, *, user_id: UUID) -> Member:
    """Return one person of the actor's tenant; raises NotFound for anybody else."""
    if not actor.may("customer.people.read"):
        raise Forbidden
    within = (membership.c.tenant_id == actor.tenant_id, membership.c.user_id == user_id)
    found = (await connection.execute(_MEMBERS.where(*within))).mappings().first()
    if found is None:
        raise NotFound
    return Member(**found)


def _conditions(actor: Actor, wanted: Filter) -> list[Any]:
    """Return the filter as conditions."""
    where: list[Any] = [membership.c.tenant_id == actor.tenant_id]
    if wanted.search:
        columns = (person.c.name, person.c.email)
        where.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in columns)))
    if wanted.role:
        where.append(membership.c.role == wanted.role)
    if wanted.status:
        where.append(wanted.status == _STATUS)
    return where
