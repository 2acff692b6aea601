"""links of partners with many: what their lists, alerts, uptime and portal.reach() ask, stored and in indexes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LINK, REACH, PARTNER = "partner_tenant_link", "ix_link_reach", "ix_link_partner"
BEFORE = [
    *("id", "starts_at", "ends_at", "operating_model", "areas", "tenant_name"),
    *("shows_billing", "shows_tickets", "shows_subscribers", "shows_posture"),
    *("shows_invoices", "shows_summary", "shows_usage", "shows_uptime", "shows_revenue"),
]
AREAS = (
    *("billing", "billing_write", "support", "support_write"),
    *("provisioning", "provisioning_activate", "provisioning_suspend", "reports"),
)
OPENS = " + ".join(
    (
        "1",
        *(f"CASE WHEN '{area}' = ANY (areas) THEN {2**place} ELSE 0 END" for place, area in enumerate(AREAS, start=1)),
        "CASE WHEN 'posture' = ANY (areas) AND operating_model <> 'customer_managed' THEN 512 ELSE 0 END",
    )
)
ADDED = {
    "shows_sla_alerts": "boolean GENERATED ALWAYS AS ('partner.alerts.sla.read' = ANY (permissions)) STORED",
    "shows_billing_alerts": "boolean GENERATED ALWAYS AS ('partner.alerts.billing.read' = ANY (permissions)) STORED",
    "uptime_target": "numeric GENERATED ALWAYS AS (CASE WHEN jsonb_typeof(sla_config -> 'uptime_target') = 'number'"
    " THEN (sla_config ->> 'uptime_target')::numeric END) STORED",
    "opens": f"integer GENERATED ALWAYS AS ({OPENS}) STORED",
}
COMMENTS = {"uptime_target": "Percent; null where none is agreed", "opens": "The areas as bits; see AREA_BITS"}


def upgrade() -> None:
    op.drop_index(REACH, table_name=LINK, schema="portal")
    op.drop_index(PARTNER, table_name=LINK, schema="portal")
    added = ", ".join(f"ADD COLUMN {name} {kind}" for name, kind in ADDED.items())
    op.execute(f"ALTER TABLE portal.{LINK} {added}")  # the table is written anew once for all of them
    for name, comment in COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN portal.{LINK}.{name} IS '{comment}'")
    _active(REACH, [*BEFORE, "shows_sla_alerts", "shows_billing_alerts", "uptime_target"])
    _active("ix_link_opens", ["starts_at", "ends_at", "opens"])
    _of_partner(["ends_at", "tenant_name"])
    op.create_index(
        "ix_link_partner_created_at",
        LINK,
        ["partner_id", sa.text("created_at DESC NULLS LAST"), "id"],
        schema="portal",
    )


def _active(name: str, included: list[str]) -> None:
    """Make an index of active links that holds these columns."""
    op.create_index(
        name,
        LINK,
        ["partner_id", "tenant_id"],
        schema="portal",
        postgresql_where=sa.text("status = 'active'"),
        postgresql_include=included,
    )


def _of_partner(included: list[str]) -> None:
    """Make the index of a partner's links by state, with these columns besides its own."""
    op.create_index(PARTNER, LINK, ["partner_id", "status", "tenant_id"], schema="portal", postgresql_include=included)


def downgrade() -> None:
    for name in ("ix_link_partner_created_at", "ix_link_opens", REACH, PARTNER):
        op.drop_index(name, table_name=LINK, schema="portal")
    for name in ADDED:
        op.drop_column(LINK, name, schema="portal")
    _active(REACH, BEFORE)
    _of_partner(["ends_at"])
