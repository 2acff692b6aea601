"""Tickets as each side reads them: one ticket, its comments, and who may be given it (PRODUCT §6, §8)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Text, any_, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor, DbRole
from guildhall.core.errors import Forbidden, NotFound
from guildhall.domain.access.links import must
from guildhall.domain.access.scope import live, tenants_opening
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.people.limits import within
from guildhall.domain.people.tables import partner_user
from guildhall.domain.rbac.registry import PARTNER
from guildhall.domain.support.rules import ClockState, clock_state, is_breached
from guildhall.domain.tenancy.tables import Author, Priority, TicketStatus, tenant, ticket, ticket_comment

# What each side needs for what it does with tickets; an act that is absent is not that side's.
NEEDS: Mapping[DbRole, Mapping[str, str]] = {
    DbRole.PARTNER: {
        verb: f"partner.support.tickets.{verb}" for verb in ("list", "read", "create", "update", "comment")
    },
    DbRole.CUSTOMER: {
        "list": "customer.tickets.read",
        "read": "customer.tickets.read",
        "create": "customer.tickets.create",
        "update": "customer.tickets.update",
        "comment": "customer.tickets.comment",
    },
    DbRole.STAFF: {"list": "staff.tenants.read", "read": "staff.tenants.read"},
}


class TicketItem(Struct, frozen=True, kw_only=True):
    """A ticket in a list.

    `is_sla_breached` is true once the clock ran out, also before the worker has recorded it in
    `sla_breached_at`. `sla_state` is what the clock shows: none, running, due_soon, met or breached.
    """

    id: UUID
    tenant_id: UUID
    tenant_name: str
    number: int
    subject: str
    status: TicketStatus
    priority: Priority
    category: str
    tags: list[str]
    subscriber_id: UUID | None
    created_by_kind: Author
    created_by_id: UUID | None
    created_by_name: str
    created_by_partner_id: UUID | None
    created_by_partner_name: str | None
    assigned_to_id: UUID | None
    assigned_to_name: str | None
    sla_breach_at: datetime | None
    sla_breached_at: datetime | None
    is_sla_breached: bool
    sla_state: ClockState
    resolved_at: datetime | None
    last_response_at: datetime | None
    response_count: int
    version: int
    created_at: datetime
    updated_at: datetime


class Ticket(TicketItem, frozen=True, kw_only=True):
    """A ticket on its own page; `clock_from` is when its clock started anew, None for since it was opened."""

    description: str
    notify_customer: bool
    clock_from: datetime | None


class Comment(Struct, frozen=True, kw_only=True):
    """What somebody wrote in a ticket; internal ones never reach a customer, nor another partner."""

    id: UUID
    ticket_id: UUID
    content: str
    is_internal: bool
    author_kind: Author
    author_id: UUID | None
    author_name: str
    author_partner_id: UUID | None
    author_partner_name: str | None
    created_at: datetime


class Assignee(Struct, frozen=True):
    """Somebody of the own partner who may be given a ticket."""

    id: UUID
    name: str
    roles: list[str]


_COMPUTED = frozenset({"tenant_name", "is_sla_breached", "sla_state"})
STORED = tuple(name for name in TicketItem.__struct_fields__ if name not in _COMPUTED)
_MORE = tuple(name for name in Ticket.__struct_fields__ if name not in {*STORED, *_COMPUTED})


def leave(actor: Actor, verb: str) -> str:
    """Return the permission that `verb` (list, read, create, update, comment) takes on the actor's side.

    Raises Forbidden where the person does not hold it, or the side has no such act.
    """
    permission = NEEDS.get(actor.role, {}).get(verb)
    if permission is None:
        raise Forbidden
    must(actor, permission)
    return permission


async def get(connection: AsyncConnection, actor: Actor, ticket_id: UUID, *, now: datetime) -> Ticket:
    """Return one ticket; raises NotFound (TICKET_NOT_FOUND) for one that is absent or not the actor's."""
    permission = leave(actor, "read")
    columns = [ticket.c[name] for name in (*STORED, *_MORE)]
    rows = await connection.execute(
        select(*columns, _tenant_name(actor).label("tenant_name")).where(
            ticket.c.id == ticket_id, _theirs(actor, permission)
        )
    )
    row = rows.mappings().first()
    if row is None:
        raise NotFound(code="TICKET_NOT_FOUND")
    return Ticket(**row, **clock(dict(row), now=now))


async def opened(connection: AsyncConnection, actor: Actor, tenant_id: UUID, permissions: Iterable[str]) -> None:
    """Raise Forbidden unless the link to the tenant of a ticket that is seen opens every permission: gate 4."""
    if actor.role is DbRole.PARTNER:
        own = select(link.c.permissions).where(
            link.c.partner_id == actor.partner_id, link.c.tenant_id == tenant_id, live()
        )
        if not set(permissions) <= set(await connection.scalar(own) or ()):
            raise Forbidden


