"""What customers were billed, have paid and owe: by tenant in one currency, and how old what is owed is.

Currencies are never added up: an answer is in one, and names the others.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden
from guildhall.core.money import Money, money
from guildhall.core.sql import Fixed, bound
from guildhall.domain.billing.invoice_sql import BILLED, LIVE, OWED, TYPES, accounts, conditions, scope
from guildhall.domain.billing.invoices import MONEY, Coverage, Filter, check, coverage, filter_values, filters_of

SUMMARY = "partner.billing.summary.read"
PAYMENTS = "partner.billing.payments.read"
AgeName = Literal["current", "days_1_30", "days_31_60", "days_61_90", "days_over_90"]
# The parts of what is owed by age, in days after the day when it was due: name, from, to.
AGES: tuple[tuple[AgeName, int | None, int | None], ...] = (
    ("current", None, 0),
    ("days_1_30", 1, 30),
    ("days_31_60", 31, 60),
    ("days_61_90", 61, 90),
    ("days_over_90", 91, None),
)


class TenantFigures(Struct, frozen=True, kw_only=True):
    """One tenant's part of a summary. Amounts are None for whoever sees none; so is a payment its link hides."""

    tenant_id: UUID
    tenant_name: str
    revenue: Money | None
    outstanding: Money | None
    overdue: Money | None
    invoice_count: int
    paid_invoice_count: int
    overdue_invoice_count: int
    last_payment_date: date | None
    last_payment_amount: Money | None


class Age(Struct, frozen=True, kw_only=True):
    """What is owed and how long it is overdue: an `age` of AGES."""

    age: AgeName
    invoice_count: int
    amount: Money | None


class Summary(Struct, frozen=True, kw_only=True):
    """Figures over a filter in one currency; `currency` is None where there is no invoice at all.

    `by_tenant` has those with invoices in this currency, by name. `managed_tenants` open their billing; `customers`
    is how many the person reaches. `ageing` is over all that is owed now, whenever it was issued.
    """

    currency: str | None
    other_currencies: list[str]
    revenue: Money | None
    outstanding: Money | None
    overdue: Money | None
    invoice_count: int
    paid_invoice_count: int
    overdue_invoice_count: int
    managed_tenants: int
    customers: int
    by_tenant: list[TenantFigures]
    ageing: list[Age]


_LATE = f"{OWED} AND i.due_on < :today"
_SUMS = (
    f"coalesce(sum(i.amount) FILTER (WHERE {BILLED}), 0) AS revenue,"
    f" coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE {OWED}), 0) AS outstanding,"
    f" coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE {_LATE}), 0) AS overdue,"
    f" count(*) FILTER (WHERE {BILLED}) AS billed, count(*) FILTER (WHERE i.status = 'paid') AS settled,"
    f" count(*) FILTER (WHERE {_LATE}) AS late"
)


@lru_cache(maxsize=128)
def _statement(filters: tuple[str, ...], *, named: bool) -> Fixed:
    """Return the statement of a summary: a row for each tenant and currency, or of nulls for a tenant without any."""
    where = conditions(filters)
    own = f"SELECT i.tenant_id, i.currency, {_SUMS} FROM scope JOIN tenancy.invoice AS i USING (tenant_id) WHERE true"
    home = f"SELECT i.tenant_id, i.currency, {_SUMS} {accounts(named=named)}"
    last = (
        "SELECT p.paid_on, p.amount FROM tenancy.payment AS p WHERE p.tenant_id = f.tenant_id"
        " AND p.currency = f.currency AND EXISTS (SELECT 1 FROM portal.partner_tenant_link AS l"
        " WHERE l.partner_id = :partner_id AND l.tenant_id = p.tenant_id AND l.status = 'active'"
        f" AND '{PAYMENTS}' = ANY (l.permissions)) ORDER BY p.paid_on DESC, p.id DESC LIMIT 1"
    )
    return bound(
        f"WITH {scope(named=named)}, f AS ({own}{where} GROUP BY 1, 2 UNION ALL {home}{where} GROUP BY 1, 2)"
        " SELECT coalesce(s.tenant_id, f.tenant_id), coalesce(s.tenant_name, ''), f.currency, f.revenue,"
        " f.outstanding, f.overdue, f.billed, f.settled, f.late, p.paid_on, p.amount,"
        f" (SELECT count(*) FROM scope), (SELECT count(*) {LIVE})"
        f" FROM scope AS s FULL JOIN f USING (tenant_id) LEFT JOIN LATERAL ({last}) AS p ON true"
        " ORDER BY lower(s.tenant_name), 1, f.currency",
        TYPES,
    )


