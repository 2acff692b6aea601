"""Partner accounts: the subscribers of a partner's home tenant that it looks after (PRODUCT §1).

A partner reads its own; staff read everybody's, and write them (`entrusting.py`). Once one has ended, its subscriber is
no longer the partner's to see (`portal.account_subscribers`), so neither its name nor its address is there for it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor, DbRole
from guildhall.core.errors import Forbidden, NotFound
from guildhall.domain.access.tables import partner_account as account
from guildhall.domain.tenancy.tables import subscriber

LIST = "partner.provisioning.subscribers.list"
READ = "partner.provisioning.subscribers.read"
STAFF_READ = "staff.accounts.read"
ENGAGEMENTS = ("managed", "referral", "reseller")
ACCOUNT_STATES = ("active", "ended")
_SORTS: Mapping[str, ColumnElement[Any]] = {"name": subscriber.c.name, "since": account.c.created_at}
_OF_SUBSCRIBER = (subscriber.c.name, subscriber.c.email, subscriber.c.plan, subscriber.c.status.label("subscriber"))


class Account(Struct, frozen=True, kw_only=True):
    """An account. `name`, `email`, `plan` and `subscriber`, its subscriber's status, are None once it has ended."""

    id: UUID
    home_tenant_id: UUID
    subscriber_id: UUID
    engagement_type: str
    status: str
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    name: str | None
    email: str | None
    plan: str | None
    subscriber: str | None


class Filter(Struct, frozen=True, kw_only=True):
    """Which accounts to list; `search` looks in the subscriber's name and address; empty is any."""

    search: str = ""
    status: str = ""
    engagement_type: str = ""
    sort_by: Literal["name", "since"] = "name"
    sort_order: Literal["asc", "desc"] = "asc"
    limit: int = 50
    offset: int = 0


_STORED = [account.c[name] for name in Account.__struct_fields__ if name in account.c]
_JOINED = account.outerjoin(
    subscriber, (subscriber.c.id == account.c.subscriber_id) & (subscriber.c.tenant_id == account.c.home_tenant_id)
)


async def listed(
    connection: AsyncConnection, actor: Actor, wanted: Filter, *, partner_id: UUID | None = None
) -> tuple[list[Account], int]:
    """Return one page of the partner's own accounts, to staff those of `partner_id`, and how many there are.

    Raises Forbidden.
    """
    where = [_kept_by(actor, LIST, partner_id), *_conditions(wanted)]
    order, down = _SORTS[wanted.sort_by], wanted.sort_order == "desc"
    rows = await connection.execute(
        select(*_STORED, *_OF_SUBSCRIBER)
        .select_from(_JOINED)
        .where(*where)
        .order_by((order.desc() if down else order.asc()).nulls_last(), account.c.id)
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    total = await connection.scalar(select(func.count()).select_from(_JOINED).where(*where))
    return [Account(**row) for row in rows.mappings()], total or 0


def _kept_by(actor: Actor, permission: str, partner_id: UUID | None) -> ColumnElement[bool]:
    """Return the condition that an account is the actor's partner's, or for staff that of `partner_id`."""
    staff = actor.role is DbRole.STAFF
    if not actor.may(STAFF_READ if staff else permission):
        raise Forbidden
    return account.c.partner_id == (partner_id if staff else actor.partner_id)


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return what a filter asks for."""
    found = []
    if wanted.status:
        found.append(account.c.status == wanted.status)
    if wanted.engagement_type:
        found.append(account.c.engagement_type == wanted.engagement_type)
    if wanted.search:
        columns = (subscriber.c.name, subscriber.c.email)
        found.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in columns)))
    return found


async def get(
    connection: AsyncConnection, actor: Actor, account_id: UUID, *, partner_id: UUID | None = None
) -> Account:
    """Return one of the partner's own accounts, to staff one of `partner_id`; raises Forbidden, NotFound."""
    own = _kept_by(actor, READ, partner_id)
    chosen = select(*_STORED, *_OF_SUBSCRIBER).select_from(_JOINED)
    row = await connection.execute(chosen.where(account.c.id == account_id, own))
    found = row.mappings().first()
    if found is None:
        raise NotFound
    return Account(**found)
