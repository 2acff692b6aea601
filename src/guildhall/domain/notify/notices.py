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
from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Uuid,
    and_,
    case,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, DbRole
from guildhall.core.sql import asked
from guildhall.domain.notify.choices import AUDIENCES, muted, topic_in_sql
from guildhall.domain.notify.tables import notice, notice_read, notice_read_until

# Who reads: given with each statement, so that one that never changes can be kept.
PERSON = asked("person_id", Uuid())
_OF_ACCOUNTS = "account."
_STILL_AT_WORK = timedelta(minutes=1)
# The permission that each side needs for a notice about an area; "" is about links. Those about accounts, which no link
# opens, are told by their kind.
_NEEDS: Mapping[DbRole, Mapping[str, str]] = {
    DbRole.PARTNER: {
        "": "partner.links.read",
        "support": "partner.support.tickets.list",
        "clients": "partner.clients.manage",
        "accounts": "partner.provisioning.subscribers.list",
    },
    DbRole.CUSTOMER: {"": "customer.links.read", "support": "customer.tickets.read"},
    DbRole.STAFF: {"": "staff.links.read", "applications": "staff.applications.read"},
}


def needed(audience: str, area: str, kind: str) -> str:
    """Return the permission that a notice to `audience` needs; none has an empty name."""
    needs = next(_NEEDS[role] for role, whom in AUDIENCES.items() if whom == audience)
    return needs.get("accounts" if kind.startswith(_OF_ACCOUNTS) else area, "")


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
    until = _read_until()
    read_at = func.coalesce(notice_read.c.read_at, case((notice.c.created_at <= until, until))).label("read_at")
    chosen = (
        select(*columns, read_at)
        .outerjoin(notice_read, _own_mark())
        .where(_shown(actor.role, areas(actor)), *([_unread()] if unread_only else []))
        .order_by(notice.c.created_at.desc(), notice.c.id.desc())
        .limit(limit + 1)
        .offset(offset)
    )
    rows = await connection.execute(chosen, {"person_id": actor.user_id})
    found = [Notice(**row) for row in rows.mappings()]
    return found[:limit], len(found) > limit


def areas(actor: Actor) -> tuple[str, ...]:
    """Return the areas of which the person's role may see notices."""
    return tuple(area for area, permission in _NEEDS[actor.role].items() if actor.may(permission))


def unread(role: DbRole, allowed: tuple[str, ...]) -> Select[tuple[UUID]]:
    """Return the notices of the areas `allowed` that PERSON, who acts as `role`, has not read, as a query."""
    return select(notice.c.id).outerjoin(notice_read, _own_mark()).where(_shown(role, allowed), _unread())


async def mark_read(actor: Actor, *, now: datetime, ids: Sequence[UUID] | None = None) -> None:
    """Mark these notices of the person as read, or all of them.

    “All” is a moment, which lies a minute back: what an act that is still at work has written counts as unread.
    """
    wanted = notice.c.id.in_(ids) if ids is not None else notice.c.created_at > now - _STILL_AT_WORK
    chosen = select(notice.c.id, PERSON, literal(now)).where(_shown(actor.role, areas(actor)), wanted)
    own = chosen.params(person_id=actor.user_id)
    marks = insert(notice_read).from_select(["notice_id", "user_id", "read_at"], own).on_conflict_do_nothing()
    async with db.transaction(actor) as connection:
        await connection.execute(marks)
        if ids is None:
            until = insert(notice_read_until).values(user_id=actor.user_id, moment=now - _STILL_AT_WORK)
            later = until.on_conflict_do_update(index_elements=["user_id"], set_={"moment": until.excluded.moment})
            await connection.execute(later)


def _read_until() -> ScalarSelect[datetime]:
    """Return the moment up to which the person has read everything, as an SQL expression; -infinity where never.

    The default stands inside of the subquery: around it, the planner would not enter the index by it.
    """
    moment = func.coalesce(func.max(notice_read_until.c.moment), literal_column("'-infinity'::timestamptz"))
    return select(moment).where(notice_read_until.c.user_id == PERSON).scalar_subquery()


def _unread() -> ColumnElement[bool]:
    """Return the condition that the person has not read a notice: no mark, and later than all that was read."""
    return and_(notice_read.c.read_at.is_(None), notice.c.created_at > _read_until())


def _own_mark() -> ColumnElement[bool]:
    """Return the condition that a read mark is this person's."""
    return and_(notice_read.c.notice_id == notice.c.id, notice_read.c.user_id == PERSON)


def _shown(role: DbRole, allowed: tuple[str, ...]) -> ColumnElement[bool]:
    """Return the condition that a notice is of an area `allowed`, and of a topic that the person wants to see."""
    wanted = topic_in_sql(AUDIENCES[role]).not_in(muted(PERSON))
    area = case((notice.c.kind.startswith(_OF_ACCOUNTS), "accounts"), else_=notice.c.area)
    return and_(area.in_(allowed), wanted)
