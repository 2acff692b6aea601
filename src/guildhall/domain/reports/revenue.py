"""The revenue report: what was invoiced and paid, by month and tenant (API.md, GET /partner/reports/revenue).

It tells what is recorded and nothing else. MRR is of now, since no history of subscriptions is kept; what a partner
pays the vendor and what it earns is recorded nowhere yet.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.money import Money, money
from guildhall.domain.access.links import must
from guildhall.domain.reports.report_scope import (
    Part,
    ReportCoverage,
    ReportPeriod,
    coverage,
    parts,
    values,
)
from guildhall.domain.reports.revenue_sql import COLUMNS, PERMISSION, statement

_NOTHING = Decimal(0)


class Filter(Struct, frozen=True, kw_only=True):
    """What the report is about. `tenant_ids` passed the gates; None is every tenant that opens revenue reports.

    `compare` brings figures of as many days before; `limit` and `offset` page `by_tenant`, by name.
    """

    period: ReportPeriod
    tenant_ids: tuple[UUID, ...] | None = None
    compare: bool = False
    limit: int = 50
    offset: int = 0


class Billed(Struct, frozen=True, kw_only=True):
    """Amounts of one currency: `invoiced` and `outstanding` of invoices issued in the time, `paid` by day of payment.

    Drafts and cancelled invoices are left out; `outstanding` is what is owed of them now.
    """

    currency: str
    invoiced: Money
    paid: Money
    outstanding: Money
    invoice_count: int


class Revenue(Billed, frozen=True, kw_only=True):
    """Amounts of one currency over the period, with the recurring revenue of active subscriptions now.

    The `previous_` ones are of the period before; None where no comparison was asked for.
    """

    mrr: Money
    previous_invoiced: Money | None
    previous_paid: Money | None


class TenantRevenue(Struct, frozen=True, kw_only=True):
    """One tenant, by currency; empty where nothing is recorded."""

    tenant_id: UUID
    tenant_name: str
    amounts: list[Revenue]


class RevenueMonth(Billed, frozen=True, kw_only=True):
    """One currency in one month, as far as it lies in the period."""

    month: date


class RevenueReport(Struct, frozen=True, kw_only=True):
    """The report; currencies are never added up."""

    coverage: ReportCoverage
    summary: list[Revenue]
    by_tenant: list[TenantRevenue]
    by_month: list[RevenueMonth]


async def report(connection: AsyncConnection, actor: Actor, wanted: Filter) -> RevenueReport:
    """Return the report in one statement.

    Raises Forbidden without partner.reports.revenue.read, and for the money-blind.
    """
    must(actor, PERMISSION)
    must(actor, "partner.money.read")
    given = values(actor, tenant_ids=wanted.tenant_ids, limit=wanted.limit, offset=wanted.offset)
    days = wanted.period
    given |= {"first": days.from_date, "last": days.to_date}
    given["earliest"] = days.previous.from_date if wanted.compare else days.from_date
    found = await parts(connection, statement(named=wanted.tenant_ids is not None), given, tuple(COLUMNS))
    return RevenueReport(
        coverage=coverage(found["covered"][0]),
        summary=[_revenue(part, compare=wanted.compare) for part in found["summary"]],
        by_tenant=_tenants(found["tenant"], compare=wanted.compare),
        by_month=[RevenueMonth(month=part["starts"], **_billed(part)) for part in found["month"]],
    )


def _billed(part: Part) -> dict[str, Any]:
    """Return the amounts that every row has."""
    currency = part["currency"]
    amounts = {name: money(part[name] or _NOTHING, currency) for name in ("invoiced", "paid", "outstanding")}
    return {"currency": currency, "invoice_count": part["invoices"] or 0, **amounts}


def _revenue(part: Part, *, compare: bool) -> Revenue:
    """Return the amounts of one currency over the period."""
    before = (part[name] or _NOTHING if compare else None for name in ("previous_invoiced", "previous_paid"))
    currency = part["currency"]
    invoiced, paid = (None if amount is None else money(amount, currency) for amount in before)
    return Revenue(
        **_billed(part),
        mrr=money(part["mrr"] or _NOTHING, currency),
        previous_invoiced=invoiced,
        previous_paid=paid,
    )


def _tenants(found: Iterable[Part], *, compare: bool) -> list[TenantRevenue]:
    """Return the tenants of the page, each by currency."""
    grouped = (list(rows) for _, rows in groupby(found, key=lambda part: part["place"]))
    return [
        TenantRevenue(
            tenant_id=rows[0]["tenant_id"],
            tenant_name=rows[0]["tenant_name"],
            amounts=[_revenue(part, compare=compare) for part in rows if part["currency"] is not None],
        )
        for rows in grouped
    ]
