"""uptime by day: exact, with how many outages began and ended on it; outages by their end."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

DAILY = "uptime_daily"
ADDED: Sequence[tuple[str, sa.types.TypeEngine[Any], str, str]] = (
    ("began", sa.Integer(), "0", "Outages that began on the day"),
    ("carried", sa.Boolean(), "false", "One came from the day before"),
    ("repaired", sa.Integer(), "0", "Outages that ended on the day"),
    ("repair_seconds", sa.Double(), "0", "How long these had lasted"),
)
COMMENT = "Days (UTC) with downtime, of outages that ended: those that overlap or touch are one. Kept by a trigger"


def upgrade() -> None:
    """Change the table; its days are counted anew with the boundary, which brings the trigger."""
    # Whatever was written there before, the boundary is to be written anew.
    op.execute(
        "DO $$ BEGIN IF to_regclass('portal.boundary') IS NOT NULL THEN DELETE FROM portal.boundary; END IF; END $$"
    )
    op.execute(f"DELETE FROM tenancy.{DAILY} WHERE down_seconds = 0")
    op.alter_column(DAILY, "down_seconds", schema="tenancy", type_=sa.Double())
    for name, kind, default, comment in ADDED:
        column = sa.Column(name, kind, server_default=sa.text(default), nullable=False, comment=comment)
        op.add_column(DAILY, column, schema="tenancy")
    op.create_table_comment(DAILY, COMMENT, schema="tenancy")
    _key(f"INCLUDE (down_seconds, {', '.join(name for name, *_ in ADDED)})")
    op.create_index(
        "ix_outage_ended_at", "outage", ["ended_at"], schema="tenancy", postgresql_include=["tenant_id", "started_at"]
    )


def _key(besides: str) -> None:
    """Make the primary key anew, with other columns besides its own."""
    op.execute(
        f"ALTER TABLE tenancy.{DAILY} DROP CONSTRAINT pk_{DAILY},"
        f" ADD CONSTRAINT pk_{DAILY} PRIMARY KEY (tenant_id, day) {besides}"
    )


def downgrade() -> None:
    for verb in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER IF EXISTS roll_{verb} ON tenancy.outage")
        op.execute(f"DROP TRIGGER IF EXISTS sum_{verb} ON tenancy.{DAILY}")
    op.drop_index("ix_outage_ended_at", table_name="outage", schema="tenancy")
    _key("")
    op.drop_table_comment(DAILY, schema="tenancy")
    for name, *_ in ADDED:
        op.drop_column(DAILY, name, schema="tenancy")
    op.alter_column(DAILY, "down_seconds", schema="tenancy", type_=sa.Integer(), postgresql_using="round(down_seconds)")
