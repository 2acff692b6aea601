"""Ticket files."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_AUTHORS = "'partner_user', 'api_client', 'customer_user', 'staff_user', 'platform'"


def upgrade() -> None:
    op.create_table(
        "ticket_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("comment_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("author_partner_id", sa.Uuid(), nullable=True),
        sa.Column("author_partner_name", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(f"author_kind IN ({_AUTHORS})", name=op.f("ck_ticket_file_author_kind")),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_ticket_file_size_bytes")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenancy.tenant.id"], name=op.f("fk_ticket_file_tenant_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tenancy.ticket.id"], name=op.f("fk_ticket_file_ticket_id")),
        sa.ForeignKeyConstraint(["comment_id"], ["tenancy.ticket_comment.id"], name=op.f("fk_ticket_file_comment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_file")),
        schema="tenancy",
        comment="A file of a ticket; its id is that of portal.file, where its octets are known",
    )
    op.create_index("ix_ticket_file_ticket_id", "ticket_file", ["ticket_id", "created_at"], schema="tenancy")
    op.create_index(op.f("ix_ticket_file_comment_id"), "ticket_file", ["comment_id"], schema="tenancy")


def downgrade() -> None:
    op.drop_table("ticket_file", schema="tenancy")
