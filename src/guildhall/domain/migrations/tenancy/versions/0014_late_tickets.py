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
    """Add the column; they are counted with the boundary, which brings the trigger."""
    _boundary_anew()
    op.add_column(ROLLUP, sa.Column("late", sa.Integer(), server_default="0", nullable=False), schema="tenancy")
    op.create_table_comment(ROLLUP, COMMENT, existing_comment=BEFORE, schema="tenancy")


def _boundary_anew() -> None:
    """Let the boundary be written anew, whatever was written there before."""
    op.execute(
        "DO $$ BEGIN IF to_regclass('portal.boundary') IS NOT NULL THEN DELETE FROM portal.boundary; END IF; END $$"
    )


def downgrade() -> None:
    """Take the sums away that ask for the column, and whoever is in them: the job brings them back with the boundary."""
    _boundary_anew()
    for verb in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER IF EXISTS sum_{verb} ON tenancy.{ROLLUP}")
    op.execute(
        "DO $$ BEGIN IF to_regclass('portal.ticket_sum') IS NOT NULL THEN"
        " PERFORM pg_advisory_xact_lock(7238114910);"
        " DROP FUNCTION IF EXISTS portal.keep_sums(integer);"
        " DELETE FROM portal.summed_tenant WHERE report = 'tickets';"
        " TRUNCATE portal.ticket_sum;"
        " INSERT INTO portal.roster_change SELECT id FROM portal.partner;"
        " END IF; END $$"
    )
    op.create_table_comment(ROLLUP, BEFORE, existing_comment=COMMENT, schema="tenancy")
    op.drop_column(ROLLUP, "late", schema="tenancy")
