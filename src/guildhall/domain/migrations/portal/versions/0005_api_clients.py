"""API clients and their secrets."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    words = postgresql.ARRAY(sa.Text())
    op.create_table(
        "api_client",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), server_default="", nullable=False),
        sa.Column("responsible_id", sa.Uuid(), nullable=False),
        sa.Column(
            "responsible_name", sa.Text(), nullable=False, comment="As it was when the person took the client on"
        ),
        sa.Column("scopes", words, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("areas", words, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("tenant_scope", sa.Text(), server_default="all", nullable=False),
        sa.Column("networks", words, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Text(), server_default="", nullable=False),
        sa.Column("revoked_because", sa.Text(), server_default="", nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_from", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("tenant_scope IN ('all', 'include')", name=op.f("ck_api_client_tenant_scope")),
        sa.CheckConstraint("cardinality(scopes) > 0", name=op.f("ck_api_client_scopes")),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_api_client_partner_id")),
        sa.ForeignKeyConstraint(
            ["responsible_id"], ["portal.partner_user.id"], name=op.f("fk_api_client_responsible_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_client")),
        schema="portal",
        comment="Software of a partner. What it may do: its scopes, as far as the responsible person holds them now",
    )
    op.create_index(op.f("ix_api_client_partner_id"), "api_client", ["partner_id"], schema="portal")
    op.create_index(op.f("ix_api_client_responsible_id"), "api_client", ["responsible_id"], schema="portal")
    op.create_table(
        "api_client_tenant",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["portal.api_client.id"], name=op.f("fk_api_client_tenant_client_id")),
        sa.PrimaryKeyConstraint("client_id", "tenant_id", name=op.f("pk_api_client_tenant")),
        schema="portal",
        comment="The tenants that a client with `tenant_scope` include is limited to",
    )
    op.create_table(
        "api_client_secret",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False, comment="The last four characters, to tell secrets apart"),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["portal.api_client.id"], name=op.f("fk_api_client_secret_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_client_secret")),
        schema="portal",
    )
    op.create_index(op.f("ix_api_client_secret_client_id"), "api_client_secret", ["client_id"], schema="portal")
    op.create_index(
        "uq_api_client_secret_secret_hash", "api_client_secret", ["secret_hash"], unique=True, schema="portal"
    )
    # A notice can be about the partner's clients too.
    op.drop_constraint(op.f("ck_notice_area"), "notice", schema="portal")
    op.create_check_constraint(
        op.f("ck_notice_area"), "notice", "area IN ('', 'support', 'applications', 'clients')", schema="portal"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_notice_area"), "notice", schema="portal")
    op.create_check_constraint(
        op.f("ck_notice_area"), "notice", "area IN ('', 'support', 'applications')", schema="portal"
    )
    op.drop_table("api_client_secret", schema="portal")
    op.drop_table("api_client_tenant", schema="portal")
    op.drop_table("api_client", schema="portal")
