"""one-time links and recovery codes of partners and staff."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


KINDS = ("partner", "staff")
LINKS = "One-time links: join and first set password and factor, reset a password, recover both anew"
CODES = "Keyed hashes of recovery codes, which stand in for a second factor once each"


def upgrade() -> None:
    for kind in KINDS:
        _one_time(f"{kind}_one_time", f"portal.{kind}_user.id")
        _recovery_code(f"{kind}_recovery_code", f"portal.{kind}_user.id")
    op.create_table(
        "partner_recovery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by_name", sa.Text(), nullable=False),
        sa.Column("confirmed_by_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_by_name", sa.Text(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("confirmed_by_id <> asked_by_id", name=op.f("ck_partner_recovery_two_people")),
        sa.CheckConstraint(
            "(confirmed_by_id IS NULL) = (confirmed_at IS NULL)", name=op.f("ck_partner_recovery_confirmed")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["portal.partner_user.id"], name=op.f("fk_partner_recovery_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_recovery")),
        schema="portal",
        comment="Recovery of a partner's last principal: one of staff asks, another confirms",
    )
    op.create_index(op.f("ix_partner_recovery_user_id"), "partner_recovery", ["user_id"], schema="portal")
    op.create_index(
        "uq_partner_recovery_open",
        "partner_recovery",
        ["user_id"],
        unique=True,
        schema="portal",
        postgresql_where=sa.text("confirmed_at IS NULL AND withdrawn_at IS NULL"),
    )


def _one_time(name: str, person: str) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), server_default="join", nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("purpose IN ('join', 'first', 'reset', 'recover')", name=op.f(f"ck_{name}_purpose")),
        sa.ForeignKeyConstraint(["user_id"], [person], name=op.f(f"fk_{name}_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        schema="portal",
        comment=LINKS,
    )
    op.create_index(op.f(f"ix_{name}_user_id"), name, ["user_id"], schema="portal")
    op.create_index(f"uq_{name}_token_hash", name, ["token_hash"], unique=True, schema="portal")


def _recovery_code(name: str, person: str) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], [person], name=op.f(f"fk_{name}_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        schema="portal",
        comment=CODES,
    )
    op.create_index(f"uq_{name}_code", name, ["user_id", "code_hash"], unique=True, schema="portal")


def downgrade() -> None:
    op.drop_table("partner_recovery", schema="portal")
    for kind in KINDS:
        op.drop_table(f"{kind}_recovery_code", schema="portal")
        op.drop_table(f"{kind}_one_time", schema="portal")
