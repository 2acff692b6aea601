"""The people of a partner as their colleagues see them (PRODUCT §3)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden
from guildhall.domain.people.tables import partner_user

SortBy = Literal["name", "last_active_at"]
_SORTS: Mapping[str, ColumnElement[Any]] = {
    "name": func.lower(partner_user.c.name),
    "last_active_at": partner_user.c.last_active_at,
}


class Colleague(Struct, frozen=True, kw_only=True):
    """Somebody of the own partner. `tenant_scope` is all, include or exclude: which customers the person reaches."""

    id: UUID
    name: str
    email: str
    status: str
    roles: list[str]
    tenant_scope: str
    last_active_at: datetime | None
    created_at: datetime


class Filter(Struct, frozen=True, kw_only=True):
    """Which people to list; `search` looks in name and address, `role` and `status` are exact or empty."""

    search: str = ""
    role: str = ""
    status: str = ""
    sort_by: SortBy = "name"
    sort_order: Literal["asc", "desc"] = "asc"
    limit: int = 50
    offset: int = 0


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Colleague], int]:
    """Return one page of the actor's colleagues, and how many there are; raises Forbidden without team.read."""
    if not actor.may("partner.team.read"):
        raise Forbidden
    columns = [partner_user.c[name] for name in Colleague.__struct_fields__]
    where = _conditions(actor, wanted)
    order = _SORTS[wanted.sort_by]
    rows = await connection.execute(
        select(*columns)
        .where(*where)
        .order_by(order.desc().nulls_last() if wanted.sort_order == "desc" else order.asc().nulls_last())
        .order_by(partner_user.c.id)
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    total = await connection.scalar(select(func.count()).select_from(partner_user).where(*where))
    return [Colleague(**row) for row in rows.mappings()], total or 0


def _conditions(actor: Actor, wanted: Filter) -> list[ColumnElement[bool]]:
    """Return the filter as conditions."""
    where: list[ColumnElement[bool]] = [partner_user.c.partner_id == actor.partner_id]
    if wanted.search:
        columns = (partner_user.c.name, partner_user.c.email)
        where.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in columns)))
    if wanted.role:
        where.append(literal(wanted.role) == func.any(partner_user.c.roles))
    if wanted.status:
        where.append(partner_user.c.status == wanted.status)
    return where
