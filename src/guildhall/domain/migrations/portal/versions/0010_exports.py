"""files, and exports of invoices."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def _moment(name: str, *, nullable: bool = True, now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)


def upgrade() -> None:
    op.create_table(
        "file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="writing", nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        _moment("expires_at"),
        _moment("created_at", nullable=False, now=True),
        sa.CheckConstraint("state IN ('writing', 'ready')", name=op.f("ck_file_state")),
        sa.CheckConstraint("partner_id IS NOT NULL OR tenant_id IS NOT NULL", name=op.f("ck_file_owner")),
        sa.CheckConstraint(
            "state = 'writing' OR (size_bytes IS NOT NULL AND sha256 IS NOT NULL)", name=op.f("ck_file_ready")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_file_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        schema="portal",
        comment="What is known of a file beside its octets, which lie in the store under its id",
    )
    op.create_index(op.f("ix_file_partner_id"), "file", ["partner_id"], schema="portal")
    op.create_index(
        "ix_file_expires_at",
        "file",
        ["expires_at"],
        schema="portal",
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_table(
        "invoice_export",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_by_kind", sa.Text(), nullable=False),
        sa.Column("created_by_name", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("filter", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("columns", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("include_line_items", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="processing", nullable=False),
        sa.Column("rows_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=True),
        sa.Column("tenants", ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("left_out", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failure", sa.Text(), server_default="", nullable=False),
        _moment("expires_at", nullable=False),
        _moment("completed_at"),
        _moment("created_at", nullable=False, now=True),
        sa.CheckConstraint("format IN ('csv', 'pdf')", name=op.f("ck_invoice_export_format")),
        sa.CheckConstraint("status IN ('processing', 'completed', 'failed')", name=op.f("ck_invoice_export_status")),
        sa.CheckConstraint("cardinality(columns) > 0", name=op.f("ck_invoice_export_columns")),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_invoice_export_partner_id")),
        sa.ForeignKeyConstraint(
            ["file_id"], ["portal.file.id"], name=op.f("fk_invoice_export_file_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_export")),
        schema="portal",
        comment="An export belongs to whoever asked for it, and goes with its file",
    )
    op.create_index(op.f("ix_invoice_export_file_id"), "invoice_export", ["file_id"], schema="portal")
    op.create_index(
        "ix_invoice_export_created_by",
        "invoice_export",
        ["partner_id", "created_by", sa.text("created_at DESC")],
        schema="portal",
    )
    op.create_index(
        "ix_invoice_export_processing",
        "invoice_export",
        ["created_at"],
        schema="portal",
        postgresql_where=sa.text("status = 'processing'"),
    )


def downgrade() -> None:
    op.drop_table("invoice_export", schema="portal")
    op.drop_table("file", schema="portal")
