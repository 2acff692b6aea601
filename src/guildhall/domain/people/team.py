"""The people of a partner as their colleagues see them (PRODUCT §3)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import cursor
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, NotFound
from guildhall.core.text import storable
from guildhall.domain.people.one_time_tables import partner_one_time as link
from guildhall.domain.people.tables import TenantScope, partner_user
from guildhall.domain.rbac.registry import PartnerRole

SortBy = Literal["name", "last_active_at"]
State = Literal["active", "invited", "lapsed", "deactivated"]
STATES: tuple[State, ...] = get_args(State)
MISSING = "PERSON_NOT_FOUND"
_INVITED_UNTIL = (
    select(func.max(link.c.expires_at))
    .where(link.c.user_id == partner_user.c.id, link.c.purpose.in_(("join", "first")), link.c.used_at.is_(None))
    .correlate(partner_user)
    .scalar_subquery()
)
_STATE = case(
    (partner_user.c.status != "active", partner_user.c.status),
    (partner_user.c.last_active_at.is_not(None), "active"),
    (func.now() < _INVITED_UNTIL, "invited"),
    else_="lapsed",
)
_COLUMNS = (
    *(partner_user.c[name] for name in ("id", "name", "email", "status", "roles", "tenant_scope", "language")),
    partner_user.c.last_active_at,
    partner_user.c.created_at,
    _STATE.label("state"),
    case((partner_user.c.last_active_at.is_(None), _INVITED_UNTIL)).label("invited_until"),
)
_SORTS: Mapping[str, ColumnElement[Any]] = {
    "name": func.lower(partner_user.c.name),
    "last_active_at": partner_user.c.last_active_at,
}


class Colleague(Struct, frozen=True, kw_only=True):
    """Somebody of the own partner.

    `state` is the status as shown: invited while a link is out and the person has not come, lapsed when it ended
    unused at `invited_until`. `tenant_scope` is all, include or exclude: which customers the person reaches.
    """

    id: UUID
    name: str
    email: str
    status: str
    state: State
    roles: list[PartnerRole]
    tenant_scope: TenantScope
    language: str
    last_active_at: datetime | None
    invited_until: datetime | None
    created_at: datetime


class Filter(Struct, frozen=True, kw_only=True):
    """Which people to list; `search` looks in name and address, `role` and `status` (of STATES) are exact, any of them.

    `cursor` is a page's `next_cursor`, and replaces `offset`.
    """

    search: str = ""
    role: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    sort_by: SortBy = "name"
    sort_order: Literal["asc", "desc"] = "asc"
    limit: int = 50
    offset: int = 0
    cursor: str = ""


class Page(Struct, frozen=True, kw_only=True):
    """One page of colleagues; `total` is None on pages asked for by cursor."""

    items: list[Colleague]
    total: int | None
    next_cursor: str | None


class Place(Struct, frozen=True):
    """Where a page ended: the list's order, and the last person's value in it, None for who was never here."""

    sort_by: SortBy
    sort_order: Literal["asc", "desc"]
    value: str | None
    id: UUID


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> Page:
    """Return one page of the actor's colleagues, and where the next one starts.

    Raises Forbidden without team.read, Invalid for a cursor of another list.
    """
    if not actor.may("partner.team.read"):
        raise Forbidden
    where, after, order = _conditions(actor, wanted), _after(wanted), _SORTS[wanted.sort_by]
    rows = await connection.execute(
        select(*_COLUMNS)
        .where(*where, *after)
        .order_by(order.desc().nulls_last() if wanted.sort_order == "desc" else order.asc().nulls_last())
        .order_by(partner_user.c.id)
        .limit(wanted.limit + 1)
        .offset(0 if after else wanted.offset)
    )
    found = [Colleague(**row) for row in rows.mappings()]
    counting = select(func.count()).select_from(partner_user).where(*where)
    return Page(
        items=found[: wanted.limit],
        total=None if after else await connection.scalar(counting),
        next_cursor=_next(wanted, found[wanted.limit - 1]) if len(found) > wanted.limit else None,
    )


def _after(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return the condition of who comes after the cursor, none without one; raises Invalid for another list's."""
    if not wanted.cursor:
        return []
    place, order = cursor.decode(wanted.cursor, Place), _SORTS[wanted.sort_by]
    if (place.sort_by, place.sort_order) != (wanted.sort_by, wanted.sort_order):
        raise cursor.wrong()
    later = partner_user.c.id > place.id
    if place.value is None:
        return [and_(order.is_(None), later)]
    there = _value(place.sort_by, place.value)
    beyond = order < there if wanted.sort_order == "desc" else order > there
    return [or_(beyond, and_(order == there, later), order.is_(None))]


def _value(sort_by: SortBy, text: str) -> ColumnElement[Any]:
    """Return the value at which a page ended; raises Invalid for what nobody can have."""
    if not storable(text):
        raise cursor.wrong()
    return func.lower(literal(text)) if sort_by == "name" else literal(cursor.moment(text))


def _next(wanted: Filter, last: Colleague) -> str:
    """Return the cursor of the page after `last`."""
    seen = None if last.last_active_at is None else last.last_active_at.isoformat()
    value = last.name if wanted.sort_by == "name" else seen
    return cursor.encode(Place(wanted.sort_by, wanted.sort_order, value, last.id))


async def get(connection: AsyncConnection, actor: Actor, *, user_id: UUID) -> Colleague:
    """Return one of the actor's colleagues; raises NotFound for anybody else."""
    if not actor.may("partner.team.read"):
        raise Forbidden
    own = (partner_user.c.partner_id == actor.partner_id, partner_user.c.id == user_id)
    row = (await connection.execute(select(*_COLUMNS).where(*own))).mappings().first()
    if row is None:
        raise NotFound(code=MISSING)
    return Colleague(**row)


def _conditions(actor: Actor, wanted: Filter) -> list[Any]:
    """Return the filter as conditions."""
    where: list[Any] = [partner_user.c.partner_id == actor.partner_id]
    if wanted.search:
        columns = (partner_user.c.name, partner_user.c.email)
        where.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in columns)))
    if wanted.role:
        where.append(or_(*(literal(role) == func.any(partner_user.c.roles) for role in wanted.role)))
    if wanted.status:
        where.append(_STATE.in_(wanted.status))
    return where
