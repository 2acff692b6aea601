"""when the clock of a ticket started anew, which what was promised since does not tell."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    comment = "When the clock started anew; null for since the opening"
    op.add_column("ticket", sa.Column("clock_from", sa.DateTime(timezone=True), comment=comment), schema="tenancy")


def downgrade() -> None:
    op.drop_column("ticket", "clock_from", schema="tenancy")
