"""The letters of an installation, sealed: many carry a one-time link."""

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text, text

from guildhall.core.columns import created, digest, id_column, moment, one_of
from guildhall.core.db import PORTAL

# What staff may read of a letter without opening it.
SHOWN = (
    "id",
    "kind",
    "recipient",
    "status",
    "attempts",
    "error",
    "queued_at",
    "sent_at",
    "erased_at",
    "created_at",
)
STATUSES = ("queued", "sent", "kept", "failed")

mail = Table(
    "mail",
    PORTAL,
    id_column(),
    Column("kind", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    digest("sealed", nullable=True),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text, nullable=False, server_default=""),
    Column("queued_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    moment("sent_at"),
    moment("erased_at"),
    created(),
    one_of("status", STATUSES),
    Index("ix_mail_created_at", "created_at"),
    comment="What was written to people; `kept` is a letter of an installation that has no SMTP server",
)
