"""billing over many tenants: sums of invoices by the day when they are due as well, with how many are paid and owed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

SUMS, COUNTS = "revenue_sum", ("listed", "settled", "owed")


def upgrade() -> None:
    _begin_anew()
    op.drop_constraint("pk_revenue_sum", SUMS, schema="portal")
    op.add_column(SUMS, sa.Column("due_on", sa.Date(), nullable=False), schema="portal")
    for name in COUNTS:
        op.add_column(SUMS, sa.Column(name, sa.Integer(), server_default="0", nullable=False), schema="portal")
    op.create_primary_key("pk_revenue_sum", SUMS, ["partner_id", "day", "currency", "due_on"], schema="portal")


def _begin_anew() -> None:
    """Take every tenant out of the sums; the job brings them in again within a minute, and rows serve until then.

    The triggers, written for the other shape, come back with the boundary, so nobody who writes meanwhile is refused.
    """
    for source in ("invoice", "payment"):
        for verb in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER IF EXISTS sum_{verb} ON tenancy.{source}")
    # Whatever was written there before, the boundary is to be written anew.
    op.execute(
        "DO $$ BEGIN IF to_regclass('portal.boundary') IS NOT NULL THEN DELETE FROM portal.boundary; END IF; END $$"
    )
    op.execute("TRUNCATE portal.revenue_sum")
    op.execute("DELETE FROM portal.summed_tenant WHERE report = 'revenue'")


def downgrade() -> None:
    _begin_anew()
    op.drop_constraint("pk_revenue_sum", SUMS, schema="portal")
    for name in (*COUNTS, "due_on"):
        op.drop_column(SUMS, name, schema="portal")
    op.create_primary_key("pk_revenue_sum", SUMS, ["partner_id", "day", "currency"], schema="portal")
