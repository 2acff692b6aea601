"""The sizes of a tenant's files in one index, which is asked before more are kept."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_INDEX = "ix_file_tenant_id"


def upgrade() -> None:
    op.create_index(
        _INDEX,
        "file",
        ["tenant_id"],
        schema="portal",
        postgresql_where=sa.text("tenant_id IS NOT NULL"),
        postgresql_include=["size_bytes", "expires_at"],
    )


def downgrade() -> None:
    op.drop_index(_INDEX, "file", schema="portal")
