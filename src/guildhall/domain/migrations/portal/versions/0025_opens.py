"""links: the areas that one opens as bits, in an index of what portal.reach() asks."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LINK = "partner_tenant_link"
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


def upgrade() -> None:
    op.add_column(
        LINK,
        sa.Column(
            "opens",
            sa.Integer(),
            sa.Computed(OPENS, persisted=True),
            nullable=True,
            comment="The areas as bits; see AREA_BITS",
        ),
        schema="portal",
    )
    op.create_index(
        "ix_link_opens",
        LINK,
        ["partner_id", "tenant_id"],
        schema="portal",
        postgresql_where=sa.text("status = 'active'"),
        postgresql_include=["starts_at", "ends_at", "opens"],
    )


def downgrade() -> None:
    op.drop_index("ix_link_opens", table_name=LINK, schema="portal")
    op.drop_column(LINK, "opens", schema="portal")
