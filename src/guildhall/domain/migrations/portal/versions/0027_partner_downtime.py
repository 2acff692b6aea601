"""days with downtime of all tenants in a partner's sums, side by side."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLE, REPORT, MEMBERS = "partner_downtime", "ck_summed_tenant_report", "summed_tenant"
BEFORE = ("usage", "revenue", "posture")


def upgrade() -> None:
    _reports(*BEFORE, "uptime")
    _count_anew()
    op.create_table(
        TABLE,
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("down_seconds", sa.Double(), nullable=False),
        sa.Column("began", sa.Integer(), nullable=False),
        sa.Column("repaired", sa.Integer(), nullable=False),
        sa.Column("carried", sa.Boolean(), nullable=False),
        sa.Column("repair_seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f(f"fk_{TABLE}_partner_id")),
        sa.PrimaryKeyConstraint(
            *("partner_id", "day", "tenant_id"),
            name=op.f(f"pk_{TABLE}"),
            postgresql_include=["down_seconds", "began", "carried", "repaired", "repair_seconds"],
        ),
        schema="portal",
        comment="The days of tenancy.uptime_daily of all tenants in the partner's sums, side by side",
    )


def _count_anew() -> None:
    """Let no roster hold until it is counted again: what sums tell in whole is about to change."""
    op.execute("INSERT INTO portal.roster_change SELECT id FROM portal.partner")


def _reports(*names: str) -> None:
    """Say of which reports tenants may be in the sums."""
    op.drop_constraint(op.f(REPORT), MEMBERS, schema="portal")
    named = ", ".join(f"'{name}'" for name in names)
    op.create_check_constraint(op.f(REPORT), MEMBERS, f"report IN ({named})", schema="portal")


def downgrade() -> None:
    # The job, which knows the table, comes back with the boundary that does not.
    op.execute("SELECT pg_advisory_xact_lock(7238114908)")
    op.execute("DROP FUNCTION IF EXISTS portal.keep_sums(integer)")
    op.execute(
        "DO $$ BEGIN IF to_regclass('portal.boundary') IS NOT NULL THEN DELETE FROM portal.boundary; END IF; END $$"
    )
    for verb in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER IF EXISTS sum_{verb} ON tenancy.uptime_daily")
    _count_anew()
    op.execute(f"DELETE FROM portal.{MEMBERS} WHERE report = 'uptime'")
    op.drop_table(TABLE, schema="portal")
    _reports(*BEFORE)
