"""links: the uptime that each agreed, in the index that reports over many tenants walk."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LINK, REACH = "partner_tenant_link", "ix_link_reach"
AGREED = (
    "CASE WHEN jsonb_typeof(sla_config -> 'uptime_target') = 'number'"
    " THEN (sla_config ->> 'uptime_target')::numeric END"
)
SHOWS = (
    *("billing", "tickets", "subscribers", "posture", "invoices", "summary", "usage", "uptime", "revenue"),
    *("sla_alerts", "billing_alerts"),
)
BEFORE = [
    *("id", "starts_at", "ends_at", "operating_model", "areas", "tenant_name"),
    *(f"shows_{what}" for what in SHOWS),
]


def upgrade() -> None:
    op.drop_index(REACH, table_name=LINK, schema="portal")
    op.add_column(
        LINK,
        sa.Column(
            "uptime_target",
            sa.Numeric(),
            sa.Computed(AGREED, persisted=True),
            nullable=True,
            comment="Percent; null where none is agreed",
        ),
        schema="portal",
    )
    _index([*BEFORE, "uptime_target"])


def _index(included: list[str]) -> None:
    """Make the index that answers what portal.reach() and lists of tenants ask."""
    op.create_index(
        REACH,
        LINK,
        ["partner_id", "tenant_id"],
        schema="portal",
        postgresql_where=sa.text("status = 'active'"),
        postgresql_include=included,
    )


def downgrade() -> None:
    op.drop_index(REACH, table_name=LINK, schema="portal")
    op.drop_column(LINK, "uptime_target", schema="portal")
    _index(BEFORE)
