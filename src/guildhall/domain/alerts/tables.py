"""Alerts of partners: one open row for each cause (PRODUCT §8)."""

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Computed,
    DateTime,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    literal_column,
    text,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from guildhall.core.columns import created, document, id_column, moment, one_of, to, updated
from guildhall.core.db import PORTAL

KINDS = ("sla.ticket", "sla.uptime", "billing.threshold", "link.expiring", "usage.capacity")
SEVERITIES = ("info", "warning", "critical")  # in the order of their weight
_WEIGHED = "array_position(ARRAY['" + "', '".join(SEVERITIES) + "'], severity)"
STATUSES = ("active", "acknowledged", "resolved")
KEPT_DAYS = 180

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
    Column("version", Integer, nullable=False, server_default="1"),
    created(),
    updated(),
    one_of("kind", KINDS),
    one_of("severity", SEVERITIES),
    one_of("status", STATUSES),
    Index("uq_alert_open", "partner_id", "cause", unique=True, postgresql_where=text("status <> 'resolved'")),
    Index("ix_alert_partner", "partner_id", "status", text("raised_at DESC")),
    Index("ix_alert_kind_open", "kind", postgresql_where=text("status <> 'resolved'")),
    Index("ix_alert_untold", "raised_at", postgresql_where=text("told_at IS NULL")),
    comment="`raised_at` is when it began, or last got worse; `told_at` when people were told of that",
)


# In lists an open alert is resolved after all others.
ENDLESS = literal_column("'infinity'::timestamptz", DateTime(timezone=True))


def rank(columns: ReadOnlyColumnCollection[str, Any]) -> tuple[ColumnElement[Any], ...]:
    """Return the order of a list, descending in every part: open ones first, of them the worst, of these the newest."""
    return func.coalesce(columns.resolved_at, ENDLESS), columns.weight, columns.raised_at, columns.id


Index(
    "ix_alert_rank",  # a list walks it, and counts without reading a row of the table
    alert.c.partner_id,
    *rank(alert.c),
    postgresql_include=["tenant_id", "kind", "status", "snoozed_until"],
)
