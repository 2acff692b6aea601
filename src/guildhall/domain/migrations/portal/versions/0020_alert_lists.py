"""alerts in the order of their list, and what that list asks of each link in the index that it walks."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LINK, REACH = "partner_tenant_link", "ix_link_reach"
ADDED = {
    "shows_sla_alerts": "partner.alerts.sla.read",
    "shows_billing_alerts": "partner.alerts.billing.read",
}
BEFORE = ["id", "starts_at", "ends_at", "operating_model", "areas", "tenant_name"]
SHOWN = [
    *("shows_billing", "shows_tickets", "shows_subscribers", "shows_posture"),
    *("shows_invoices", "shows_summary", "shows_usage", "shows_uptime", "shows_revenue"),
]


def upgrade() -> None:
    op.drop_index(REACH, table_name=LINK, schema="portal")
    added = ", ".join(
        f"ADD COLUMN {name} boolean GENERATED ALWAYS AS ('{permission}' = ANY (permissions)) STORED"
        for name, permission in ADDED.items()
    )
    op.execute(f"ALTER TABLE portal.{LINK} {added}")  # the table is written anew once for both of them
    _index([*BEFORE, *SHOWN, *ADDED])
    op.execute(
        "ALTER TABLE portal.alert ADD COLUMN weight smallint"
        " GENERATED ALWAYS AS (array_position(ARRAY['info', 'warning', 'critical'], severity)) STORED"
    )
    op.create_index(
        "ix_alert_rank",
        "alert",
        [
            "partner_id",
            sa.text("coalesce(resolved_at, timestamptz 'infinity')"),
            "weight",
            "raised_at",
            "id",
        ],
        schema="portal",
        postgresql_include=["tenant_id", "kind", "status", "snoozed_until"],
    )


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


def downgrade() -> None:
    op.drop_index("ix_alert_rank", table_name="alert", schema="portal")
    op.drop_column("alert", "weight", schema="portal")
    op.drop_index(REACH, table_name=LINK, schema="portal")
    for name in ADDED:
        op.drop_column(LINK, name, schema="portal")
    _index([*BEFORE, *SHOWN])
