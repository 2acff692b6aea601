"""Notices as a person reads them: newest first, read marks per person (PRODUCT §8).

The database shows a person only the notices of the own side and, to a partner's person, only those about tenants
within the own limits; a notice about an area is shown while a live link opens that area. What a person's role
may see is asked here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, ScalarSelect, and_, case, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, DbRole
from guildhall.domain.notify.choices import AUDIENCES, muted, topic_in_sql
from guildhall.domain.notify.tables import notice, notice_read, notice_read_until

COUNTED_TO = 100
_STILL_AT_WORK = timedelta(minutes=1)
# The permission that each side needs for a notice about an area; "" is about links.
_NEEDS: Mapping[DbRole, Mapping[str, str]] = {
    DbRole.PARTNER: {
        "": "partner.links.read",
        "support": "partner.support.tickets.list",
        "clients": "partner.clients.manage",
    },
    DbRole.CUSTOMER: {"": "customer.links.read", "support": "customer.tickets.read"},
    DbRole.STAFF: {"": "staff.links.read", "applications": "staff.applications.read"},
}


def needs_by_area(audience: str) -> Mapping[str, str]:
    """Return the permission that a notice to `audience` needs, by its area."""
    return next(_NEEDS[role] for role, whom in AUDIENCES.items() if whom == audience)


class Notice(Struct, frozen=True, kw_only=True):
    """One notice. The surface makes its sentence from `audience`, `kind` and `values` (notify.sentences).

    `tenant_id` is null for a partner that does not know the tenant yet; `read_at` is null until this person read it.
    """

    id: UUID
    audience: str
    kind: str
    link_id: UUID | None
    tenant_id: UUID | None
    values: dict[str, Any]
    created_at: datetime
    read_at: datetime | None


async def listed(
    connection: AsyncConnection, actor: Actor, *, unread_only: bool = False, limit: int = 20, offset: int = 0
) -> tuple[list[Notice], bool]:
    """Return some of the actor's notices, newest first, and whether there are more."""
    columns = [notice.c[name] for name in Notice.__struct_fields__ if name != "read_at"]
    until = _read_until(actor)
    read_at = func.coalesce(notice_read.c.read_at, case((notice.c.created_at <= until, until))).label("read_at")
    chosen = (
        select(*columns, read_at)
        .outerjoin(notice_read, _own_mark(actor))
        .where(_shown(actor), *([_unread(actor)] if unread_only else []))
        .order_by(notice.c.created_at.desc(), notice.c.id.desc())
        .limit(limit + 1)
        .offset(offset)
    )
    found = [Notice(**row) for row in (await connection.execute(chosen)).mappings()]
    return found[:limit], len(found) > limit


async def unread_count(connection: AsyncConnection, actor: Actor) -> int:
    """Return how many notices the person has not read, counted to 100."""
    unread = (
        select(literal(1))
        .select_from(notice)
        .outerjoin(notice_read, _own_mark(actor))
        .where(_shown(actor), _unread(actor))
        .limit(COUNTED_TO)
        .subquery()
    )
    return await connection.scalar(select(func.count()).select_from(unread)) or 0


async def mark_read(actor: Actor, *, now: datetime, ids: Sequence[UUID] | None = None) -> None:
    """Mark these notices of the person as read, or all of them.

    “All” is a moment, which lies a minute back: what an act that is still at work has written counts as unread.
    """
    wanted = notice.c.id.in_(ids) if ids is not None else notice.c.created_at > now - _STILL_AT_WORK
    chosen = select(notice.c.id, literal(actor.user_id), literal(now)).where(_shown(actor), wanted)
    marks = insert(notice_read).from_select(["notice_id", "user_id", "read_at"], chosen).on_conflict_do_nothing()
    async with db.transaction(actor) as connection:
        await connection.execute(marks)
        if ids is None:
            until = insert(notice_read_until).values(user_id=actor.user_id, moment=now - _STILL_AT_WORK)
            later = until.on_conflict_do_update(index_elements=["user_id"], set_={"moment": until.excluded.moment})
            await connection.execute(later)


def _read_until(actor: Actor) -> ScalarSelect[datetime]:
    """Return the moment up to which the person has read everything, as an SQL expression; -infinity where never.

    The default stands inside of the subquery: around it, the planner would not enter the index by it.
    """
    moment = func.coalesce(func.max(notice_read_until.c.moment), literal_column("'-infinity'::timestamptz"))
    return select(moment).where(notice_read_until.c.user_id == actor.user_id).scalar_subquery()


def _unread(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that the person has not read a notice: no mark, and later than all that was read."""
    return and_(notice_read.c.read_at.is_(None), notice.c.created_at > _read_until(actor))


def _own_mark(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a read mark is this person's."""
    return and_(notice_read.c.notice_id == notice.c.id, notice_read.c.user_id == actor.user_id)


def _shown(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a notice is about something that the person's role may see."""
    allowed = [area for area, permission in _NEEDS[actor.role].items() if actor.may(permission)]
    wanted = topic_in_sql(AUDIENCES[actor.role]).not_in(muted(actor))
    return and_(notice.c.area.in_(allowed), wanted)
