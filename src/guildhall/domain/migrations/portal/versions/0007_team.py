"""the partner team."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "tenant_group",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_tenant_group_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant_group")),
        schema="portal",
        comment="A partner's own names for some of its customers; limits of people name them",
    )
    op.create_index(
        "uq_tenant_group_partner_id_name",
        "tenant_group",
        ["partner_id", sa.text("lower(name)")],
        unique=True,
        schema="portal",
    )
    op.create_table(
        "tenant_group_tenant",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["portal.tenant_group.id"], name=op.f("fk_tenant_group_tenant_group_id")),
        sa.PrimaryKeyConstraint("group_id", "tenant_id", name=op.f("pk_tenant_group_tenant")),
        schema="portal",
    )
    op.create_table(
        "partner_user_group",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["portal.partner_user.id"], name=op.f("fk_partner_user_group_user_id")),
        sa.ForeignKeyConstraint(["group_id"], ["portal.tenant_group.id"], name=op.f("fk_partner_user_group_group_id")),
        sa.PrimaryKeyConstraint("user_id", "group_id", name=op.f("pk_partner_user_group")),
        schema="portal",
        comment="The groups that `partner_user.tenant_scope` includes or excludes, beside single tenants",
    )
    op.create_index(
        op.f("ix_partner_user_group_group_id"), "partner_user_group", ["group_id"], unique=False, schema="portal"
    )


def downgrade() -> None:
    for table in ("partner_user_group", "tenant_group_tenant", "tenant_group"):
        op.drop_table(table, schema="portal")
