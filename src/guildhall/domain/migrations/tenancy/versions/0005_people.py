"""people of customers: who was invited and has not come yet."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("customer_membership", sa.Column("invited_name", sa.Text(), nullable=True), schema="tenancy")
    op.add_column(
        "customer_membership", sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True), schema="tenancy"
    )
    op.execute(
        "UPDATE tenancy.customer_membership AS m SET accepted_at = m.created_at FROM tenancy.customer_user AS u"
        " WHERE u.id = m.user_id AND u.last_active_at IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_column("customer_membership", "accepted_at", schema="tenancy")
    op.drop_column("customer_membership", "invited_name", schema="tenancy")
