"""What can be imported: for each kind its rows, its table, and what names a row."""

from collections.abc import Mapping

from guildhall.domain.people.tables import customer_membership
from guildhall.domain.tenancy import importing_rows, tables
from guildhall.domain.tenancy.importing_writes import Check, Kind

_IN = ("tenant", "external_id")

KINDS: Mapping[str, Kind] = {
    "tenants": Kind(
        row=importing_rows.TenantRow, table=tables.tenant, key=("external_id",), unique=(("slug",), ("domain",))
    ),
    "users": Kind(row=importing_rows.UserRow, table=customer_membership, key=("tenant", "email")),
    "subscribers": Kind(row=importing_rows.SubscriberRow, table=tables.subscriber, key=_IN),
    "invoices": Kind(
        row=importing_rows.InvoiceRow,
        table=tables.invoice,
        key=_IN,
        references=("subscriber",),
        unique=(("tenant", "number"),),
    ),
    "invoice-lines": Kind(
        row=importing_rows.InvoiceLineRow,
        table=tables.invoice_line,
        key=("tenant", "invoice", "position"),
        conflict=("invoice", "position"),
        references=("invoice",),
    ),
    "payments": Kind(
        row=importing_rows.PaymentRow,
        table=tables.payment,
        key=_IN,
        references=("invoice",),
        checks=(Check("currency", "s.currency <> invoice.currency", "is not the currency of the invoice"),),
    ),
    "tickets": Kind(
        row=importing_rows.TicketRow,
        table=tables.ticket,
        key=_IN,
        references=("subscriber",),
        defaults={"created_by_name": "'Platform'"},
        # The number of a known ticket is kept; a new one is numbered by the table.
        besides={"created_by_kind": "coalesce(t.created_by_kind, 'platform')", "number": "t.number"},
    ),
    "usage": Kind(row=importing_rows.UsageRow, table=tables.usage_daily, key=("tenant", "metric", "day")),
    "outages": Kind(row=importing_rows.OutageRow, table=tables.outage, key=_IN),
    "posture": Kind(row=importing_rows.PostureRow, table=tables.posture_snapshot, key=("tenant", "taken_at")),
}
