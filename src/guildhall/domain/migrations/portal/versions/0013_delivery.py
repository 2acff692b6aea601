"""how people are told."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    # What was written before anybody could choose counts as told.
    op.add_column(
        "notice",
        sa.Column("told_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        schema="portal",
    )
    op.alter_column("notice", "told_at", server_default=None, schema="portal")
    op.create_index(
        "ix_notice_untold",
        "notice",
        ["created_at"],
        unique=False,
        schema="portal",
        postgresql_where=sa.text("told_at IS NULL"),
    )
    op.create_table(
        "delivery_choice",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("in_app", sa.Boolean(), nullable=False),
        sa.Column("email", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "topic", name=op.f("pk_delivery_choice")),
        schema="portal",
        comment="How a person wants to hear of a topic; where nothing was chosen, the way of the topic holds",
    )
    op.create_table(
        "digest",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="The last day with a digest, in the zone of the person"),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_digest")),
        schema="portal",
        comment="Up to which moment the daily letter of a person has told, with or without anything to tell",
    )


def downgrade() -> None:
    op.drop_table("digest", schema="portal")
    op.drop_table("delivery_choice", schema="portal")
    op.drop_index("ix_notice_untold", table_name="notice", schema="portal")
    op.drop_column("notice", "told_at", schema="portal")
