"""the address that an applicant's answer replaced."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "application",
        sa.Column(
            "email_before",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="The address that the last answer replaced",
        ),
        schema="portal",
    )


def downgrade() -> None:
    op.drop_column("application", "email_before", schema="portal")
