"""The trail: entries that the database lets nobody change, and the heads of their chains (BOUNDARY §5)."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from guildhall.core.columns import digest, id_column, moment, one_of
from guildhall.core.db import PORTAL

CHAIN_KINDS = ("partner", "tenant", "vendor")

audit_head = Table(
    "audit_head",
    PORTAL,
    Column("kind", Text, nullable=False),
    Column("chain_id", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    digest("hash"),
    PrimaryKeyConstraint("kind", "chain_id"),
    one_of("kind", CHAIN_KINDS),
)
audit_entry = Table(
    "audit_entry",
    PORTAL,
    Column("kind", Text, nullable=False),
    Column("chain_id", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("event_id", Uuid, nullable=False),
    moment("at", nullable=False),
    Column("body", Text, nullable=False, comment="RFC 8785 JSON, exactly as hashed"),
    digest("previous_hash"),
    digest("hash"),
    Column("actor_name", Text, nullable=False, comment="Outside the hash, so that an erasure can blank it"),
    Column("actor_salt", Text, nullable=False),
    Column("surface", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("partner_id", Uuid),
    Column("tenant_id", Uuid),
    Column("action", Text, nullable=False),
    Column("target_kind", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    PrimaryKeyConstraint("kind", "chain_id", "sequence"),
    UniqueConstraint("kind", "chain_id", "event_id"),
    one_of("kind", CHAIN_KINDS),
    Index("ix_audit_entry_at", "kind", "chain_id", text("at DESC")),
    Index("ix_audit_entry_event", "event_id"),
)
audit_view = Table(
    "audit_view",
    PORTAL,
    Column("user_id", Uuid, nullable=False),
    Column("tenant_id", Uuid, nullable=False),
    Column("area", Text, nullable=False),
    moment("hour", nullable=False),
    PrimaryKeyConstraint("user_id", "tenant_id", "area", "hour"),
    comment="First looks, so that the trail holds one entry per person, tenant, area and hour",
)
head_signature = Table(
    "audit_signature",
    PORTAL,
    id_column(),
    Column("kind", Text, nullable=False),
    Column("chain_id", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    digest("hash"),
    digest("signature"),
    moment("signed_at", nullable=False),
    Index("ix_audit_signature_chain", "kind", "chain_id", text("signed_at DESC")),
)
