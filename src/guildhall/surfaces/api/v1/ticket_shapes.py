"""Tickets as callers get them."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from guildhall.domain.support import board
from guildhall.domain.support.rules import ClockState
from guildhall.domain.support.tickets import Comment, Ticket, TicketItem
from guildhall.domain.tenancy.tables import Author, Priority, TicketStatus


class TicketSummary(Struct, frozen=True, kw_only=True):
    """A ticket. `is_sla_breached` is true once the clock ran out; `version` is its ETag.

    `customer_id` is the tenant's subscriber whom it concerns. `sla_state` is none, running, due_soon, met or
    breached. `created_by_partner` says whether somebody of a partner opened it.
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
    customer_id: UUID | None
    created_by_kind: Author
    created_by_id: UUID | None
    created_by_name: str
    created_by_partner: bool
    created_by_partner_id: UUID | None
    created_by_partner_name: str | None
    assigned_to: UUID | None
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


class TicketDetail(TicketSummary, frozen=True, kw_only=True):
    """A ticket in full, with what was written in it, oldest first."""

    description: str
    notify_customer: bool
    comments: list[Comment]


class Aggregates(Struct, frozen=True, kw_only=True):
    """Figures over the whole filter, its `status` left out; hours are null where nothing was resolved yet."""

    open: int
    pending: int
    resolved: int
    sla_breach: int
    avg_resolution_hours: float | None


class TicketPage(Struct, frozen=True, kw_only=True):
    """A page of tickets with figures over the whole filter."""

    items: list[TicketSummary]
    total: int | None
    total_at_least: int | None
    limit: int
    offset: int | None
    has_more: bool
    next_cursor: str | None
    aggregates: Aggregates | None


def summed(counted: board.Aggregates | None) -> Aggregates | None:
    """Return the figures of a list as callers get them."""
    if counted is None:
        return None
    return Aggregates(**{name: getattr(counted, name) for name in Aggregates.__struct_fields__})


_OWN = {"customer_id": "subscriber_id", "assigned_to": "assigned_to_id"}
_SAME = tuple((name, _OWN.get(name, name)) for name in TicketSummary.__struct_fields__ if name != "created_by_partner")


def listed_as(item: TicketItem) -> TicketSummary:
    """Return a ticket of a list as callers get it."""
    values = {name: getattr(item, source) for name, source in _SAME}
    return TicketSummary(created_by_partner=item.created_by_partner_id is not None, **values)


def detailed(ticket: Ticket, comments: list[Comment]) -> TicketDetail:
    """Return one ticket in full as callers get it."""
    values = {name: getattr(ticket, source) for name, source in _SAME}
    return TicketDetail(
        created_by_partner=ticket.created_by_partner_id is not None,
        description=ticket.description,
        notify_customer=ticket.notify_customer,
        comments=comments,
        **values,
    )
