"""Lists of tickets: inside one tenant, over all of a partner, for a customer and for staff (PRODUCT §8)."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.support.tickets import TicketItem

SortBy = Literal["created_at", "updated_at", "priority", "status", "sla_breach_at"]


class Filter(Struct, frozen=True, kw_only=True):
    """Which tickets to list. Empty tuples and None do not filter.

    `tenant_ids` are tenants that passed the gates (`access.scope.named_tenants`); empty is every tenant that the
    actor reaches. `search` looks in the subject, and for a number in the ticket's number. `created_to` is
    exclusive. `cursor` is a page's `next_cursor`; it replaces `offset`.
    """

    tenant_ids: tuple[UUID, ...] = ()
    status: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    assigned_to: UUID | None = None
    unassigned: bool = False
    created_from: datetime | None = None
    created_to: datetime | None = None
    search: str = ""
    breached: bool | None = None
    due_soon: bool = False
    sort_by: SortBy = "created_at"
    sort_order: Literal["asc", "desc"] = "desc"
    limit: int = 50
    offset: int = 0
    cursor: str = ""


class Aggregates(Struct, frozen=True, kw_only=True):
    """Figures over the whole filter, its statuses left out so that they can label the tabs by status.

    `avg_resolution_hours` is None where nothing was resolved yet.
    """

    open: int
    pending: int
    resolved: int
    closed: int
    sla_breach: int
    avg_resolution_hours: float | None


class TicketPage(Struct, frozen=True, kw_only=True):
    """One page of tickets.

    `total` is None on pages asked for by cursor, and where more than 10,000 match a filter that no rollup covers:
    then `total_at_least` is 10,000. `aggregates` is None in the same two cases.
    """

    items: list[TicketItem]
    total: int | None
    total_at_least: int | None
    aggregates: Aggregates | None
    next_cursor: str | None


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter, *, now: datetime) -> TicketPage:
    """Return one page of the tickets that the actor may list, in at most two statements.

    Raises Forbidden without the permission to list, Invalid for a cursor of another list.
    """
    raise NotImplementedError
