"""outages: their index says when they ended too, so that reports over many tenants read no row of the table."""

from collections.abc import Sequence

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INDEX = "ix_outage_tenant_id_started_at"


def upgrade() -> None:
    _index(["ended_at"])


def _index(included: list[str]) -> None:
    """Make the index of a tenant's outages by time anew."""
    op.drop_index(INDEX, table_name="outage", schema="tenancy")
    op.create_index(INDEX, "outage", ["tenant_id", "started_at"], schema="tenancy", postgresql_include=included)


def downgrade() -> None:
    _index([])
