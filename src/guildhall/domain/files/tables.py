"""What is known of a file beside its octets, which lie in the store under its id."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table, Text, Uuid, text

from guildhall.core.columns import created, digest, id_column, moment, one_of, to
from guildhall.core.db import PORTAL

STATES = ("writing", "ready")

file = Table(
    "file",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id", nullable=True, index=True),
    Column("tenant_id", Uuid),
    Column("created_by", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="writing"),
    Column("size_bytes", BigInteger),
    digest("sha256", nullable=True),
    moment("expires_at"),
    created(),
    one_of("state", STATES),
    CheckConstraint("partner_id IS NOT NULL OR tenant_id IS NOT NULL", name="owner"),
    CheckConstraint("state = 'writing' OR (size_bytes IS NOT NULL AND sha256 IS NOT NULL)", name="ready"),
    Index("ix_file_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
    Index(
        "ix_file_tenant_id",  # all that is asked before more of a tenant's are kept
        "tenant_id",
        postgresql_where=text("tenant_id IS NOT NULL"),
        postgresql_include=["size_bytes", "expires_at"],
    ),
    comment="What is known of a file beside its octets, which lie in the store under its id",
)
