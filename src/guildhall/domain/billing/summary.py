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
from guildhall.domain.billing.summary_sql import COLUMNS, PAYMENTS, Shape, statement

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

    `by_tenant` is a page of the tenants with invoices in this currency; `more` says that others follow. `tenants`
    counts them and `largest` are the ten of them that were billed most: None, and empty, where the figures come from
    sums over very many tenants, which know no tenant's own. `managed_tenants` open their billing; `customers` is how
    many the person reaches, of those named if any are. `ageing` is over all that is owed now, whenever it was issued.
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
    tenants: int | None
    by_tenant: list[TenantFigures]
    more: bool
    largest: list[TenantFigures]
    ageing: list[Age]


async def summary(
    connection: AsyncConnection,
    actor: Actor,
    wanted: Filter,
    *,
    today: date,
    limit: int = 50,
    offset: int = 0,
    largest: bool = False,
    ranked: bool = False,
) -> Summary:
    """Return the summary over `wanted`: its `currency`, or the one of most invoices.

    `limit` and `offset` page `by_tenant`, which is by name, or `ranked` by what was billed. `largest` asks for the ten
    largest too, which whoever sees no amount never gets. Raises Forbidden without the permission, and for amounts asked
    by whoever sees none; Invalid for a page that cannot be.
    """
    if not actor.may(SUMMARY) or (ranked and not actor.may(MONEY)):
        raise Forbidden
    check(actor, wanted)
    if not 1 <= limit <= LONGEST_PAGE or offset < 0:
        raise Invalid(errors={"limit": f"Ask for 1 to {LONGEST_PAGE}, starting at 0 or later"})
    shape = Shape(
        named=bool(wanted.tenant_ids),
        filters=tuple(name for name in filters_of(wanted) if name != "currency"),
        largest=largest and actor.may(MONEY),
        ranked=ranked,
    )
    asked = {"today": today, "currency": wanted.currency or None, "limit": limit, "offset": offset}
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in await db.rows(connection, statement(shape), filter_values(actor, wanted, permission=SUMMARY) | asked):
        found[row[0]].append(dict(zip(COLUMNS, row, strict=True)))
    billed = {row["currency"]: row["billed"] for row in found["sum"]}
    currency = wanted.currency or max(billed, key=lambda code: (billed[code], code), default=None)
    return _summary(actor, found, currency, limit)


_Row = Mapping[str, Any]  # by the names of summary_sql.COLUMNS


def _summary(actor: Actor, found: Mapping[str, list[_Row]], currency: str | None, limit: int) -> Summary:
    """Return the rows of a statement as a summary in `currency`, with a page of at most `limit` tenants."""
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
        tenants=None if covered["late"] else counts["paid"],
        by_tenant=[_tenant(actor, row) for row in found["tenant"][:limit]],
        more=len(found["tenant"]) > limit,
        largest=[_tenant(actor, row) for row in found["largest"]],
        ageing=_ages(actor, found["age"], currency),
    )


def _tenant(actor: Actor, row: _Row) -> TenantFigures:
    paid = actor.may(PAYMENTS) and row["paid_on"] is not None
    return TenantFigures(
        tenant_id=row["tenant_id"],
        tenant_name=row["tenant_name"] or "",
        **{name: _amount(actor, row[name], row["currency"]) for name in ("revenue", "outstanding", "overdue")},
        invoice_count=row["billed"],
        paid_invoice_count=row["settled"],
        overdue_invoice_count=row["late"],
        last_payment_date=row["paid_on"] if paid else None,
        last_payment_amount=_amount(actor, row["paid"], row["currency"]) if paid else None,
    )


def _ages(actor: Actor, rows: Sequence[_Row], currency: str | None) -> list[Age]:
    """Return what is owed by age; nothing where there is no currency to tell it in."""
    if currency is None:
        return []
    owed = {row["place"]: (row["billed"], row["outstanding"]) for row in rows}
    told = [owed.get(place, (0, Decimal())) for place in range(len(AGES))]
    return [
        Age(age=name, invoice_count=count, amount=_amount(actor, amount, currency))
        for (name, _, _), (count, amount) in zip(AGES, told, strict=True)
    ]


def _amount(actor: Actor, value: Decimal, currency: str | None) -> Money | None:
    return money(value, currency) if currency is not None and actor.may(MONEY) else None
