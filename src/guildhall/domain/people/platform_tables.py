"""Clients of the vendor's own platform, through which tenant data comes in, and their secrets (API.md, “Platform”)."""

from sqlalchemy import Column, Table, Text

from guildhall.core.columns import id_column
from guildhall.core.db import PORTAL
from guildhall.domain.people.client_tables import life, secrets_of

platform_client = Table(
    "platform_client",
    PORTAL,
    id_column(),
    Column("name", Text, nullable=False),
    Column("purpose", Text, nullable=False, server_default=""),
    *life(),
    comment="Software of the vendor: it writes tenant data and reads nothing",
)
platform_client_secret = secrets_of("platform_client")
