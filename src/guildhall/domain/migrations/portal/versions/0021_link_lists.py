"""The list of a partner's links: its order, and what counting it asks."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    _counting(["ends_at", "tenant_name"])
    op.create_index(
        "ix_link_partner_created_at",
        "partner_tenant_link",
        ["partner_id", sa.text("created_at DESC NULLS LAST"), "id"],
        schema="portal",
    )


def downgrade() -> None:
    op.drop_index("ix_link_partner_created_at", table_name="partner_tenant_link", schema="portal")
    _counting(["ends_at"])


def _counting(included: list[str]) -> None:
    """Make the index of a partner's links anew, with these columns besides its own."""
    op.drop_index("ix_link_partner", table_name="partner_tenant_link", schema="portal")
    op.create_index(
        "ix_link_partner",
        "partner_tenant_link",
        ["partner_id", "status", "tenant_id"],
        schema="portal",
        postgresql_include=included,
    )
