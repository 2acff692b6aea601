"""Applications to become a partner, what staff note about them, and what the policy of addresses lets in."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid, text

from guildhall.core.columns import created, digest, id_column, moment, one_of, to, updated
from guildhall.core.db import PORTAL
from guildhall.domain.partners.application_states import DECLINE_REASONS, STATES
from guildhall.domain.partners.tables import TYPES

MX = ("unknown", "found", "missing")

application = Table(
    "application",
    PORTAL,
    id_column(),
    digest("link_hash"),
    Column("status", Text, nullable=False, server_default="submitted"),
    Column("legal_name", Text, nullable=False),
    Column("website", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("contact_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_domain", Text, nullable=False),
    Column("website_domain", Text, nullable=False),
    Column("expected_customers", Integer, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("language", Text, nullable=False, server_default="en"),
    moment("consented_at", nullable=False),
    Column("mx", Text, nullable=False, server_default="unknown"),
    Column("listed", Text, nullable=False, server_default="", comment="The allow-listed domain that let it in, if any"),
    Column("asked", Text, nullable=False, server_default="", comment="What staff asked the applicant last"),
    Column("answer", Text, nullable=False, server_default="", comment="What the applicant wrote back last"),
    Column(
        "email_before", Text, nullable=False, server_default="", comment="The address that the last answer replaced"
    ),
    Column("decline_reason", Text),
    Column("decline_note", Text, nullable=False, server_default="", comment="The applicant reads it"),
    to("portal.staff_user", "assigned_to", nullable=True, index=True),
    to("portal.partner", "partner_id", nullable=True),
    to("portal.partner_user", "principal_id", nullable=True),
    moment("state_since", nullable=False),
    moment("decided_at"),
    Column("decided_by", Text, nullable=False, server_default=""),
    moment("erased_at"),
    created(),
    updated(),
    one_of("status", STATES),
    one_of("type", TYPES),
    one_of("mx", MX),
    one_of("decline_reason", DECLINE_REASONS),
    CheckConstraint("(status = 'declined') = (decline_reason IS NOT NULL)", name="declined"),
    CheckConstraint("(status = 'approved') = (partner_id IS NOT NULL)", name="approved"),
    Index("uq_application_link_hash", "link_hash", unique=True),
    Index("ix_application_status", "status", "state_since"),
    Index("ix_application_email_domain", "email_domain"),
)
application_note = Table(
    "application_note",
    PORTAL,
    id_column(),
    to("portal.application", "application_id", index=True),
    Column("author_id", Uuid, nullable=False),
    Column("author_name", Text, nullable=False),
    Column("text", Text, nullable=False),
    created(),
    comment="Notes of staff among themselves; no applicant sees them",
)
application_attempt = Table(
    "application_attempt",
    PORTAL,
    digest("subject"),
    moment("at", nullable=False),
    Index("ix_application_attempt_subject", "subject", "at"),
    comment="Submissions of the last hours by keyed hash of sender's and of e-mail address",
)
email_domain_allowed = Table(
    "email_domain_allowed",
    PORTAL,
    Column("domain", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("added_by", Text, nullable=False),
    created(),
    PrimaryKeyConstraint("domain"),
    CheckConstraint("domain = lower(domain) AND position('.' in domain) > 1", name="domain"),
    comment="Domains that the policy of addresses lets in although they are public or disposable",
)
partner_tier = Table(
    "partner_tier",
    PORTAL,
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False, server_default="", comment="Empty: the built-in word of the code"),
    Column("rank", Integer, nullable=False, server_default=text("0")),
    Column("description", Text, nullable=False, server_default=""),
    moment("closed_at"),
    PrimaryKeyConstraint("code"),
    CheckConstraint("code ~ '^[a-z][a-z0-9_]{0,30}$'", name="code"),
    comment="Tiers of the programme; a closed one is given to nobody new",
)
