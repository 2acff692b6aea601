"""sums of subscriptions and of posture."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

REPORT, MEMBERS = "ck_summed_tenant_report", "summed_tenant"
SCORED = ("measured", "score", "critical", "high", "medium", "low")


def upgrade() -> None:
    _begin_anew()
    _reports("usage", "revenue", "posture")
    op.create_table(
        "subscription_sum",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("trial_ends_on", sa.Date(), nullable=True),
        _count("number"),
        sa.Column("mrr", sa.Numeric(24, 4), server_default="0", nullable=False),
        _partner("subscription_sum"),
        sa.UniqueConstraint(
            *("partner_id", "status", "plan", "currency", "trial_ends_on"),
            name=op.f("uq_subscription_sum"),
            postgresql_nulls_not_distinct=True,
        ),
        schema="portal",
        comment="Read with the sums of revenue",
    )
    op.create_table(
        "posture_sum",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        *(_count(name) for name in SCORED),
        _partner("posture_sum"),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_posture_sum")),
        schema="portal",
    )


def _count(name: str) -> sa.Column[int]:
    """Return the column of a number."""
    return sa.Column(name, sa.Integer(), server_default="0", nullable=False)


def _partner(table: str) -> sa.ForeignKeyConstraint:
    """Return the reference to the partner whose sums they are."""
    return sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f(f"fk_{table}_partner_id"))


def _reports(*names: str) -> None:
    """Say of which reports tenants may be in the sums."""
    op.drop_constraint(op.f(REPORT), MEMBERS, schema="portal")
    named = ", ".join(f"'{name}'" for name in names)
    op.create_check_constraint(op.f(REPORT), MEMBERS, f"report IN ({named})", schema="portal")


def _begin_anew() -> None:
    """Take every tenant out of the sums of revenue, whose sources change; the job brings them in again, and rows serve.

    It comes back with the boundary that knows these sources; until then it would bring tenants in without them. Whoever
    writes waits, and then finds nobody in the sums.
    """
    op.execute("SELECT pg_advisory_xact_lock(7238114908)")
    op.execute("DROP FUNCTION IF EXISTS portal.keep_sums(integer)")
    op.execute(
        "DO $$ BEGIN IF to_regclass('portal.boundary') IS NOT NULL THEN DELETE FROM portal.boundary; END IF; END $$"
    )
    op.execute("DELETE FROM portal.summed_tenant WHERE report IN ('revenue', 'posture')")
    op.execute("TRUNCATE portal.revenue_sum")


def downgrade() -> None:
    _begin_anew()
    for source in ("portal.subscription", "tenancy.posture_rollup"):
        for verb in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER IF EXISTS sum_{verb} ON {source}")
    for name in ("posture_sum", "subscription_sum"):
        op.drop_table(name, schema="portal")
    _reports("usage", "revenue")
