"""how many tickets of a tenant are open or pending and late."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ROLLUP = "support_rollup"
BEFORE = "Tickets by status; open and pending ones by priority; ever breached; resolved ones and their time"
COMMENT = (
    "Tickets by status; open and pending ones by priority; ever breached, and still open or pending;"
    " resolved ones and their time"
)


def upgrade() -> None:
    """Count them once; from then on the trigger that counts the others does."""
    op.add_column(ROLLUP, sa.Column("late", sa.Integer(), server_default="0", nullable=False), schema="tenancy")
    op.create_table_comment(ROLLUP, COMMENT, existing_comment=BEFORE, schema="tenancy")
    op.execute(
        "UPDATE tenancy.support_rollup AS r SET late = n.late FROM ("
        "SELECT tenant_id, count(*) AS late FROM tenancy.ticket"
        " WHERE status IN ('open', 'pending') AND sla_breached_at IS NOT NULL GROUP BY tenant_id"
        ") AS n WHERE n.tenant_id = r.tenant_id"
    )


def downgrade() -> None:
    op.create_table_comment(ROLLUP, BEFORE, existing_comment=COMMENT, schema="tenancy")
    op.drop_column(ROLLUP, "late", schema="tenancy")
