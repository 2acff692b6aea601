"""sums of all invoices beside those of what is owed, and invoices by date over all tenants."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None
NEW = ("listed", "billed", "paid")


def upgrade() -> None:
    op.add_column(
        "billing_rollup", sa.Column("listed", sa.Integer(), server_default="0", nullable=False), schema="tenancy"
    )
    for name in ("billed", "paid"):
        column = sa.Column(name, sa.Numeric(18, 4), server_default="0", nullable=False)
        op.add_column("billing_rollup", column, schema="tenancy")
    op.execute(
        "UPDATE tenancy.billing_rollup AS r SET listed = n.listed, billed = n.billed, paid = n.paid"
        " FROM (SELECT tenant_id, currency, count(*) AS listed,"
        " coalesce(sum(amount) FILTER (WHERE status <> 'cancelled'), 0) AS billed,"
        " coalesce(sum(amount_paid) FILTER (WHERE status <> 'cancelled'), 0) AS paid"
        " FROM tenancy.invoice WHERE status <> 'draft' GROUP BY 1, 2) AS n"
        " WHERE r.tenant_id = n.tenant_id AND r.currency = n.currency"
    )
    newest = [sa.text("issued_on DESC"), sa.text("id DESC")]
    op.create_index("ix_invoice_issued_on", "invoice", newest, schema="tenancy")
    op.create_index(
        "ix_invoice_owed",
        "invoice",
        ["tenant_id", "due_on"],
        schema="tenancy",
        postgresql_where=sa.text("status IN ('finalized', 'overdue')"),
    )


def downgrade() -> None:
    op.drop_index("ix_invoice_owed", table_name="invoice", schema="tenancy")
    op.drop_index("ix_invoice_issued_on", table_name="invoice", schema="tenancy")
    for name in NEW:
        op.drop_column("billing_rollup", name, schema="tenancy")
