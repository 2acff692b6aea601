"""Customers and their people as staff see them (PRODUCT §11)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, NotFound
from guildhall.domain.people.tables import customer_membership as membership
from guildhall.domain.people.tables import customer_user as person
from guildhall.domain.tenancy.tables import tenant

TENANT_SORTS: Mapping[str, ColumnElement[Any]] = {"name": func.lower(tenant.c.name), "created_at": tenant.c.created_at}
PEOPLE_SORTS: Mapping[str, ColumnElement[Any]] = {
    "name": func.lower(person.c.name),
    "last_active_at": person.c.last_active_at,
}


class Tenant(Struct, frozen=True, kw_only=True):
    """One customer. `has_approver` says whether anybody there can answer a partner's request."""

    id: UUID
    name: str
    slug: str
    domain: str
    status: str
    plan_type: str
    region: str
    contact_name: str
    contact_email: str
    created_at: datetime
    has_approver: bool


class Member(Struct, frozen=True, kw_only=True):
    """Somebody of a customer: one row for each customer that the person belongs to."""

    id: UUID
    name: str
    email: str
    status: str
    role: str
    tenant_id: UUID
    tenant_name: str
    last_active_at: datetime | None
    created_at: datetime


class Filter(Struct, frozen=True, kw_only=True):
    """Which tenants or people to list; `search` looks in names, domain and addresses, the others are exact."""

    search: str = ""
    status: str = ""
    role: str = ""
    no_approver: bool = False
    tenant_id: UUID | None = None
    user_id: UUID | None = None
    sort_by: str = "name"
    descending: bool = False
    limit: int = 50
    offset: int = 0


_HAS_APPROVER = exists(
    select(membership.c.user_id)
    .join(person, person.c.id == membership.c.user_id)
    .where(
        membership.c.tenant_id == tenant.c.id,
        membership.c.role == "approver",
        membership.c.status == "active",
        person.c.status == "active",
    )
    .correlate(tenant)
)
_TENANT = [tenant.c[name] for name in Tenant.__struct_fields__ if name != "has_approver"] + [
    _HAS_APPROVER.label("has_approver")
]
_JOINED = membership.join(person, person.c.id == membership.c.user_id).join(
    tenant, tenant.c.id == membership.c.tenant_id
)
_MEMBER = [
    *(person.c[name] for name in ("id", "name", "email", "status", "last_active_at", "created_at")),
    membership.c.role,
    membership.c.tenant_id,
    tenant.c.name.label("tenant_name"),
]


async def tenants(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Tenant], int]:
    """Return one page of the customers, and how many there are."""
    _must(actor, "staff.tenants.read")
    where = _search(wanted.search, (tenant.c.name, tenant.c.slug, tenant.c.domain))
    if wanted.status:
        where.append(tenant.c.status == wanted.status)
    if wanted.no_approver:
        where.append(~_HAS_APPROVER)
    order = _order(TENANT_SORTS[wanted.sort_by], wanted)
    chosen = select(*_TENANT).where(*where).order_by(order, tenant.c.id).limit(wanted.limit).offset(wanted.offset)
    total = await connection.scalar(select(func.count()).select_from(tenant).where(*where))
    return [Tenant(**row) for row in (await connection.execute(chosen)).mappings()], total or 0


async def get(connection: AsyncConnection, actor: Actor, tenant_id: UUID) -> Tenant:
    """Return one customer; raises NotFound where there is none."""
    _must(actor, "staff.tenants.read")
    row = (await connection.execute(select(*_TENANT).where(tenant.c.id == tenant_id))).mappings().first()
    if row is None:
        raise NotFound(code="TENANT_NOT_FOUND")
    return Tenant(**row)


async def people(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Member], int]:
    """Return one page of the people of customers, and how many there are."""
    _must(actor, "staff.people.read")
    where: list[Any] = _search(wanted.search, (person.c.name, person.c.email, tenant.c.name))
    for column, value in (
        (person.c.status, wanted.status),
        (membership.c.role, wanted.role),
        (membership.c.tenant_id, wanted.tenant_id),
        (person.c.id, wanted.user_id),
    ):
        if value:
            where.append(column == value)
    order = _order(PEOPLE_SORTS[wanted.sort_by], wanted)
    chosen = select(*_MEMBER).select_from(_JOINED).where(*where).order_by(order, person.c.id, membership.c.tenant_id)
    rows = (await connection.execute(chosen.limit(wanted.limit).offset(wanted.offset))).mappings()
    total = await connection.scalar(select(func.count()).select_from(_JOINED).where(*where))
    return [Member(**row) for row in rows], total or 0


async def only_approver_of(connection: AsyncConnection, actor: Actor, user_id: UUID) -> list[str]:
    """Return the names of the customers whose only active approver this person is."""
    _must(actor, "staff.people.read")
    other, colleague = membership.alias("other"), person.alias("colleague")
    others = (
        select(other.c.user_id)
        .join(colleague, colleague.c.id == other.c.user_id)
        .where(
            other.c.tenant_id == membership.c.tenant_id,
            other.c.user_id != user_id,
            other.c.role == "approver",
            other.c.status == "active",
            colleague.c.status == "active",
        )
        .correlate(membership)
    )
    rows = await connection.execute(
        select(tenant.c.name)
        .join(membership, membership.c.tenant_id == tenant.c.id)
        .where(
            membership.c.user_id == user_id,
            membership.c.role == "approver",
            membership.c.status == "active",
            ~others.exists(),
        )
        .order_by(func.lower(tenant.c.name))
    )
    return list(rows.scalars())


def _search(text: str, columns: Sequence[ColumnElement[Any]]) -> list[Any]:
    """Return the condition that one of `columns` contains `text`."""
    return [or_(*(column.icontains(text, autoescape=True) for column in columns))] if text else []


def _order(column: ColumnElement[Any], wanted: Filter) -> ColumnElement[Any]:
    """Return the order that is wanted, what has no value last."""
    return column.desc().nulls_last() if wanted.descending else column.asc().nulls_last()


def _must(actor: Actor, permission: str) -> None:
    """Raise Forbidden unless the person holds `permission`."""
    if not actor.may(permission):
        raise Forbidden
