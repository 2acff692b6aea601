"""Tickets as each side reads them: one ticket, its comments, and who may be given it (PRODUCT §6, §8)."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.support.rules import ClockState


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
    status: str
    priority: str
    category: str
    tags: list[str]
    subscriber_id: UUID | None
    created_by_kind: str
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
    """A ticket on its own page."""

    description: str
    notify_customer: bool


class Comment(Struct, frozen=True, kw_only=True):
    """What somebody wrote in a ticket; internal ones never reach a customer."""

    id: UUID
    ticket_id: UUID
    content: str
    is_internal: bool
    author_kind: str
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


async def get(connection: AsyncConnection, actor: Actor, ticket_id: UUID, *, now: datetime) -> Ticket:
    """Return one ticket; raises NotFound (TICKET_NOT_FOUND) for one that is absent or not the actor's."""
    raise NotImplementedError


async def comments(connection: AsyncConnection, actor: Actor, ticket_id: UUID) -> list[Comment]:
    """Return what was written in a ticket, oldest first; a customer gets no internal notes."""
    raise NotImplementedError


async def assignees(connection: AsyncConnection, actor: Actor, *, tenant_id: UUID | None = None) -> list[Assignee]:
    """Return the active people of the own partner who may work on tickets, of one tenant if given, by name."""
    raise NotImplementedError
