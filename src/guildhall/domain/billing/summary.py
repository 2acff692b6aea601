"""What customers were billed, have paid and owe: by tenant in one currency, and how old what is owed is.

Currencies are never added up: an answer is in one, and names the others.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, Invalid
from guildhall.core.money import Money, money
from guildhall.domain.billing.invoices import MONEY, Filter, check, filter_values, filters_of
from guildhall.domain.billing.summary_sql import AGES as AGE_DAYS
from guildhall.domain.billing.summary_sql import COLUMNS, PAYMENTS, ageing, statement

SUMMARY = "partner.billing.summary.read"
AgeName = Literal["current", "days_1_30", "days_31_60", "days_61_90", "days_over_90"]
LONGEST_PAGE = 1000
# What is owed by age: the names of summary_sql.AGES, each with its first and last day after the day when it was due.
AGES: tuple[tuple[AgeName, int | None, int | None], ...] = tuple(
    (name, first, last) for name, (first, last) in zip(get_args(AgeName), AGE_DAYS, strict=True)
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

    `by_tenant` is a page of the `tenants` with invoices in this currency, by name; `largest` are the ten of them that
    were billed most, empty for whoever sees no amount. `managed_tenants` open their billing; `customers` is how many
    the person reaches. `ageing` is over all that is owed now, whenever it was issued.
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
    tenants: int
    by_tenant: list[TenantFigures]
    largest: list[TenantFigures]
    ageing: list[Age]


async def summary(
    connection: AsyncConnection, actor: Actor, wanted: Filter, *, today: date, limit: int = 50, offset: int = 0
) -> Summary:
    """Return the summary over `wanted`: its `currency`, or the one of most invoices.

    `limit` and `offset` page `by_tenant`. Raises Forbidden without the permission, and for amounts asked by whoever
    sees none; Invalid for a page that cannot be.
    """
    if not actor.may(SUMMARY):
        raise Forbidden
    check(actor, wanted)
    if not 1 <= limit <= LONGEST_PAGE or offset < 0:
        raise Invalid(errors={"limit": f"Ask for 1 to {LONGEST_PAGE}, starting at 0 or later"})
    named, values = bool(wanted.tenant_ids), filter_values(actor, wanted, permission=SUMMARY) | {"today": today}
    filters = tuple(name for name in filters_of(wanted) if name != "currency")
    page = {"currency": wanted.currency or None, "limit": limit, "offset": offset}
    made = statement(filters, named=named, largest=actor.may(MONEY))
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in await db.rows(connection, made, values | page):
        found[row[0]].append(dict(zip(COLUMNS, row, strict=False)))
    billed = {row["currency"]: row["billed"] for row in found["sum"]}
    currency = wanted.currency or max(billed, key=lambda code: (billed[code], code), default=None)
    ages = None
    if currency is not None:
        ages = await db.rows(connection, ageing(named=named), values | {"currency": currency})
    return _summary(actor, found, currency, _ages(actor, ages, currency))


_Row = Mapping[str, Any]  # by the names of summary_sql.COLUMNS


def _summary(actor: Actor, found: Mapping[str, list[_Row]], currency: str | None, ages: list[Age]) -> Summary:
    """Return the rows of a statement as a summary in `currency`."""
    covered = found["covered"][0]
    whole = next((row for row in found["sum"] if row["currency"] == currency), None)
    sums = {name: whole[name] if whole else Decimal() for name in ("revenue", "outstanding", "overdue")}
    counts = {name: int(whole[name]) if whole else 0 for name in ("billed", "settled", "late", "paid")}
    return Summary(
        currency=currency,
        other_currencies=sorted({row["currency"] for row in found["sum"]} - {currency}),
        **{name: _amount(actor, value, currency) for name, value in sums.items()},
        invoice_count=counts["billed"],
        paid_invoice_count=counts["settled"],
        overdue_invoice_count=counts["late"],
        managed_tenants=covered["billed"],
        customers=covered["settled"],
        tenants=counts["paid"],
        by_tenant=[_tenant(actor, row) for row in found["tenant"]],
        largest=[_tenant(actor, row) for row in found["largest"]],
        ageing=ages,
    )


def _tenant(actor: Actor, row: _Row) -> TenantFigures:
    paid = actor.may(PAYMENTS) and row["paid_on"] is not None
    return TenantFigures(
        tenant_id=row["tenant_id"],
        tenant_name=row["tenant_name"],
        **{name: _amount(actor, row[name], row["currency"]) for name in ("revenue", "outstanding", "overdue")},
        invoice_count=row["billed"],
        paid_invoice_count=row["settled"],
        overdue_invoice_count=row["late"],
        last_payment_date=row["paid_on"] if paid else None,
        last_payment_amount=_amount(actor, row["paid"], row["currency"]) if paid else None,
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
