"""links: since when each observes its tenant, in the index of many too."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INDEX, LINK = "ix_link_reach", "partner_tenant_link"
SHOWS = ("billing", "tickets", "subscribers", "posture", "invoices", "summary", "usage", "uptime", "revenue")
BEFORE = (
    *("id", "starts_at", "ends_at", "operating_model", "areas", "tenant_name"),
    *(f"shows_{area}" for area in (*SHOWS, "sla_alerts", "billing_alerts")),
    "uptime_target",
)


def upgrade() -> None:
    column = sa.Column(
        "observed_from",
        sa.DateTime(timezone=True),
        comment="The later beginning, the link's or the tenant's; by trigger",
    )
    op.add_column(LINK, column, schema="portal")
    op.execute(f"UPDATE portal.{LINK} SET observed_from = starts_at")
    # The history of tenants may begin after this one, in an empty database.
    op.execute(
        "DO $$ BEGIN IF to_regclass('tenancy.tenant') IS NOT NULL THEN"
        f" UPDATE portal.{LINK} AS l SET observed_from = t.created_at FROM tenancy.tenant AS t"
        " WHERE t.id = l.tenant_id AND t.created_at > l.starts_at; END IF; END $$"
    )
    _index([*BEFORE, "observed_from"])


def _index(included: list[str]) -> None:
    """Make the index of a partner's active links anew."""
    op.drop_index(INDEX, table_name=LINK, schema="portal")
    op.create_index(
        INDEX,
        LINK,
        ["partner_id", "tenant_id"],
        schema="portal",
        postgresql_where=sa.text("status = 'active'"),
        postgresql_include=included,
    )


def downgrade() -> None:
    op.execute(f"DROP TRIGGER IF EXISTS link_observed ON portal.{LINK}")
    _index([*BEFORE])
    op.drop_column(LINK, "observed_from", schema="portal")
