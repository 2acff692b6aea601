"""Calls of the API are counted; a partner may have quotas of its own."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_KINDS = ("list", "detail", "write", "export")


def upgrade() -> None:
    op.create_table(
        "call_count",
        sa.Column("subject", sa.Uuid(), nullable=False, comment="A partner, a tenant or a client of the platform"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False, comment="How long a call counts"),
        sa.Column(
            "slots",
            postgresql.ARRAY(sa.Integer()),
            nullable=False,
            comment="Calls by sixtieths of that time, the newest last",
        ),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "refused",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="Refusals without an hour between them",
        ),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('list', 'detail', 'write', 'export', 'across', 'tenant', 'platform')",
            name=op.f("ck_call_count_kind"),
        ),
        sa.PrimaryKeyConstraint("subject", "kind", name=op.f("pk_call_count")),
        schema="portal",
        prefixes=["UNLOGGED"],
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "partner_quota",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        *(sa.Column(f"{kind}_calls", sa.Integer(), nullable=True) for kind in _KINDS),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        *(
            sa.CheckConstraint(f"{kind}_calls BETWEEN 1 AND 1000000", name=op.f(f"ck_partner_quota_{kind}_calls"))
            for kind in _KINDS
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_partner_quota_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_partner_quota")),
        schema="portal",
        comment="What staff gave a partner instead of the standard; null: the standard",
    )


def downgrade() -> None:
    op.drop_table("partner_quota", schema="portal")
    op.drop_table("call_count", schema="portal")
