"""the latest posture of each tenant, kept beside its history."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None
UNIQUE = "uq_posture_snapshot_tenant_id_taken_at"


def upgrade() -> None:
    op.create_table(
        "posture_rollup",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("critical", sa.Integer(), nullable=True),
        sa.Column("high", sa.Integer(), nullable=True),
        sa.Column("medium", sa.Integer(), nullable=True),
        sa.Column("low", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenancy.tenant.id"], name=op.f("fk_posture_rollup_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_posture_rollup")),
        schema="tenancy",
        comment="The latest snapshot of each tenant, without its findings",
    )
    op.execute(
        "INSERT INTO tenancy.posture_rollup (tenant_id, taken_at, score, critical, high, medium, low)"
        " SELECT DISTINCT ON (tenant_id) tenant_id, taken_at, score, critical, high, medium, low"
        " FROM tenancy.posture_snapshot ORDER BY tenant_id, taken_at DESC"
    )
    op.drop_index(UNIQUE, table_name="posture_snapshot", schema="tenancy")
    op.create_unique_constraint(UNIQUE, "posture_snapshot", ["tenant_id", "taken_at"], schema="tenancy")


def downgrade() -> None:
    op.drop_constraint(UNIQUE, "posture_snapshot", schema="tenancy", type_="unique")
    op.create_index(
        UNIQUE,
        "posture_snapshot",
        ["tenant_id", "taken_at"],
        unique=True,
        schema="tenancy",
        postgresql_include=["score", "critical", "high", "medium", "low"],
    )
    op.drop_table("posture_rollup", schema="tenancy")
