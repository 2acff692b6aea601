"""The portfolio: every tenant that a partner may act in now, with its figures (API.md, GET /partner/customers)."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.money import Money

SortBy = Literal["name", "created_at", "outstanding_balance"]


class Relationship(Struct, frozen=True, kw_only=True):
    """The live link. `status` is `active`, or `expiring` within 30 days of the end; `end_date` None is open-ended."""

    link_id: UUID
    access_role: str
    operating_model: str
    relationship_type: str
    status: str
    start_date: datetime
    end_date: datetime | None


class Metrics(Struct, frozen=True, kw_only=True):
    """Figures of a tenant; each is None where the link or the person does not allow it.

    `outstanding_balance` is in the tenant's own currency; `other_balances` are what is owed in others.
    """

    outstanding_balance: Money | None
    other_balances: list[Money] | None
    open_tickets: int | None
    sla_breach_count_30d: int | None
    total_subscribers: int | None


class Billing(Struct, frozen=True, kw_only=True):
    """The commercial side. `current_mrr` is None without money.read or without a subscription."""

    billing_cycle: str | None
    current_mrr: Money | None
    last_invoice_date: date | None
    next_invoice_date: date | None


class Customer(Struct, frozen=True, kw_only=True):
    """One tenant of the portfolio; `billing` is None where the link or the person does not allow it."""

    tenant_id: UUID
    name: str
    slug: str
    domain: str
    status: str
    plan_type: str
    relationship: Relationship
    metrics: Metrics
    billing: Billing | None
    created_at: datetime
    updated_at: datetime


class Filter(Struct, frozen=True, kw_only=True):
    """Which tenants to list; `search` looks in name and domain. `cursor` replaces `offset`."""

    status: tuple[str, ...] = ()
    search: str = ""
    operating_model: tuple[str, ...] = ()
    sort_by: SortBy = "name"
    sort_order: Literal["asc", "desc"] = "asc"
    limit: int = 50
    offset: int = 0
    cursor: str = ""


class PortfolioPage(Struct, frozen=True, kw_only=True):
    """One page of the portfolio; `total` is None on pages asked for by cursor.

    `hidden_count` is how many of the listed tenants hide the field sorted by: they come last in either direction.
    It is None on pages asked for by cursor.
    """

    items: list[Customer]
    total: int | None
    hidden_count: int | None
    next_cursor: str | None


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> PortfolioPage:
    """Return one page of the tenants with a live link, in one statement.

    Raises Forbidden without partner.tenants.list, or for a sort by a field that the actor may see nowhere; Invalid
    for a cursor of another list.
    """
    raise NotImplementedError
