"""webhooks."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("disabled_for", sa.Text(), server_default="", nullable=False, comment="Who or what switched it off"),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status = 'disabled') = (disabled_for <> '')", name=op.f("ck_webhook_endpoint_disabled")),
        sa.CheckConstraint(
            "disabled_for IN ('', 'partner', 'gone', 'failing')", name=op.f("ck_webhook_endpoint_disabled_for")
        ),
        sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f("ck_webhook_endpoint_status")),
        sa.CheckConstraint("cardinality(events) > 0", name=op.f("ck_webhook_endpoint_events")),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_webhook_endpoint_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
        schema="portal",
        comment="Where a partner's software listens; `events` are names, or patterns with `*`",
    )
    op.create_index(
        op.f("ix_webhook_endpoint_partner_id"), "webhook_endpoint", ["partner_id"], unique=False, schema="portal"
    )
    op.create_table(
        "webhook_secret",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False, comment="The last four characters, to tell secrets apart"),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["portal.webhook_endpoint.id"], name=op.f("fk_webhook_secret_endpoint_id")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_webhook_secret_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_secret")),
        schema="portal",
        comment="What deliveries are signed with; the value is sealed and opened by the worker alone",
    )
    op.create_index(
        op.f("ix_webhook_secret_endpoint_id"), "webhook_secret", ["endpoint_id"], unique=False, schema="portal"
    )
    op.create_table(
        "webhook_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            nullable=True,
            comment="Soft reference; null where it is about no tenant, or one not known yet",
        ),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_webhook_event_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
        schema="portal",
    )
    op.create_index("ix_webhook_event_created_at", "webhook_event", ["created_at"], unique=False, schema="portal")
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Since it was last queued by hand",
        ),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status = 'waiting') = (next_at IS NOT NULL)", name=op.f("ck_webhook_delivery_next")),
        sa.CheckConstraint(
            "status IN ('waiting', 'delivered', 'failed', 'dropped')", name=op.f("ck_webhook_delivery_status")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["portal.webhook_endpoint.id"], name=op.f("fk_webhook_delivery_endpoint_id")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["portal.webhook_event.id"], name=op.f("fk_webhook_delivery_event_id")),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_webhook_delivery_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        schema="portal",
    )
    op.create_index(
        "ix_webhook_delivery_endpoint_id_created_at",
        "webhook_delivery",
        ["endpoint_id", "created_at"],
        unique=False,
        schema="portal",
    )
    op.create_index(
        "ix_webhook_delivery_next_at",
        "webhook_delivery",
        ["next_at"],
        unique=False,
        schema="portal",
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        "uq_webhook_delivery_event_id_endpoint_id",
        "webhook_delivery",
        ["event_id", "endpoint_id"],
        unique=True,
        schema="portal",
    )
    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column(
            "response", sa.Text(), server_default="", nullable=False, comment="The first 2 KB of the answer's body"
        ),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["portal.webhook_delivery.id"], name=op.f("fk_webhook_attempt_delivery_id")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_webhook_attempt_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempt")),
        schema="portal",
    )
    op.create_index(
        op.f("ix_webhook_attempt_delivery_id"), "webhook_attempt", ["delivery_id"], unique=False, schema="portal"
    )


def downgrade() -> None:
    op.drop_table("webhook_attempt", schema="portal")
    op.drop_table("webhook_delivery", schema="portal")
    op.drop_table("webhook_event", schema="portal")
    op.drop_table("webhook_secret", schema="portal")
    op.drop_table("webhook_endpoint", schema="portal")
