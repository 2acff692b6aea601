"""links of many: their tenants by name out of an index; whether uptime was recorded in that of all, areas no more."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ALL, BY_NAME, LINK = "ix_link_reach", "ix_link_name", "partner_tenant_link"
NAMED, STANDING = "ck_partner_tenant_link_named", "'active', 'paused', 'scheduled'"
SHOWS = ("billing", "tickets", "subscribers", "posture", "invoices", "summary", "usage", "uptime", "revenue")
FIRST = ("id", "starts_at", "ends_at", "operating_model")
LAST = (
    "tenant_name",
    *(f"shows_{area}" for area in (*SHOWS, "sla_alerts", "billing_alerts")),
    *("uptime_target", "observed_from"),
)


def upgrade() -> None:
    # Told by the boundary, which is written next.
    column: sa.Column[bool] = sa.Column(
        "uptime_recorded",
        sa.Boolean(),
        server_default="false",
        nullable=False,
        comment="Whether an outage of the tenant was ever recorded; by trigger",
    )
    op.add_column(LINK, column, schema="portal")
    op.drop_index(ALL, table_name=LINK, schema="portal")
    _index(ALL, ["partner_id", "tenant_id"], [*FIRST, *LAST, "uptime_recorded"])
    _index(
        BY_NAME,
        ["partner_id", sa.text("lower(tenant_name)"), "tenant_id"],
        [*FIRST, "tenant_name", *(f"shows_{area}" for area in ("subscribers", "summary", "usage", "revenue"))],
    )
    # Nothing makes such a link; the list of customers would lose it now. The history of tenants may begin after this one.
    op.execute(
        "DO $$ BEGIN IF to_regclass('tenancy.tenant') IS NOT NULL THEN"
        f" UPDATE portal.{LINK} AS l SET tenant_name = t.name FROM tenancy.tenant AS t"
        f" WHERE t.id = l.tenant_id AND l.tenant_name IS NULL AND l.status IN ({STANDING}); END IF; END $$"
    )
    op.create_check_constraint(
        op.f(NAMED), LINK, f"tenant_name IS NOT NULL OR status NOT IN ({STANDING})", schema="portal"
    )


def _index(name: str, columns: list[str | sa.TextClause], included: list[str]) -> None:
    """Make an index of the active links."""
    op.create_index(
        name,
        LINK,
        columns,
        schema="portal",
        postgresql_where=sa.text("status = 'active'"),
        postgresql_include=included,
    )


def downgrade() -> None:
    # Views of what is reached hold the columns that they read; with them go the policies that ask them, until the
    # boundary is written anew.
    op.execute("DROP VIEW IF EXISTS portal.reached CASCADE")
    op.execute(
        "DO $$ BEGIN IF to_regclass('portal.boundary') IS NOT NULL THEN DELETE FROM portal.boundary; END IF; END $$"
    )
    op.drop_constraint(op.f(NAMED), LINK, schema="portal")
    op.drop_index(BY_NAME, table_name=LINK, schema="portal")
    op.drop_index(ALL, table_name=LINK, schema="portal")
    _index(ALL, ["partner_id", "tenant_id"], [*FIRST, "areas", *LAST])
    op.execute(f"DROP TRIGGER IF EXISTS link_observed ON portal.{LINK}")
    op.drop_column(LINK, "uptime_recorded", schema="portal")
