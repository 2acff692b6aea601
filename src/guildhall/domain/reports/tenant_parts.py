"""The parts of a tenant's page, each behind its own permission: posture, invoices, usage, outages (PRODUCT §8)."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Date, Row, TextClause, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.money import Money, money
from guildhall.domain.access.gates import Standing, inside, posture_visible
from guildhall.domain.tenancy.tables import invoice, outage, posture_snapshot

WINDOW_DAYS = 30
_OWED = ("finalized", "overdue")


class Posture(Struct, frozen=True, kw_only=True):
    """The latest snapshot: score 0-100, findings by severity."""

    taken_at: datetime
    score: int
    critical: int
    high: int
    medium: int
    low: int
    findings: list[dict[str, Any]]


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


_USAGE: TextClause = text(
    """
    SELECT m.metric, max(m.day) AS latest_day, (array_agg(m.quantity ORDER BY m.day DESC))[1] AS latest,
           avg(m.quantity) FILTER (WHERE m.day >= :middle) AS average,
           avg(m.quantity) FILTER (WHERE m.day < :middle) AS previous_average,
           (SELECT s.capacity FROM portal.subscription AS s
            WHERE s.partner_id = :partner_id AND s.tenant_id = :tenant_id AND s.status <> 'cancelled') AS capacity
    FROM tenancy.usage_daily AS m
    WHERE m.tenant_id = :tenant_id AND m.day >= :since
    GROUP BY m.metric HAVING max(m.day) >= :middle ORDER BY m.metric
    """
).bindparams(
    *(bindparam(name, type_=Date) for name in ("middle", "since")),
    *(bindparam(name, type_=Uuid) for name in ("partner_id", "tenant_id")),
)


def shows(actor: Actor, standing: Standing, permission: str) -> bool:
    """Return whether a part of a tenant's page that needs `permission` is there for this person: gates 2 to 5."""
    return actor.may(permission) and inside(standing, needs=permission) is None


async def posture_latest(connection: AsyncConnection, actor: Actor, *, standing: Standing) -> Posture | None:
    """Return the latest posture; None where it is not shared, not the person's to see, or was never taken."""
    if not (actor.may("partner.posture.read") and posture_visible(standing)):
        return None
    rows = await connection.execute(
        select(*(posture_snapshot.c[name] for name in Posture.__struct_fields__))
        .where(posture_snapshot.c.tenant_id == standing.tenant_id)
        .order_by(posture_snapshot.c.taken_at.desc())
        .limit(1)
    )
    row = rows.mappings().first()
    return Posture(**row) if row else None


async def recent_invoices(
    connection: AsyncConnection, actor: Actor, *, standing: Standing, today: date, limit: int = 5
) -> list[InvoiceLine] | None:
    """Return the latest invoices; None without partner.billing.invoices.read here."""
    if not shows(actor, standing, "partner.billing.invoices.read"):
        return None
    names = ("id", "number", "status", "issued_on", "due_on", "paid_on", "amount", "amount_paid", "currency")
    rows = await connection.execute(
        select(*(invoice.c[name] for name in names))
        .where(invoice.c.tenant_id == standing.tenant_id)
        .order_by(invoice.c.issued_on.desc(), invoice.c.id.desc())
        .limit(limit)
    )
    return [_invoice(actor, row, today=today) for row in rows]


def _invoice(actor: Actor, row: Row[Any], *, today: date) -> InvoiceLine:
    priced = actor.may("partner.money.read")
    owed = row.amount - row.amount_paid if row.status in _OWED else Decimal(0)
    return InvoiceLine(
        id=row.id,
        number=row.number,
        status=row.status,
        amount=money(row.amount, row.currency) if priced else None,
        outstanding=money(owed, row.currency) if priced else None,
        issued_on=row.issued_on,
        due_on=row.due_on,
        paid_on=row.paid_on,
        days_overdue=max(0, (today - row.due_on).days) if row.status in _OWED else 0,
    )


async def usage_summary(
    connection: AsyncConnection, actor: Actor, *, standing: Standing, today: date
) -> list[Usage] | None:
    """Return each metric that was measured in the last 30 days; None without partner.reports.usage.read here."""
    if not shows(actor, standing, "partner.reports.usage.read"):
        return None
    values = {
        "middle": today - timedelta(days=WINDOW_DAYS),
        "since": today - timedelta(days=2 * WINDOW_DAYS),
        "partner_id": actor.partner_id,
        "tenant_id": standing.tenant_id,
    }
    rows = await connection.execute(_USAGE, values)
    return [_usage(row) for row in rows]


def _usage(row: Row[Any]) -> Usage:
    capacity = (row.capacity or {}).get(row.metric)
    return Usage(
        metric=row.metric,
        latest=row.latest,
        latest_day=row.latest_day,
        average=round(row.average, 4),
        previous_average=None if row.previous_average is None else round(row.previous_average, 4),
        capacity=None if capacity is None else Decimal(str(capacity)),
    )


async def outages(
    connection: AsyncConnection, actor: Actor, *, standing: Standing, limit: int = 5
) -> list[Outage] | None:
    """Return the latest outages; None without partner.reports.sla.read here."""
    if not shows(actor, standing, "partner.reports.sla.read"):
        return None
    rows = await connection.execute(
        select(*(outage.c[name] for name in Outage.__struct_fields__))
        .where(outage.c.tenant_id == standing.tenant_id)
        .order_by(outage.c.started_at.desc(), outage.c.id)
        .limit(limit)
    )
    return [Outage(**row) for row in rows.mappings()]
