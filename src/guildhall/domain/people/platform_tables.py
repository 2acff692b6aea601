"""Clients of the vendor's own platform, through which tenant data comes in, and their secrets (API.md, “Platform”)."""

from sqlalchemy import Column, Index, Table, Text

from guildhall.core.columns import created, digest, id_column, moment, to, updated, words
from guildhall.core.db import PORTAL

platform_client = Table(
    "platform_client",
    PORTAL,
    id_column(),
    Column("name", Text, nullable=False),
    Column("purpose", Text, nullable=False, server_default=""),
    words("networks"),
    moment("expires_at", nullable=False),
    moment("revoked_at"),
    Column("revoked_by", Text, nullable=False, server_default=""),
    Column("revoked_because", Text, nullable=False, server_default=""),
    moment("last_used_at"),
    Column("last_used_from", Text, nullable=False, server_default=""),
    Column("created_by", Text, nullable=False),
    created(),
    updated(),
    comment="Software of the vendor: it writes tenant data and reads nothing",
)
platform_client_secret = Table(
    "platform_client_secret",
    PORTAL,
    id_column(),
    to("portal.platform_client", "client_id", index=True),
    digest("secret_hash"),
    Column("hint", Text, nullable=False, comment="The last four characters, to tell secrets apart"),
    Column("created_by", Text, nullable=False),
    moment("ends_at"),
    moment("last_used_at"),
    created(),
    Index("uq_platform_client_secret_secret_hash", "secret_hash", unique=True),
)
