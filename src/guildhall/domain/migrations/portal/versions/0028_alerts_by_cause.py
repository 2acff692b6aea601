"""open alerts are unique by cause first, so that no list reads a partner's from there."""

from collections.abc import Sequence

from alembic import op

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLE, NAME, OPEN = "portal.alert", "uq_alert_open", "status <> 'resolved'"


def upgrade() -> None:
    _unique("cause, partner_id")


def downgrade() -> None:
    _unique("partner_id, cause")


def _unique(columns: str) -> None:
    """Make the index anew; dropped first, which shuts everybody out at once: no lock is taken and then raised."""
    op.execute(f"DROP INDEX portal.{NAME}")
    op.execute(f"CREATE UNIQUE INDEX {NAME} ON {TABLE} ({columns}) WHERE {OPEN}")
