"""Endpoints, their secrets, and the log: each event once, a delivery per endpoint, its attempts.

Whose they are is `partner_id`; null: the vendor's platform.
"""

from typing import Literal, get_args

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from guildhall.core.columns import created, digest, id_column, moment, one_of, to, updated, words
from guildhall.core.db import PORTAL

DeliveryStatus = Literal["waiting", "delivered", "failed", "dropped"]
DISABLED_FOR = ("", "partner", "staff", "gone", "failing")
STATUSES: tuple[DeliveryStatus, ...] = get_args(DeliveryStatus)

webhook_endpoint = Table(
    "webhook_endpoint",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id", nullable=True, index=True),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    words("events"),
    Column("status", Text, nullable=False, server_default="active"),
    Column("disabled_for", Text, nullable=False, server_default="", comment="Who or what switched it off"),
    Column("disabled_because", Text, nullable=False, server_default="", comment="What staff said of it"),
    moment("disabled_at"),
    moment("failing_since"),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_by", Text, nullable=False),
    created(),
    updated(),
    one_of("status", ("active", "disabled")),
    one_of("disabled_for", DISABLED_FOR),
    CheckConstraint("(status = 'disabled') = (disabled_for <> '')", name="disabled"),
    CheckConstraint("cardinality(events) > 0", name="events"),
    comment="Where software listens; `events` are names, or patterns with `*`",
)
webhook_secret = Table(
    "webhook_secret",
    PORTAL,
    id_column(),
    to("portal.webhook_endpoint", "endpoint_id", index=True),
    to("portal.partner", "partner_id", nullable=True),
    digest("sealed"),
    Column("hint", Text, nullable=False, comment="The last four characters, to tell secrets apart"),
    Column("created_by", Text, nullable=False),
    moment("ends_at"),
    created(),
    comment="What deliveries are signed with; the value is sealed and opened by the worker alone",
)
webhook_event = Table(
    "webhook_event",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id", nullable=True),
    Column("kind", Text, nullable=False),
    Column("tenant_id", Uuid, comment="Soft reference; null where it is about no tenant, or one not known yet"),
    Column("data", JSONB, nullable=False),
    created(),
    Index("ix_webhook_event_created_at", "created_at"),
)
webhook_delivery = Table(
    "webhook_delivery",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id", nullable=True),
    to("portal.webhook_endpoint", "endpoint_id"),
    to("portal.webhook_event", "event_id"),
    Column("status", Text, nullable=False, server_default="waiting"),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="Since it was last queued by hand"),
    Column("response_status", Integer),
    Column("error", Text, nullable=False, server_default=""),
    moment("next_at"),
    moment("first_at"),
    moment("last_at"),
    created(),
    one_of("status", STATUSES),
    CheckConstraint("(status = 'waiting') = (next_at IS NOT NULL)", name="next"),
    Index("uq_webhook_delivery_event_id_endpoint_id", "event_id", "endpoint_id", unique=True),
    Index("ix_webhook_delivery_endpoint_id_created_at", "endpoint_id", "created_at"),
    # What is not well is little beside what was delivered, and is counted for each endpoint.
    Index(
        "ix_webhook_delivery_unwell",
        "endpoint_id",
        "status",
        postgresql_where=text("status IN ('waiting', 'failed')"),
    ),
    Index("ix_webhook_delivery_next_at", "next_at", postgresql_where=text("status = 'waiting'")),
)
webhook_attempt = Table(
    "webhook_attempt",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id", nullable=True),
    to("portal.webhook_delivery", "delivery_id", index=True),
    moment("at", nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("response_status", Integer),
    Column("response", Text, nullable=False, server_default="", comment="The first 2 KB of the answer's body"),
    Column("error", Text, nullable=False, server_default=""),
)
