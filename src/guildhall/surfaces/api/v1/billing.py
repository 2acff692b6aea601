"""Billing of all the partner's customers, or of the one in context: figures and invoices."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from guildhall.core import db
from guildhall.core.errors import Invalid
from guildhall.domain.access.scope import named_tenants
from guildhall.domain.billing import invoices, summary
from guildhall.domain.reports.report_scope import DEFAULT_DAYS
from guildhall.surfaces.api.operations import Call, Endpoint, Operation, serves
from guildhall.surfaces.api.reading import Cursor, Limit, Offset, Search, SortOrder, TenantIds
from guildhall.surfaces.api.v1.billing_shapes import (
    Amount,
    BillingSummary,
    Currency,
    InvoiceDetail,
    InvoicePage,
    Period,
    Status,
    detailed,
    listed_as,
    summarised,
    summed,
)
from guildhall.surfaces.entry import needs

GROUP = "Billing"
PATH = "/partner/billing"
LARGEST = Decimal(10**14)  # what an amount may be
Day = Annotated[date, Meta(description="A day of issue; it is inside.")]
Statuses = Annotated[tuple[Status, ...], Meta(description="Only invoices in these states.")]


class SummaryQuery(Struct, frozen=True):
    """Which invoices to sum up."""

    from_date: Day | UnsetType = UNSET
    to_date: Day | UnsetType = UNSET
    tenant_ids: TenantIds = ()
    status: Statuses = ()
    currency: Currency | UnsetType = UNSET
    limit: Limit = 50
    offset: Offset = 0


SUMMARY = Operation(
    id="getBillingSummary",
    method="GET",
    path=f"{PATH}/summary",
    group=GROUP,
    summary="Sum up billing",
    description="Figures over the invoices issued in a period, the last 30 days if none is given, by tenant. An answer "
    "is in one currency: the one asked for, or that of most invoices. Cancelled invoices are in no figure. Overdue is "
    "what is owed after its due date. `ageing` is over all that is owed, whenever it was issued. `by_tenant` is one "
    "page of the tenants with invoices in this currency, by name; every other figure is over all of them.",
    mark=needs(summary.SUMMARY),
    query=SummaryQuery,
    answer=BillingSummary,
    codes=("TENANT_CONTEXT_MISMATCH",),
)


@serves(SUMMARY)
async def get_summary(call: Call[SummaryQuery, None]) -> BillingSummary:
    """Return the summary."""
    asked, today = call.query, call.now.date()
    last = asked.to_date or today
    first = asked.from_date or last - timedelta(days=DEFAULT_DAYS - 1)
    wanted = invoices.Filter(
        tenant_ids=call.narrowed(asked.tenant_ids),
        from_date=first,
        to_date=last,
        status=asked.status,
        currency=asked.currency or "",
    )
    async with db.transaction(call.actor) as connection:
        await passed(connection, call, wanted.tenant_ids, summary.SUMMARY)
        found = await summary.summary(
            connection, call.actor, wanted, today=today, limit=asked.limit, offset=asked.offset
        )
    return summarised(found, Period(from_date=first, to_date=last), limit=asked.limit, offset=asked.offset)


async def passed(connection: Any, call: Call[Any, Any], tenant_ids: tuple[UUID, ...], permission: str) -> None:
    """Take the tenants that a request names through the gates; the one in context has passed them."""
    if tenant_ids and call.tenant is None:
        await named_tenants(connection, call.actor, tenant_ids=tenant_ids, needs=permission)


class InvoicesQuery(Struct, frozen=True):
    """Which invoices to list, and in which order."""

    from_date: Day | UnsetType = UNSET
    to_date: Day | UnsetType = UNSET
    status: Statuses = ()
    tenant_ids: TenantIds = ()
    currency: Currency | UnsetType = UNSET
    min_amount: Amount | UnsetType = UNSET
    max_amount: Amount | UnsetType = UNSET
    search: Annotated[Search, Meta(description="Part of an invoice's number, or of its tenant's name.")] = ""
    sort_by: Annotated[Literal["invoice_date", "amount", "status"], Meta(description="What to sort by.")] = (
        "invoice_date"
    )
    sort_order: SortOrder = "desc"
    limit: Limit = 50
    offset: Offset = 0
    cursor: Cursor = ""


LIST = Operation(
    id="listInvoices",
    method="GET",
    path=f"{PATH}/invoices",
    group=GROUP,
    summary="List invoices",
    description="Invoices of every customer whose link opens them, of those in `tenant_ids`, or of the one in "
    "`X-Active-Tenant-Id`; drafts are the customer's own. `aggregates` are over the whole filter, by currency. Callers "
    "who see no amounts may not filter or sort by them.",
    mark=needs(invoices.READ),
    query=InvoicesQuery,
    answer=InvoicePage,
    codes=("TENANT_CONTEXT_MISMATCH",),
)


@serves(LIST)
async def list_invoices(call: Call[InvoicesQuery, None]) -> InvoicePage:
    """Return one page of invoices."""
    asked = call.query
    wanted = _filter(asked, call.narrowed(asked.tenant_ids))
    async with db.transaction(call.actor) as connection:
        await passed(connection, call, wanted.tenant_ids, invoices.READ)
        page = await invoices.listed(connection, call.actor, wanted, today=call.now.date())
    return InvoicePage(
        items=[listed_as(item) for item in page.items],
        total=page.total,
        limit=asked.limit,
        offset=None if asked.cursor else asked.offset,
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
        aggregates=summed(page.sums),
    )


def _filter(asked: InvoicesQuery, tenant_ids: tuple[UUID, ...]) -> invoices.Filter:
    """Return what was asked in the domain's words."""
    return invoices.Filter(
        tenant_ids=tenant_ids,
        from_date=asked.from_date or None,
        to_date=asked.to_date or None,
        status=asked.status,
        currency=asked.currency or "",
        search=asked.search,
        sort_by=asked.sort_by,
        sort_order=asked.sort_order,
        limit=asked.limit,
        offset=asked.offset,
        cursor=asked.cursor,
        min_amount=_amount("min_amount", asked.min_amount),
        max_amount=_amount("max_amount", asked.max_amount),
    )


def _amount(name: str, value: Decimal | UnsetType) -> Decimal | None:
    """Return an amount that was asked for; raises Invalid for one that no invoice can have."""
    if value is UNSET:
        return None
    if not value.is_finite() or abs(value) >= LARGEST:
        raise Invalid(errors={name: "Write an amount"})
    return value


GET = Operation(
    id="getInvoice",
    method="GET",
    path=f"{PATH}/invoices/{{invoice_id}}",
    group=GROUP,
    summary="Read one invoice",
    description="The invoice with its lines and what was paid for it.",
    mark=needs(invoices.READ),
    answer=InvoiceDetail,
    codes=("INVOICE_NOT_FOUND",),
)


@serves(GET)
async def get_invoice(call: Call[None, None]) -> InvoiceDetail:
    """Return one invoice."""
    invoice_id = call.id("invoice_id", "INVOICE_NOT_FOUND")
    async with db.transaction(call.actor) as connection:
        found = await invoices.get(connection, call.actor, invoice_id, today=call.now.date())
    call.within(found.tenant_id, "INVOICE_NOT_FOUND")
    return detailed(found)


ENDPOINTS: tuple[Endpoint, ...] = (get_summary, list_invoices, get_invoice)
