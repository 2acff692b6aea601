"""the most people of a partner."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "partner",
        sa.Column(
            "people_limit",
            sa.Integer(),
            nullable=True,
            comment="The most people who are active or invited at once; null: no limit",
        ),
        schema="portal",
    )
    op.create_check_constraint(op.f("ck_partner_people_limit"), "partner", "people_limit > 0", schema="portal")


def downgrade() -> None:
    op.drop_column("partner", "people_limit", schema="portal")
