"""The order of the tickets' board."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_PRESSING = "CASE WHEN status IN ('open', 'pending') THEN sla_breach_at END"


def upgrade() -> None:
    op.add_column(
        "ticket",
        sa.Column("pressing_at", sa.DateTime(timezone=True), sa.Computed(_PRESSING, persisted=True), nullable=True),
        schema="tenancy",
    )
    op.create_index(
        "ix_ticket_board",
        "ticket",
        ["status", "pressing_at", sa.text("created_at DESC"), sa.text("id DESC")],
        schema="tenancy",
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_board", table_name="ticket", schema="tenancy")
    op.drop_column("ticket", "pressing_at", schema="tenancy")
