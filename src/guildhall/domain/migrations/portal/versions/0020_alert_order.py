"""alerts in the order of their list by stored columns, so that a page begins where the one before it ended."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

RANK, BEFORE = "ix_alert_rank", "ix_alert_partner"
TOLD = "`raised_at` is when it began, or last got worse; `told_at` when people were told of that"


def upgrade() -> None:
    op.drop_index(BEFORE, table_name="alert", schema="portal")
    op.execute(
        "ALTER TABLE portal.alert ADD COLUMN weight smallint"
        " GENERATED ALWAYS AS (array_position(ARRAY['info', 'warning', 'critical'], severity)) STORED,"
        " ADD COLUMN settled_at timestamptz"
        " GENERATED ALWAYS AS (coalesce(resolved_at, timestamptz '9999-01-01 00:00:00+00:00')) STORED"
    )
    op.create_table_comment(
        "alert",
        f"{TOLD}; `settled_at` is `resolved_at`, far off while it is open",
        existing_comment=TOLD,
        schema="portal",
    )
    op.create_index(
        RANK,
        "alert",
        ["partner_id", "settled_at", "weight", "raised_at", "id"],
        schema="portal",
        postgresql_include=["tenant_id", "kind", "status", "snoozed_until"],
    )


def downgrade() -> None:
    op.drop_index(RANK, table_name="alert", schema="portal")
    for name in ("settled_at", "weight"):
        op.drop_column("alert", name, schema="portal")
    op.create_table_comment("alert", TOLD, schema="portal")
    op.create_index(BEFORE, "alert", ["partner_id", "status", sa.text("raised_at DESC")], schema="portal")
