"""API clients: a partner's software, its secrets, and the tenants that it is limited to (PRODUCT §3)."""

from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, PrimaryKeyConstraint, Table, Text, Uuid

from guildhall.core.columns import created, digest, id_column, moment, one_of, to, updated, words
from guildhall.core.db import PORTAL

SCOPES = ("all", "include")


def life() -> tuple[Column[Any], ...]:
    """Return the columns of every kind of software: from where it comes, until when, and what became of it."""
    return (
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
    )


def secrets_of(client: str) -> Table:
    """Return the table of the secrets of a kind of software, whose own table is `client`."""
    return Table(
        f"{client}_secret",
        PORTAL,
        id_column(),
        to(f"portal.{client}", "client_id", index=True),
        digest("secret_hash"),
        Column("hint", Text, nullable=False, comment="The last four characters, to tell secrets apart"),
        Column("created_by", Text, nullable=False),
        moment("ends_at"),
        moment("last_used_at"),
        created(),
        Index(f"uq_{client}_secret_secret_hash", "secret_hash", unique=True),
    )


api_client = Table(
    "api_client",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id", index=True),
    Column("name", Text, nullable=False),
    Column("purpose", Text, nullable=False, server_default=""),
    to("portal.partner_user", "responsible_id", index=True),
    Column("responsible_name", Text, nullable=False, comment="As it was when the person took the client on"),
    words("scopes"),
    words("areas"),
    Column("tenant_scope", Text, nullable=False, server_default="all"),
    *life(),
    one_of("tenant_scope", SCOPES),
    CheckConstraint("cardinality(scopes) > 0", name="scopes"),
    comment="Software of a partner. What it may do: its scopes, as far as the responsible person holds them now",
)
api_client_tenant = Table(
    "api_client_tenant",
    PORTAL,
    to("portal.api_client", "client_id"),
    Column("tenant_id", Uuid, nullable=False),
    PrimaryKeyConstraint("client_id", "tenant_id"),
    comment="The tenants that a client with `tenant_scope` include is limited to",
)
api_client_secret = secrets_of("api_client")
