"""reports over many tenants: sums by partner and day, and what they ask of each link in the index that they walk."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LINK, REACH = "partner_tenant_link", "ix_link_reach"
ADDED = {
    "shows_invoices": "partner.billing.invoices.read",
    "shows_summary": "partner.billing.summary.read",
    "shows_usage": "partner.reports.usage.read",
    "shows_uptime": "partner.reports.sla.read",
    "shows_revenue": "partner.reports.revenue.read",
}
BEFORE = ["id", "starts_at", "ends_at", "operating_model", "areas"]
SHOWN = ["shows_billing", "shows_tickets", "shows_subscribers", "shows_posture"]


def upgrade() -> None:
    op.drop_index(REACH, table_name=LINK, schema="portal")
    added = ", ".join(
        f"ADD COLUMN {name} boolean GENERATED ALWAYS AS ('{permission}' = ANY (permissions)) STORED"
        for name, permission in ADDED.items()
    )
    op.execute(f"ALTER TABLE portal.{LINK} {added}")  # the table is written anew once for all of them
    _index([*BEFORE, "tenant_name", *SHOWN, *ADDED])
    op.create_table(
        "summed_tenant",
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("report IN ('usage', 'revenue')", name=op.f("ck_summed_tenant_report")),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_summed_tenant_partner_id")),
        sa.PrimaryKeyConstraint("report", "partner_id", "tenant_id", name=op.f("pk_summed_tenant")),
        schema="portal",
        comment="The tenants whose rows are in their partner's sums",
    )
    op.create_index("ix_summed_tenant_tenant_id", "summed_tenant", ["tenant_id", "report"], schema="portal")
    _sums("usage_sum", "metric", amounts=("quantity",), counts=("tenants",))
    _sums("revenue_sum", "currency", amounts=("invoiced", "outstanding", "paid"), counts=("invoices", "payments"))


def _index(included: list[str]) -> None:
    """Make the index that answers what portal.reach() and lists of tenants ask."""
    op.create_index(
        REACH,
        LINK,
        ["partner_id", "tenant_id"],
        schema="portal",
        postgresql_where=sa.text("status = 'active'"),
        postgresql_include=included,
    )


def _sums(name: str, by: str, *, amounts: tuple[str, ...], counts: tuple[str, ...]) -> None:
    """Make a table of sums by partner, `by` and day."""
    op.create_table(
        name,
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column(by, sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(amount, sa.Numeric(24, 4), server_default="0", nullable=False) for amount in amounts),
        *(sa.Column(count, sa.Integer(), server_default="0", nullable=False) for count in counts),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f(f"fk_{name}_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "day", by, name=op.f(f"pk_{name}")),
        schema="portal",
    )


def downgrade() -> None:
    for name in ("revenue_sum", "usage_sum", "summed_tenant"):
        op.drop_table(name, schema="portal")
    op.drop_index(REACH, table_name=LINK, schema="portal")
    for name in ADDED:
        op.drop_column(LINK, name, schema="portal")
    _index([*BEFORE, *SHOWN])
