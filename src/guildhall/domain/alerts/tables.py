"""Alerts of partners: one open row for each cause (PRODUCT §8)."""

from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    Computed,
    DateTime,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from guildhall.core.columns import created, document, id_column, moment, one_of, to, updated
from guildhall.core.db import PORTAL

KINDS = ("sla.ticket", "sla.uptime", "billing.threshold", "link.expiring", "usage.capacity")
SEVERITIES = ("info", "warning", "critical")  # in the order of their weight
_WEIGHED = "array_position(ARRAY['" + "', '".join(SEVERITIES) + "'], severity)"
STATUSES = ("active", "acknowledged", "resolved")
KEPT_DAYS = 180
ENDLESS = datetime(9999, 1, 1, tzinfo=UTC)  # when an open alert is settled, so that it stands before all others
_SETTLED = f"coalesce(resolved_at, timestamptz '{ENDLESS}')"

alert = Table(
    "alert",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id"),
    Column("tenant_id", Uuid, nullable=False),
    Column("link_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("cause", Text, nullable=False, comment="The fingerprint: what is wrong, not how it is told"),
    Column("severity", Text, nullable=False),
    Column("weight", SmallInteger, Computed(_WEIGHED, persisted=True)),
    Column("status", Text, nullable=False, server_default="active"),
    document("values"),
    Column("raised_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    moment("told_at"),
    moment("snoozed_until"),
    moment("acknowledged_at"),
    Column("acknowledged_by", Text),
    moment("resolved_at"),
    Column("settled_at", DateTime(timezone=True), Computed(_SETTLED, persisted=True)),
    Column("version", Integer, nullable=False, server_default="1"),
    created(),
    updated(),
    one_of("kind", KINDS),
    one_of("severity", SEVERITIES),
    one_of("status", STATUSES),
    # The cause first: a list of the partner's open alerts is not to be read from here, all of them, and then sorted.
    Index("uq_alert_open", "cause", "partner_id", unique=True, postgresql_where=text("status <> 'resolved'")),
    Index(
        "ix_alert_rank",  # a list walks it backwards, and counts without reading a row of the table
        *("partner_id", "settled_at", "weight", "raised_at", "id"),
        postgresql_include=["tenant_id", "kind", "status", "snoozed_until"],
    ),
    Index("ix_alert_kind_open", "kind", postgresql_where=text("status <> 'resolved'")),
    Index("ix_alert_untold", "raised_at", postgresql_where=text("told_at IS NULL")),
    comment="`raised_at` is when it began, or last got worse; `told_at` when people were told of that;"
    " `settled_at` is `resolved_at`, far off while it is open",
)
