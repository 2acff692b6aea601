"""applications to become a partner."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    _tiers()
    _applications()
    _beside()


def _tiers() -> None:
    op.create_table(
        "partner_tier",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False, comment="Empty: the built-in word of the code"),
        sa.Column("rank", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("code ~ '^[a-z][a-z0-9_]{0,30}$'", name=op.f("ck_partner_tier_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_partner_tier")),
        schema="portal",
        comment="Tiers of the programme; a closed one is given to nobody new",
    )
    op.execute("INSERT INTO portal.partner_tier (code, rank) VALUES ('silver', 1), ('gold', 2), ('platinum', 3)")
    op.drop_constraint("ck_partner_tier", "partner", schema="portal")
    op.create_foreign_key(
        op.f("fk_partner_tier"),
        "partner",
        "partner_tier",
        ["tier"],
        ["code"],
        source_schema="portal",
        referent_schema="portal",
    )
    op.add_column(
        "partner", sa.Column("commercial_model", sa.Text(), server_default="resale", nullable=False), schema="portal"
    )
    op.add_column(
        "partner",
        sa.Column(
            "customer_limit",
            sa.Integer(),
            nullable=True,
            comment="The most customers whose links stand at once; null: no limit",
        ),
        schema="portal",
    )
    for name, rule in (
        ("commercial_model", "commercial_model IN ('resale', 'referral', 'none')"),
        ("customer_limit", "customer_limit > 0"),
    ):
        op.create_check_constraint(op.f(f"ck_partner_{name}"), "partner", rule, schema="portal")
    op.drop_constraint("ck_notice_area", "notice", schema="portal")
    op.create_check_constraint(
        op.f("ck_notice_area"), "notice", "area IN ('', 'support', 'applications')", schema="portal"
    )


def _applications() -> None:
    op.create_table(
        "application",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("link_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), server_default="submitted", nullable=False),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("website", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_domain", sa.Text(), nullable=False),
        sa.Column("website_domain", sa.Text(), nullable=False),
        sa.Column("expected_customers", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="en", nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mx", sa.Text(), server_default="unknown", nullable=False),
        sa.Column(
            "listed",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="The allow-listed domain that let it in, if any",
        ),
        sa.Column("asked", sa.Text(), server_default="", nullable=False, comment="What staff asked the applicant last"),
        sa.Column("answer", sa.Text(), server_default="", nullable=False, comment="What the applicant wrote back last"),
        sa.Column("decline_reason", sa.Text(), nullable=True),
        sa.Column("decline_note", sa.Text(), server_default="", nullable=False, comment="The applicant reads it"),
        sa.Column("assigned_to", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("principal_id", sa.Uuid(), nullable=True),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('submitted', 'in_review', 'needs_info', 'approved', 'declined')",
            name=op.f("ck_application_status"),
        ),
        sa.CheckConstraint(
            "type IN ('reseller', 'mssp', 'enterprise_hq', 'technology_alliance', 'auditor')",
            name=op.f("ck_application_type"),
        ),
        sa.CheckConstraint("mx IN ('unknown', 'found', 'missing')", name=op.f("ck_application_mx")),
        sa.CheckConstraint(
            "decline_reason IN ('no_fit', 'region', 'duplicate', 'incomplete', 'unverified', 'other')",
            name=op.f("ck_application_decline_reason"),
        ),
        sa.CheckConstraint(
            "(status = 'declined') = (decline_reason IS NOT NULL)", name=op.f("ck_application_declined")
        ),
        sa.CheckConstraint("(status = 'approved') = (partner_id IS NOT NULL)", name=op.f("ck_application_approved")),
        sa.ForeignKeyConstraint(["assigned_to"], ["portal.staff_user.id"], name=op.f("fk_application_assigned_to")),
        sa.ForeignKeyConstraint(["partner_id"], ["portal.partner.id"], name=op.f("fk_application_partner_id")),
        sa.ForeignKeyConstraint(["principal_id"], ["portal.partner_user.id"], name=op.f("fk_application_principal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        schema="portal",
    )
    op.create_index("uq_application_link_hash", "application", ["link_hash"], unique=True, schema="portal")
    op.create_index("ix_application_status", "application", ["status", "state_since"], schema="portal")
    op.create_index("ix_application_email_domain", "application", ["email_domain"], schema="portal")
    op.create_index(op.f("ix_application_assigned_to"), "application", ["assigned_to"], schema="portal")


def _beside() -> None:
    op.create_table(
        "application_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["portal.application.id"], name=op.f("fk_application_note_application_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_note")),
        schema="portal",
        comment="Notes of staff among themselves; no applicant sees them",
    )
    op.create_index(op.f("ix_application_note_application_id"), "application_note", ["application_id"], schema="portal")
    op.create_table(
        "application_attempt",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        schema="portal",
        comment="Submissions of the last hours by keyed hash of sender's and of e-mail address",
    )
    op.create_index("ix_application_attempt_subject", "application_attempt", ["subject", "at"], schema="portal")
    op.create_table(
        "email_domain_allowed",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "domain = lower(domain) AND position('.' in domain) > 1", name=op.f("ck_email_domain_allowed_domain")
        ),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_email_domain_allowed")),
        schema="portal",
        comment="Domains that the policy of addresses lets in although they are public or disposable",
    )


def downgrade() -> None:
    for table in ("email_domain_allowed", "application_attempt", "application_note", "application"):
        op.drop_table(table, schema="portal")
    op.drop_constraint("fk_partner_tier", "partner", schema="portal")
    op.create_check_constraint("ck_partner_tier", "partner", "tier IN ('silver', 'gold', 'platinum')", schema="portal")
    op.drop_table("partner_tier", schema="portal")
    for column in ("commercial_model", "customer_limit"):
        op.drop_column("partner", column, schema="portal")
    op.drop_constraint("ck_notice_area", "notice", schema="portal")
    op.create_check_constraint("ck_notice_area", "notice", "area IN ('', 'support')", schema="portal")
