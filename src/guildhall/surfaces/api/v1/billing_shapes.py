"""Billing as callers get it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from guildhall.core.money import Money
from guildhall.domain.billing import invoices
from guildhall.domain.billing.exports import Export
from guildhall.domain.billing.summary import AgeName, Summary

Status = Literal["finalized", "paid", "overdue", "cancelled"]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="Three capital letters, as in USD (ISO 4217).")]
Amount = Annotated[Decimal, Meta(description="In each invoice's own currency.")]


class InvoiceSummary(Struct, frozen=True, kw_only=True):
    """An invoice. `outstanding` is what is owed of it; amounts are null for callers who see none."""

    id: UUID
    tenant_id: UUID
    tenant_name: str
    number: str
    status: Status
    currency: str
    amount: Money | None
    amount_paid: Money | None
    outstanding: Money | None
    invoice_date: date
    due_date: date
    paid_date: date | None
    days_overdue: int
    created_at: datetime
    updated_at: datetime


class InvoiceLine(Struct, frozen=True, kw_only=True):
    """One line of an invoice."""

    position: int
    description: str
    quantity: Decimal
    unit_price: Money | None
    amount: Money | None


class InvoicePayment(Struct, frozen=True, kw_only=True):
    """Money that came in for an invoice."""

    paid_date: date
    amount: Money | None


class InvoiceDetail(InvoiceSummary, frozen=True, kw_only=True):
    """An invoice in full. `payments` is null where the link does not open payments."""

    lines: list[InvoiceLine]
    payments: list[InvoicePayment] | None


class InvoiceSums(Struct, frozen=True, kw_only=True):
    """Sums over the whole filter, one for each currency, cancelled invoices left out."""

    total: list[Money]
    paid: list[Money]
    outstanding: list[Money]


class InvoicePage(Struct, frozen=True, kw_only=True):
    """A page of invoices. `aggregates` is null on pages asked for by cursor, and for callers who see no amounts."""

    items: list[InvoiceSummary]
    total: int | None
    limit: int
    offset: int | None
    has_more: bool
    next_cursor: str | None
    aggregates: InvoiceSums | None


class BillingFigures(Struct, frozen=True, kw_only=True):
    """Figures in one currency. `left_out_tenant_count` linked tenants do not open their billing and are not in them."""

    total_revenue: Money | None
    total_outstanding: Money | None
    total_overdue: Money | None
    invoice_count: int
    paid_invoice_count: int
    overdue_invoice_count: int
    managed_tenant_count: int
    left_out_tenant_count: int
    currency: str | None


class TenantBilling(Struct, frozen=True, kw_only=True):
    """One tenant's part of the figures."""

    tenant_id: UUID
    tenant_name: str
    total_revenue: Money | None
    total_outstanding: Money | None
    total_overdue: Money | None
    invoice_count: int
    paid_invoice_count: int
    overdue_invoice_count: int
    last_payment_date: date | None
    last_payment_amount: Money | None


class Ageing(Struct, frozen=True, kw_only=True):
    """What is owed now, whenever it was issued, by how many days it is overdue."""

    age: AgeName
    invoice_count: int
    amount: Money | None


class Period(Struct, frozen=True, kw_only=True):
    """Days of issue, both inside."""

    from_date: date
    to_date: date


class BillingSummary(Struct, frozen=True, kw_only=True):
    """Figures over a period, by tenant, in one currency; the others are named, never added up.

    `by_tenant` is one page, by name: `has_more` says that others follow.
    """

    summary: BillingFigures
    by_tenant: list[TenantBilling]
    limit: int
    offset: int
    has_more: bool
    ageing: list[Ageing]
    other_currencies: list[str]
    period: Period


class InvoiceExport(Struct, frozen=True, kw_only=True):
    """An export. `download_url` works for five minutes, as whoever asked; ask again for a fresh one.

    `row_count` is what was written so far, and of a completed export all of it; `rows_expected` is null until it is
    counted. `failure` is null, `too_large` (a PDF holds 1,500 rows) or `never_done` (ask for it again).
    """

    export_id: UUID
    status: Literal["processing", "completed", "failed"]
    format: Literal["csv", "pdf"]
    columns: list[str]
    include_line_items: bool
    row_count: int
    rows_expected: int | None
    left_out_tenant_count: int
    file_size_bytes: int | None
    download_url: str | None
    failure: Literal["too_large", "never_done"] | None
    created_at: datetime
    completed_at: datetime | None
    expires_at: datetime


_SUMMARY_FIELDS = {"invoice_date": "issued_on", "due_date": "due_on", "paid_date": "paid_on"}
_SAME = tuple((name, _SUMMARY_FIELDS.get(name, name)) for name in InvoiceSummary.__struct_fields__)


def listed_as(item: invoices.Item) -> InvoiceSummary:
    """Return an invoice of a list as callers get it."""
    return InvoiceSummary(**{name: getattr(item, source) for name, source in _SAME})


def detailed(invoice: invoices.Invoice) -> InvoiceDetail:
    """Return one invoice in full as callers get it."""
    payments = invoice.payments
    return InvoiceDetail(
        lines=[
            InvoiceLine(**{name: getattr(line, name) for name in InvoiceLine.__struct_fields__})
            for line in invoice.lines
        ],
        payments=None
        if payments is None
        else [InvoicePayment(paid_date=each.paid_on, amount=each.amount) for each in payments],
        **{name: getattr(invoice, source) for name, source in _SAME},
    )


def summed(found: invoices.Sums | None) -> InvoiceSums | None:
    """Return sums over a filter as callers get them."""
    return None if found is None else InvoiceSums(total=found.total, paid=found.paid, outstanding=found.outstanding)


def summarised(found: Summary, period: Period, *, limit: int, offset: int) -> BillingSummary:
    """Return a summary as callers get it."""
    return BillingSummary(
        summary=BillingFigures(
            total_revenue=found.revenue,
            total_outstanding=found.outstanding,
            total_overdue=found.overdue,
            invoice_count=found.invoice_count,
            paid_invoice_count=found.paid_invoice_count,
            overdue_invoice_count=found.overdue_invoice_count,
            managed_tenant_count=found.managed_tenants,
            left_out_tenant_count=found.customers - found.managed_tenants,
            currency=found.currency,
        ),
        by_tenant=[
            TenantBilling(
                total_revenue=each.revenue,
                total_outstanding=each.outstanding,
                total_overdue=each.overdue,
                **{
                    name: getattr(each, name)
                    for name in TenantBilling.__struct_fields__
                    if not name.startswith("total_")
                },
            )
            for each in found.by_tenant
        ],
        limit=limit,
        offset=offset,
        has_more=found.more,
        ageing=[Ageing(age=each.age, invoice_count=each.invoice_count, amount=each.amount) for each in found.ageing],
        other_currencies=found.other_currencies,
        period=period,
    )


def exported(found: Export, download_url: str | None) -> InvoiceExport:
    """Return an export as callers get it."""
    return InvoiceExport(
        export_id=found.id,
        row_count=found.rows_done,
        rows_expected=found.rows_total,
        left_out_tenant_count=found.left_out,
        file_size_bytes=found.size_bytes,
        download_url=download_url,
        failure=found.failure or None,  # type: ignore[arg-type]  # the codes are the domain's
        **{
            name: getattr(found, name)
            for name in (
                "status",
                "format",
                "columns",
                "include_line_items",
                "created_at",
                "completed_at",
                "expires_at",
            )
        },
    )
