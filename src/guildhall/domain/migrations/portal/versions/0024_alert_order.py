"""alerts in the order of their list by stored columns, so that a page begins where the one before it ended."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INCLUDED = ["tenant_id", "kind", "status", "snoozed_until"]
_TOLD = "`raised_at` is when it began, or last got worse; `told_at` when people were told of that"


def upgrade() -> None:
    op.drop_index("ix_alert_rank", table_name="alert", schema="portal")
    op.drop_index("ix_alert_partner", table_name="alert", schema="portal")
    op.execute(
        "ALTER TABLE portal.alert ADD COLUMN settled_at timestamptz"
        " GENERATED ALWAYS AS (coalesce(resolved_at, timestamptz '9999-01-01 00:00:00+00:00')) STORED"
    )
    op.create_table_comment(
        "alert",
        f"{_TOLD}; `settled_at` is `resolved_at`, far off while it is open",
        existing_comment=_TOLD,
        schema="portal",
    )
    _rank("settled_at")


def _rank(first: str | sa.TextClause) -> None:
    """Make the index of the list's order, which begins with `first`."""
    op.create_index(
        "ix_alert_rank",
        "alert",
        ["partner_id", first, "weight", "raised_at", "id"],
        schema="portal",
        postgresql_include=INCLUDED,
    )


def downgrade() -> None:
    op.drop_index("ix_alert_rank", table_name="alert", schema="portal")
    op.drop_column("alert", "settled_at", schema="portal")
    op.create_table_comment("alert", _TOLD, schema="portal")
    op.create_index("ix_alert_partner", "alert", ["partner_id", "status", sa.text("raised_at DESC")], schema="portal")
    _rank(sa.text("coalesce(resolved_at, timestamptz 'infinity')"))
