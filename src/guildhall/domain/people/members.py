"""The people of a customer as their colleagues see them (PRODUCT §12)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Uuid, case, column, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, NotFound
from guildhall.domain.people.one_time_tables import customer_one_time as link
from guildhall.domain.people.tables import customer_membership as membership
from guildhall.domain.people.tables import customer_user as person

STATES = ("active", "invited", "lapsed", "deactivated")
_WAITING = func.tenancy.waiting_people().table_valued(column("user_id", Uuid), "email", "name", name="waiting")
# Deactivated is whoever is so as a person, or in this tenant; who has not come is only the latter.
_STATUS = case((person.c.status != "active", person.c.status), else_=membership.c.status)
_INVITED_UNTIL = (
    select(func.max(link.c.expires_at))
    .where(
        link.c.user_id == membership.c.user_id,
        link.c.tenant_id == membership.c.tenant_id,
        link.c.purpose == "join",
        link.c.used_at.is_(None),
    )
    .correlate(membership)
    .scalar_subquery()
)
_WAITS = membership.c.accepted_at.is_(None)
# Everybody waits until the first visit here, known from elsewhere or not.
_STATE = case(
    (_STATUS != "active", _STATUS),
    (~_WAITS, "active"),
    (func.now() >= _INVITED_UNTIL, "lapsed"),
    else_="invited",
)
# Of who has not come only what the invitation said is told: the row of the person is not to be seen before.
_NAME = func.coalesce(_WAITING.c.name, person.c.name)
_EMAIL = func.coalesce(_WAITING.c.email, person.c.email)
_LAST_ACTIVE = case((_WAITS, None), else_=person.c.last_active_at)
SORTS: Mapping[str, ColumnElement[Any]] = {"name": func.lower(_NAME), "last_active_at": _LAST_ACTIVE}
_JOINED = membership.outerjoin(person, person.c.id == membership.c.user_id).outerjoin(
    _WAITING, _WAITING.c.user_id == membership.c.user_id
)
_MEMBERS = select(
    membership.c.user_id.label("id"),
    _NAME.label("name"),
    _EMAIL.label("email"),
    _LAST_ACTIVE.label("last_active_at"),
    membership.c.created_at,
    membership.c.role,
    _STATUS.label("status"),
    _STATE.label("state"),
    case((_WAITS, _INVITED_UNTIL)).label("invited_until"),
).select_from(_JOINED)


class Member(Struct, frozen=True, kw_only=True):
    """Somebody of the own tenant.

    `state` is the status as shown: invited while the person has not come, lapsed when the link ended unused at
    `invited_until`.
    """

    id: UUID
    name: str
    email: str
    role: str
    status: str
    state: str
    last_active_at: datetime | None
    invited_until: datetime | None
    created_at: datetime


class Filter(Struct, frozen=True, kw_only=True):
    """Which people to list; `search` looks in name and address, `role` and `status` (of STATES) are exact or empty."""

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
        .order_by(order.desc().nulls_last() if wanted.descending else order.asc().nulls_last(), membership.c.user_id)
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
        columns = (_NAME, _EMAIL)
        where.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in columns)))
    if wanted.role:
        where.append(membership.c.role == wanted.role)
    if wanted.status:
        where.append(wanted.status == _STATE)
    return where
