"""One tenant as a partner may see it (API.md, GET /partner/customers/{id}), and the parts of its page."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.money import Money
from guildhall.domain.access.gates import Standing
from guildhall.domain.reports.portfolio import Customer


class Contact(Struct, frozen=True, kw_only=True):
    """Whom to call at the tenant."""

    name: str
    email: str
    phone: str


class DetailMetrics(Struct, frozen=True, kw_only=True):
    """Further figures; each is None where the link or the person does not allow it, or nothing was measured.

    `users` are the tenant's own active people; `uptime_percentage_30d` comes from recorded downtime.
    """

    users: int | None
    users_max: int | None
    active_subscribers: int | None
    suspended_subscribers: int | None
    uptime_percentage_30d: float | None


class Subscription(Struct, frozen=True, kw_only=True):
    """The commercial side of the link; prices of add-ons and `mrr` are None without money.read."""

    plan: str
    status: str
    billing_cycle: str
    mrr: Money | None
    addons: dict[str, Any]
    capacity: dict[str, Any]
    starts_on: date
    renews_on: date | None
    trial_ends_on: date | None


class Posture(Struct, frozen=True, kw_only=True):
    """The latest snapshot: score 0-100, findings by severity."""

    taken_at: datetime
    score: int
    critical: int
    high: int
    medium: int
    low: int
    findings: list[dict[str, Any]]


class CustomerDetail(Customer, frozen=True, kw_only=True):
    """One tenant in full. `effective_permissions` is what this person may do here: the link's and the own ones."""

    contact: Contact
    address: dict[str, Any]
    region: str
    custom_permissions: dict[str, bool]
    effective_permissions: list[str]
    sla_config: dict[str, Any]
    alert_config: dict[str, Any]
    more: DetailMetrics
    subscription: Subscription | None
    posture: Posture | None


class InvoiceLine(Struct, frozen=True, kw_only=True):
    """A recent invoice; amounts are None for the money-blind."""

    id: UUID
    number: str
    status: str
    amount: Money | None
    outstanding: Money | None
    issued_on: date
    due_on: date
    paid_on: date | None
    days_overdue: int


class Usage(Struct, frozen=True, kw_only=True):
    """One metric: the average day of the last 30 and of the 30 before, the latest day, and the capacity."""

    metric: str
    latest: Decimal
    latest_day: date
    average: Decimal
    previous_average: Decimal | None
    capacity: Decimal | None


class Outage(Struct, frozen=True, kw_only=True):
    """An outage; `ended_at` is None while it lasts."""

    id: UUID
    started_at: datetime
    ended_at: datetime | None
    cause: str


def shows(actor: Actor, standing: Standing, permission: str) -> bool:
    """Return whether a part of a tenant's page that needs `permission` is there for this person."""
    raise NotImplementedError


async def detail(connection: AsyncConnection, actor: Actor, *, standing: Standing, now: datetime) -> CustomerDetail:
    """Return one tenant in full, in at most two statements; raises NotFound (TENANT_NOT_FOUND)."""
    raise NotImplementedError


async def posture_latest(connection: AsyncConnection, actor: Actor, *, standing: Standing) -> Posture | None:
    """Return the latest posture; None where it is not shared, not the person's to see, or was never taken."""
    raise NotImplementedError


async def recent_invoices(
    connection: AsyncConnection, actor: Actor, *, standing: Standing, today: date, limit: int = 5
) -> list[InvoiceLine] | None:
    """Return the latest invoices; None without partner.billing.invoices.read here."""
    raise NotImplementedError


async def usage_summary(
    connection: AsyncConnection, actor: Actor, *, standing: Standing, today: date
) -> list[Usage] | None:
    """Return each metric of the last 60 days; None without partner.reports.usage.read here."""
    raise NotImplementedError


async def outages(
    connection: AsyncConnection, actor: Actor, *, standing: Standing, limit: int = 5
) -> list[Outage] | None:
    """Return the latest outages; None without partner.reports.sla.read here."""
    raise NotImplementedError
