"""what a partner's downtime comes to by day, and what its customers owe."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

DOWNTIME, BALANCE, MEMBERS = "downtime_sum", "balance_sum", "summed_tenant"
SOURCES = ("tenancy.billing_rollup", "tenancy.uptime_daily")  # nobody is in their sums until the boundary is back


def upgrade() -> None:
    _begin_anew()
    op.create_table(
        DOWNTIME,
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("tenants", sa.Integer(), nullable=False),
        sa.Column("down_seconds", sa.Numeric(24, 6), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("began", "carried", "repaired")),
        sa.Column("repair_seconds", sa.Numeric(24, 6), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f(f"fk_{DOWNTIME}_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "day", name=op.f(f"pk_{DOWNTIME}")),
        schema="portal",
        comment="What the partner's rows in portal.partner_downtime come to",
    )
    op.create_table(
        BALANCE,
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("outstanding", sa.Numeric(24, 4), nullable=False),
        sa.Column("overdue", sa.Numeric(24, 4), nullable=False),
        sa.Column("late_payers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f(f"fk_{BALANCE}_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "currency", name=op.f(f"pk_{BALANCE}")),
        schema="portal",
        comment="Of tenancy.billing_rollup; read with the sums of revenue",
    )
    op.add_column(
        MEMBERS,
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        schema="portal",
    )
    op.alter_column(MEMBERS, "since", server_default=None, schema="portal")


def _begin_anew() -> None:
    """Take every tenant out of the sums of revenue and of uptime, and let no roster hold; rows serve meanwhile.

    The job brings them in again. It comes back with the boundary that knows these sums; until then it would bring
    tenants in without them. Whoever writes waits, and then finds nobody in the sums. An older job that is under way goes on
    when this is done; it fails, since it does not say since when a tenant is in the sums.
    """
    op.execute("SELECT pg_advisory_xact_lock(7238114909)")  # in the order of the job, which reads members in between
    op.execute("SELECT pg_advisory_xact_lock(7238114908)")
    op.execute("DROP FUNCTION IF EXISTS portal.keep_sums(integer)")
    op.execute(
        "DO $$ BEGIN IF to_regclass('portal.boundary') IS NOT NULL THEN DELETE FROM portal.boundary; END IF; END $$"
    )
    op.execute(f"DELETE FROM portal.{MEMBERS} WHERE report IN ('revenue', 'uptime')")
    op.execute("TRUNCATE portal.revenue_sum, portal.subscription_sum, portal.partner_downtime")
    op.execute("INSERT INTO portal.roster_change SELECT id FROM portal.partner")


def downgrade() -> None:
    _begin_anew()
    for source in SOURCES:
        for verb in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER IF EXISTS sum_{verb} ON {source}")
    op.drop_column(MEMBERS, "since", schema="portal")
    op.drop_table(BALANCE, schema="portal")
    op.drop_table(DOWNTIME, schema="portal")
