"""Webhooks of the vendor's platform: rows of no partner."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None
_TABLES = ("webhook_endpoint", "webhook_secret", "webhook_event", "webhook_delivery", "webhook_attempt")
_WAS, _IS = "Where a partner's software listens", "Where software listens"


def upgrade() -> None:
    for table in _TABLES:
        op.alter_column(table, "partner_id", nullable=True, schema="portal")
    op.add_column(
        "webhook_endpoint",
        sa.Column("disabled_because", sa.Text(), server_default="", nullable=False, comment="What staff said of it"),
        schema="portal",
    )
    op.create_index(
        "ix_webhook_delivery_unwell",
        "webhook_delivery",
        ["endpoint_id", "status"],
        unique=False,
        schema="portal",
        postgresql_where=sa.text("status IN ('waiting', 'failed')"),
    )
    _reasons("'', 'partner', 'staff', 'gone', 'failing'")
    _says(_IS)


def downgrade() -> None:
    op.drop_index("ix_webhook_delivery_unwell", table_name="webhook_delivery", schema="portal")
    for table in reversed(_TABLES):
        op.execute(f"DELETE FROM portal.{table} WHERE partner_id IS NULL")
        op.alter_column(table, "partner_id", nullable=False, schema="portal")
    op.execute("UPDATE portal.webhook_endpoint SET disabled_for = 'partner' WHERE disabled_for = 'staff'")
    _reasons("'', 'partner', 'gone', 'failing'")
    op.drop_column("webhook_endpoint", "disabled_because", schema="portal")
    _says(_WAS)


def _reasons(listed: str) -> None:
    """Let an endpoint be off for these reasons and no others."""
    op.drop_constraint(op.f("ck_webhook_endpoint_disabled_for"), "webhook_endpoint", schema="portal")
    op.create_check_constraint(
        op.f("ck_webhook_endpoint_disabled_for"), "webhook_endpoint", f"disabled_for IN ({listed})", schema="portal"
    )


def _says(what: str) -> None:
    op.create_table_comment("webhook_endpoint", f"{what}; `events` are names, or patterns with `*`", schema="portal")