def _age_condition(first: int | None, last: int | None) -> str:
    """Return the condition that an invoice is from `first` to `last` days late."""
    parts = [] if first is None else [f"i.due_on <= :today - {first}"]
    parts += [] if last is None else [f"i.due_on >= :today - {last}"]
    return " AND ".join(parts)


_AGES = ", ".join(
    f"count(*) FILTER (WHERE {condition}), coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE {condition}), 0)"
    for condition in (_age_condition(first, last) for _, first, last in AGES)
)


@lru_cache(maxsize=4)
def _ageing_statement(*, named: bool) -> Fixed:
    """Return the statement of what is owed by age: one row."""
    narrowed = f" AND {OWED} AND i.currency = :currency"
    owed = (
        f"SELECT i.due_on, i.amount, i.amount_paid FROM scope JOIN tenancy.invoice AS i USING (tenant_id)"
        f" WHERE true{narrowed} UNION ALL SELECT i.due_on, i.amount, i.amount_paid {accounts(named=named)}{narrowed}"
    )
    return bound(f"WITH {scope(named=named)} SELECT {_AGES} FROM ({owed}) AS i", TYPES)


async def summary(connection: AsyncConnection, actor: Actor, wanted: Filter, *, today: date) -> Summary:
    """Return the summary over `wanted`: its `currency`, or the one of most invoices.

    Raises Forbidden without the permission, and for amounts asked by whoever sees none.
    """
    if not actor.may(SUMMARY):
        raise Forbidden
    check(actor, wanted)
    named, values = bool(wanted.tenant_ids), filter_values(actor, wanted, permission=SUMMARY) | {"today": today}
    filters = tuple(name for name in filters_of(wanted) if name != "currency")
    rows = await db.rows(connection, _statement(filters, named=named), values)
    counts = _counts(rows)
    currency = wanted.currency or max(counts, key=lambda code: (counts[code], code), default=None)
    reached = Coverage(rows[0][11], rows[0][12]) if rows else await coverage(connection, actor, permission=SUMMARY)
    ages = None
    if currency is not None:
        ages = await db.rows(connection, _ageing_statement(named=named), values | {"currency": currency})
    return _summary(
        actor,
        rows,
        currency,
        reached=reached,
        others=sorted(counts.keys() - {currency}),
        ageing=_ages(actor, ages, currency),
    )


def _counts(rows: Iterable[Sequence[Any]]) -> dict[str, int]:
    """Return how many invoices there are in each currency."""
    counts: dict[str, int] = {}
    for row in rows:
        if row[2] is not None:
            counts[row[2]] = counts.get(row[2], 0) + row[6]
    return counts


def _summary(
    actor: Actor,
    rows: Sequence[Sequence[Any]],
    currency: str | None,
    *,
    reached: Coverage,
    others: list[str],
    ageing: list[Age],
) -> Summary:
    own = [row for row in rows if row[2] == currency and currency is not None]
    sums = [sum((row[at] for row in own), Decimal()) for at in (3, 4, 5)]
    revenue, outstanding, overdue = (_amount(actor, value, currency) for value in sums)
    billed, settled, late = (sum(row[at] for row in own) for at in (6, 7, 8))
    return Summary(
        currency=currency,
        other_currencies=others,
        revenue=revenue,
        outstanding=outstanding,
        overdue=overdue,
        invoice_count=billed,
        paid_invoice_count=settled,
        overdue_invoice_count=late,
        managed_tenants=reached.opened,
        customers=reached.customers,
        by_tenant=[_tenant(actor, row) for row in own],
        ageing=ageing,
    )


def _tenant(actor: Actor, row: Sequence[Any]) -> TenantFigures:
    paid = actor.may(PAYMENTS) and row[9] is not None
    return TenantFigures(
        tenant_id=row[0],
        tenant_name=row[1],
        revenue=_amount(actor, row[3], row[2]),
        outstanding=_amount(actor, row[4], row[2]),
        overdue=_amount(actor, row[5], row[2]),
        invoice_count=row[6],
        paid_invoice_count=row[7],
        overdue_invoice_count=row[8],
        last_payment_date=row[9] if paid else None,
        last_payment_amount=_amount(actor, row[10], row[2]) if paid else None,
    )


def _ages(actor: Actor, rows: Sequence[Sequence[Any]] | None, currency: str | None) -> list[Age]:
    """Return what is owed by age; nothing where there is no currency to tell it in."""
    if rows is None:
        return []
    return [
        Age(age=name, invoice_count=rows[0][2 * at], amount=_amount(actor, rows[0][2 * at + 1], currency))
        for at, (name, _, _) in enumerate(AGES)
    ]


def _amount(actor: Actor, value: Decimal, currency: str | None) -> Money | None:
    return money(value, currency) if currency is not None and actor.may(MONEY) else None
