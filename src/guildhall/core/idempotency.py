"""Answers kept for `Idempotency-Key` (API.md, “Idempotency”)."""

from sqlalchemy import Column, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, Uuid

from guildhall.core.columns import created, digest, document, moment
from guildhall.core.db import PORTAL

idempotency_key = Table(
    "idempotency_key",
    PORTAL,
    Column("partner_id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("route", Text, nullable=False),
    Column("key", Text, nullable=False),
    digest("request_hash"),
    Column("status", Integer),
    document("headers"),
    Column("body", LargeBinary),
    moment("expires_at", nullable=False),
    created(),
    PrimaryKeyConstraint("client_id", "route", "key"),
)
