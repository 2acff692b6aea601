"""an auditor's link opens what reads: acknowledging alerts goes, unless the customer granted it by name."""

from collections.abc import Sequence

from alembic import op

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ACTS = "ARRAY['partner.alerts.sla.acknowledge', 'partner.alerts.billing.acknowledge']"


def upgrade() -> None:
    """Narrow what stands or waits; what is over keeps what it was."""
    for table, besides, states in (
        ("partner_tenant_link", "version = version + 1, ", "'requested', 'countered', 'scheduled', 'active', 'paused'"),
        ("link_change", "", "'open'"),
    ):
        op.execute(
            f"UPDATE portal.{table} SET {besides}permissions = ARRAY(SELECT held FROM unnest(permissions) AS held"
            f" WHERE held <> ALL ({ACTS}) OR coalesce((custom_permissions ->> held)::boolean, false))"
            f" WHERE access_role = 'auditor' AND status IN ({states}) AND permissions && {ACTS}"
        )


def downgrade() -> None:
    """Give nothing back: a customer would have to be asked."""
