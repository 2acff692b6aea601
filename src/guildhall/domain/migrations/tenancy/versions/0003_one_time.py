"""one-time links and recovery codes of customers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


OLD, NEW = "customer_invite", "customer_one_time"
BEFORE = "One-time links with which a customer's people set password and second factor"
LINKS = "One-time links: join and first set password and factor, reset a password, recover both anew"
CODES = "Keyed hashes of recovery codes, which stand in for a second factor once each"


def upgrade() -> None:
    _rename(OLD, NEW)
    op.add_column(NEW, sa.Column("purpose", sa.Text(), server_default="join", nullable=False), schema="tenancy")
    purposes = "purpose IN ('join', 'first', 'reset', 'recover')"
    op.create_check_constraint(op.f(f"ck_{NEW}_purpose"), NEW, purposes, schema="tenancy")
    op.create_index(op.f(f"ix_{NEW}_user_id"), NEW, ["user_id"], schema="tenancy")
    op.create_table_comment(NEW, LINKS, existing_comment=BEFORE, schema="tenancy")
    name = "customer_recovery_code"
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["tenancy.customer_user.id"], name=op.f(f"fk_{name}_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        schema="tenancy",
        comment=CODES,
    )
    op.create_index(f"uq_{name}_code", name, ["user_id", "code_hash"], unique=True, schema="tenancy")


def _rename(old: str, new: str) -> None:
    """Give the table another name, and everything that is named after it."""
    op.rename_table(old, new, schema="tenancy")
    for name in ("pk_{}", "fk_{}_tenant_id", "fk_{}_user_id"):
        change = f"RENAME CONSTRAINT {name.format(old)} TO {name.format(new)}"
        op.execute(f"ALTER TABLE tenancy.{new} {change}")
    for name in ("ix_{}_tenant_id", "uq_{}_token_hash"):
        op.execute(f"ALTER INDEX tenancy.{name.format(old)} RENAME TO {name.format(new)}")


def downgrade() -> None:
    op.drop_table("customer_recovery_code", schema="tenancy")
    op.create_table_comment(NEW, BEFORE, existing_comment=LINKS, schema="tenancy")
    op.drop_index(op.f(f"ix_{NEW}_user_id"), NEW, schema="tenancy")
    op.drop_constraint(op.f(f"ck_{NEW}_purpose"), NEW, schema="tenancy")
    op.drop_column(NEW, "purpose", schema="tenancy")
    _rename(NEW, OLD)
