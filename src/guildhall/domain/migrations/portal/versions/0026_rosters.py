"""rosters: how many tenants a partner's live links reach, and what they open, counted beforehand."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ROSTER, CHANGE = "roster", "roster_change"
MODELS = ("customer_managed", "co_managed", "fully_managed")
COUNTED = ("posture", "summary", "usage", "uptime", "revenue")


def upgrade() -> None:
    op.create_table(
        ROSTER,
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sums", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("tenants", *MODELS, *COUNTED)),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_roster")),
        schema="portal",
        comment="How many tenants a partner's live links reach, and how many of them open what",
    )
    op.create_table(
        CHANGE,
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        schema="portal",
        comment="Partners whose links changed since their roster was counted",
    )
    op.create_index(op.f("ix_roster_change_partner_id"), CHANGE, ["partner_id"], schema="portal")
    # The job counts them within a minute; until then, and beside a process that has no triggers yet, rows are looked up.
    op.execute(f"INSERT INTO portal.{CHANGE} SELECT id FROM portal.partner")


def downgrade() -> None:
    for verb in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER IF EXISTS roster_{verb} ON portal.partner_tenant_link")
    op.execute("DROP FUNCTION IF EXISTS portal.roster_now()")  # it returns rows of the table
    op.drop_table(CHANGE, schema="portal")
    op.drop_table(ROSTER, schema="portal")