async def several(
    connection: AsyncConnection, actor: Actor, ticket_ids: Sequence[UUID], *, now: datetime
) -> list[TicketItem]:
    """Return those of the tickets that are the actor's, by tenant and number, in one statement."""
    permission = leave(actor, "read")
    name = _tenant_name(actor).label("tenant_name")
    rows = await connection.execute(
        select(*(ticket.c[column] for column in STORED), name)
        .where(ticket.c.id.in_(ticket_ids), _theirs(actor, permission))
        .order_by(name, ticket.c.tenant_id, ticket.c.number)
    )
    return [TicketItem(**row, **clock(dict(row), now=now)) for row in rows.mappings()]


async def comments(connection: AsyncConnection, actor: Actor, ticket_id: UUID) -> list[Comment]:
    """Return what was written in a ticket, oldest first; internal notes only those of the own side.

    Empty for a ticket that is absent or not the actor's.
    """
    permission = leave(actor, "read")
    rows = await connection.execute(
        select(*(ticket_comment.c[name] for name in Comment.__struct_fields__))
        .join(ticket, ticket.c.id == ticket_comment.c.ticket_id)
        .where(
            ticket.c.id == ticket_id,
            _theirs(actor, permission),
            _readable(actor),
        )
        .order_by(ticket_comment.c.created_at, ticket_comment.c.id)
    )
    return [Comment(**row) for row in rows.mappings()]


def _readable(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a comment is the actor's to read: a partner's internal notes are its own.

    What the vendor's platform noted internally is for all who help.
    """
    if actor.role is DbRole.CUSTOMER:
        return ~ticket_comment.c.is_internal
    if actor.role is DbRole.PARTNER:
        author = ticket_comment.c.author_partner_id
        return or_(~ticket_comment.c.is_internal, author.is_(None), author == actor.partner_id)
    return true()


async def assignees(
    connection: AsyncConnection, actor: Actor, *, tenant_id: UUID | None = None, person_id: UUID | None = None
) -> list[Assignee]:
    """Return the active people of the own partner, come in at least once, who may work on tickets, by name.

    `tenant_id` leaves out those whose limits exclude that tenant; `person_id` asks for one of them only.
    """
    leave(actor, "update")
    helpers = literal(sorted(PARTNER["partner.support.tickets.update"].roles), ARRAY(Text))
    chosen = select(partner_user.c.id, partner_user.c.name, partner_user.c.roles).where(
        partner_user.c.partner_id == actor.partner_id,
        partner_user.c.status == "active",
        partner_user.c.last_active_at.is_not(None),  # who was invited only has not come yet
        partner_user.c.roles.overlap(helpers),
    )
    if tenant_id is not None:
        chosen = chosen.where(within(tenant_id))
    if person_id is not None:
        chosen = chosen.where(partner_user.c.id == person_id)
    rows = await connection.execute(chosen.order_by(func.lower(partner_user.c.name), partner_user.c.id))
    return [Assignee(*row) for row in rows]


def clock(row: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """Return what the clock of a ticket shows now, as fields of a ticket."""
    due, breached_at = row["sla_breach_at"], row["sla_breached_at"]
    state = clock_state(row["status"], row["priority"], row["created_at"], due, breached_at, now=now)
    return {"is_sla_breached": is_breached(row["status"], due, breached_at, now=now), "sla_state": state}


def _theirs(actor: Actor, permission: str) -> ColumnElement[bool]:
    """Return the condition that a ticket is the actor's to reach: by tenant, and for a partner by its accounts."""
    if actor.role is DbRole.PARTNER:
        accounts = func.array(select(func.portal.account_subscribers()).scalar_subquery())
        return or_(
            ticket.c.tenant_id == any_(tenants_opening(actor.partner_id, permission)),
            ticket.c.subscriber_id == any_(accounts),
        )
    return ticket.c.tenant_id == actor.tenant_id if actor.role is DbRole.CUSTOMER else true()


def _tenant_name(actor: Actor) -> ColumnElement[str]:
    """Return the name of a ticket's tenant as the actor's side knows it.

    A partner has it from its link, which costs no look at the tenants; its home tenant goes by its own name.
    """
    if actor.role is DbRole.CUSTOMER:
        return literal(actor.tenant_name)
    if actor.role is DbRole.STAFF:
        return select(tenant.c.name).where(tenant.c.id == ticket.c.tenant_id).scalar_subquery()
    known = select(link.c.tenant_name).where(
        link.c.partner_id == actor.partner_id, link.c.tenant_id == ticket.c.tenant_id, live()
    )
    return func.coalesce(known.limit(1).scalar_subquery(), actor.partner_name)
