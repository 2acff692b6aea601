"""passkeys, e-mail links, the policy of methods."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

SCHEMA = "portal"
KINDS = ("partner", "staff")
PASSKEYS = "Passkeys (WebAuthn); `synced` ones are kept by their owner's password manager"
LINKS = "Sign-in links by mail; one without a person was asked for an address that nobody has"
NARROWER = "The ways in that this partner allows of the installation's; all of them where it is empty"


def upgrade() -> None:
    for kind in KINDS:
        _passkey(f"{kind}_passkey", f"{SCHEMA}.{kind}_user.id")
        _email_link(f"{kind}_email_link", f"{SCHEMA}.{kind}_user.id")
    op.create_table(
        "used_challenge",
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("challenge", name=op.f("pk_used_challenge")),
        schema=SCHEMA,
        comment="Challenges of passkeys that were shown once and count no more",
    )
    op.add_column(
        "partner",
        sa.Column("sign_in_methods", postgresql.ARRAY(sa.Text()), nullable=True, comment=NARROWER),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_sign_in_backoff_updated_at"), "sign_in_backoff", ["updated_at"], unique=False, schema=SCHEMA
    )


def _passkey(name: str, person: str) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("synced", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], [person], name=op.f(f"fk_{name}_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        schema=SCHEMA,
        comment=PASSKEYS,
    )
    op.create_index(op.f(f"ix_{name}_user_id"), name, ["user_id"], schema=SCHEMA)
    op.create_index(f"uq_{name}_credential_id", name, ["credential_id"], unique=True, schema=SCHEMA)


def _email_link(name: str, person: str) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], [person], name=op.f(f"fk_{name}_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        schema=SCHEMA,
        comment=LINKS,
    )
    op.create_index(op.f(f"ix_{name}_user_id"), name, ["user_id"], schema=SCHEMA)
    op.create_index(f"ix_{name}_browser_hash", name, ["browser_hash"], schema=SCHEMA)
    op.create_index(f"uq_{name}_token_hash", name, ["token_hash"], unique=True, schema=SCHEMA)


def downgrade() -> None:
    op.drop_index(op.f("ix_sign_in_backoff_updated_at"), "sign_in_backoff", schema=SCHEMA)
    op.drop_column("partner", "sign_in_methods", schema=SCHEMA)
    op.drop_table("used_challenge", schema=SCHEMA)
    for kind in KINDS:
        op.drop_table(f"{kind}_email_link", schema=SCHEMA)
        op.drop_table(f"{kind}_passkey", schema=SCHEMA)
