"""saved views of tickets, and notices for one person alone."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "ticket_view",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "filters",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["portal.partner_user.id"], name=op.f("fk_ticket_view_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_view")),
        schema="portal",
        comment="What one person alone calls some filters of the list and the board of tickets",
    )
    op.create_index(
        "uq_ticket_view_user_id_name", "ticket_view", ["user_id", sa.text("lower(name)")], unique=True, schema="portal"
    )
    op.create_index(
        "uq_ticket_view_default",
        "ticket_view",
        ["user_id"],
        unique=True,
        schema="portal",
        postgresql_where=sa.text("is_default"),
    )
    op.add_column(
        "notice",
        sa.Column(
            "person_id",
            sa.Uuid(),
            nullable=True,
            comment="Whom of the side alone it is for; null: everybody who may see its area",
        ),
        schema="portal",
    )


def downgrade() -> None:
    op.drop_column("notice", "person_id", schema="portal")
    op.drop_table("ticket_view", schema="portal")
