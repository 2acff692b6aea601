"""alerts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OPEN = sa.text("status <> 'resolved'")


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, comment="The fingerprint: what is wrong, not how it is told"),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("values", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('sla.ticket', 'sla.uptime', 'billing.threshold', 'link.expiring', 'usage.capacity')",
            name=op.f("ck_alert_kind"),
        ),
        sa.CheckConstraint("severity IN ('info', 'warning', 'critical')", name=op.f("ck_alert_severity")),
        sa.CheckConstraint("status IN ('active', 'acknowledged', 'resolved')", name=op.f("ck_alert_status")),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_alert_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        schema="portal",
        comment="`raised_at` is when it began, or last got worse; `told_at` when people were told of that",
    )
    op.create_index(
        "uq_alert_open", "alert", ["partner_id", "cause"], unique=True, schema="portal", postgresql_where=_OPEN
    )
    op.create_index(
        "ix_alert_partner", "alert", ["partner_id", "status", sa.text("raised_at DESC")], unique=False, schema="portal"
    )
    op.create_index("ix_alert_kind_open", "alert", ["kind"], unique=False, schema="portal", postgresql_where=_OPEN)
    op.create_index(
        "ix_alert_untold",
        "alert",
        ["raised_at"],
        unique=False,
        schema="portal",
        postgresql_where=sa.text("told_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("alert", schema="portal")
