"""tickets in the sums of a partner's tenants, what invoices brought in, and what every link of a partner opens."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TICKETS, REVENUE, ROSTER = "ticket_sum", "revenue_sum", "roster"
REPORT, MEMBERS = "ck_summed_tenant_report", "summed_tenant"
BEFORE = ("usage", "revenue", "posture", "uptime")
COUNTS = ("open", "pending", "resolved", "closed", "urgent", "high", "normal", "low", "breached", "late", "done")
COMMENT = "To be added up: what each change of a tenant's tickets brought; one row of a partner's many each minute"


def upgrade() -> None:
    _begin_anew()
    _reports(*BEFORE, "tickets")
    op.create_table(
        TICKETS,
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.Column("done_seconds", sa.BigInteger(), nullable=False),
        schema="portal",
        comment=COMMENT,
    )
    op.create_index(op.f("ix_ticket_sum_partner_id"), TICKETS, ["partner_id"], schema="portal")
    op.add_column(REVENUE, sa.Column("received", sa.Numeric(24, 4), nullable=False), schema="portal")
    words: sa.Column[list[str]] = sa.Column(
        "everywhere", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
    )
    op.add_column(ROSTER, words, schema="portal")
    op.add_column(ROSTER, sa.Column("steady_from", sa.DateTime(timezone=True)), schema="portal")


def _reports(*names: str) -> None:
    """Say of which reports tenants may be in the sums."""
    op.drop_constraint(op.f(REPORT), MEMBERS, schema="portal")
    named = ", ".join(f"'{name}'" for name in names)
    op.create_check_constraint(op.f(REPORT), MEMBERS, f"report IN ({named})", schema="portal")


def _begin_anew() -> None:
    """Take every tenant out of the sums of revenue and of tickets, and let no roster hold; rows serve meanwhile.

    The job brings them in again. It comes back with the boundary that knows these sums; until then it would bring
    tenants in without them. Whoever writes waits, and then finds nobody in the sums. An older job that is under way goes on
    when this is done; it fails, since it does not say what was received.
    """
    op.execute("SELECT pg_advisory_xact_lock(7238114909)")  # in the order of the job, which reads members in between
    op.execute("SELECT pg_advisory_xact_lock(7238114908)")
    op.execute("DROP FUNCTION IF EXISTS portal.keep_sums(integer)")
    op.execute(
        "DO $$ BEGIN IF to_regclass('portal.boundary') IS NOT NULL THEN DELETE FROM portal.boundary; END IF; END $$"
    )
    op.execute(f"DELETE FROM portal.{MEMBERS} WHERE report IN ('revenue', 'tickets')")
    op.execute("TRUNCATE portal.revenue_sum, portal.subscription_sum")
    op.execute("INSERT INTO portal.roster_change SELECT id FROM portal.partner")


def downgrade() -> None:
    _begin_anew()
    for verb in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER IF EXISTS sum_{verb} ON tenancy.support_rollup")
    op.execute("DROP FUNCTION IF EXISTS portal.roster_now()")  # it returns rows of the table
    op.drop_column(ROSTER, "steady_from", schema="portal")
    op.drop_column(ROSTER, "everywhere", schema="portal")
    op.drop_column(REVENUE, "received", schema="portal")
    op.drop_table(TICKETS, schema="portal")
    _reports(*BEFORE)
