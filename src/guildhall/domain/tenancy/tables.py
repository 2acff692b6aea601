"""Tenant data (PRODUCT §6). Schema `tenancy`: own history, no foreign key to the portal.

`external_id` is the platform's own name of a row: imports and feeds are idempotent by it, per tenant.
Rollups are kept by triggers in the transaction that changes their source (boundary/rollups.sql).
"""

from typing import Literal, get_args

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from guildhall.core.columns import created, digest, document, id_column, moment, one_of, to, updated, words
from guildhall.core.db import TENANCY

TenantStatus = Literal["active", "trial", "suspended"]
SubscriberStatus = Literal["active", "suspended", "cancelled"]
TicketStatus = Literal["open", "pending", "resolved", "closed"]
Author = Literal["partner_user", "api_client", "customer_user", "staff_user", "platform"]
Priority = Literal["low", "normal", "high", "urgent"]
TENANT_STATUSES: tuple[TenantStatus, ...] = get_args(TenantStatus)
SUBSCRIBER_STATUSES: tuple[SubscriberStatus, ...] = get_args(SubscriberStatus)
INVOICE_STATUSES = ("draft", "finalized", "paid", "overdue", "cancelled")
TICKET_STATUSES: tuple[TicketStatus, ...] = get_args(TicketStatus)
AUTHORS: tuple[Author, ...] = get_args(Author)
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
MONEY = Numeric(18, 4)
_PRESSING = "CASE WHEN status IN ('open', 'pending') THEN sla_breach_at END"

tenant = Table(
    "tenant",
    TENANCY,
    id_column(),
    Column("external_id", Text, unique=True),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("domain", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False, server_default="active"),
    Column("plan_type", Text, nullable=False, server_default=""),
    Column("contact_name", Text, nullable=False, server_default=""),
    Column("contact_email", Text, nullable=False, server_default=""),
    Column("contact_phone", Text, nullable=False, server_default=""),
    document("address"),
    Column("region", Text, nullable=False, server_default=""),
    Column("currency", Text, nullable=False, server_default="USD"),
    Column("users_max", Integer),
    created(),
    updated(),
    one_of("status", TENANT_STATUSES),
    CheckConstraint("domain = lower(domain)", name="domain"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    Index("ix_tenant_name", text("lower(name)"), "id"),
)
link_code = Table(
    "link_code",
    TENANCY,
    id_column(),
    to("tenancy.tenant", "tenant_id", index=True),
    digest("code_hash"),
    Column("created_by", Uuid, nullable=False),
    moment("expires_at", nullable=False),
    moment("withdrawn_at"),
    created(),
    Index("uq_link_code_code_hash", "code_hash", unique=True),
    comment="Codes that a tenant shows to a partner so that it can ask for a link",
)
subscriber = Table(
    "subscriber",
    TENANCY,
    id_column(),
    to("tenancy.tenant", "tenant_id"),
    Column("external_id", Text),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False, server_default=""),
    Column("status", Text, nullable=False, server_default="active"),
    Column("plan", Text, nullable=False, server_default=""),
    created(),
    updated(),
    one_of("status", SUBSCRIBER_STATUSES),
    UniqueConstraint("tenant_id", "external_id"),
    Index("ix_subscriber_tenant_id_name", "tenant_id", "name"),
)
invoice = Table(
    "invoice",
    TENANCY,
    id_column(),
    to("tenancy.tenant", "tenant_id"),
    to("tenancy.subscriber", "subscriber_id", nullable=True, index=True),
    Column("external_id", Text),
    Column("number", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("amount_paid", MONEY, nullable=False, server_default="0"),
    Column("issued_on", Date, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("paid_on", Date),
    created(),
    updated(),
    one_of("status", INVOICE_STATUSES),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("due_on >= issued_on", name="due"),
    UniqueConstraint("tenant_id", "external_id"),
    UniqueConstraint("tenant_id", "number"),
    Index(
        "ix_invoice_tenant_id_issued_on",
        "tenant_id",
        text("issued_on DESC"),
        text("id DESC"),
        # All that sums and row security read (decision 0037).
        postgresql_include=["subscriber_id", "status", "currency", "amount", "amount_paid", "due_on"],
    ),
    Index("ix_invoice_issued_on", text("issued_on DESC"), text("id DESC")),
    Index("ix_invoice_owed", "tenant_id", "due_on", postgresql_where=text("status IN ('finalized', 'overdue')")),
)
invoice_line = Table(
    "invoice_line",
    TENANCY,
    id_column(),
    to("tenancy.tenant", "tenant_id"),
    to("tenancy.invoice", "invoice_id", index=True),
    Column("position", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("quantity", MONEY, nullable=False),
    Column("unit_price", MONEY, nullable=False),
    Column("amount", MONEY, nullable=False),
    UniqueConstraint("invoice_id", "position"),
)
payment = Table(
    "payment",
    TENANCY,
    id_column(),
    to("tenancy.tenant", "tenant_id"),
    to("tenancy.invoice", "invoice_id", index=True),
    Column("external_id", Text),
    Column("currency", Text, nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("paid_on", Date, nullable=False),
    created(),
    UniqueConstraint("tenant_id", "external_id"),
    Index("ix_payment_tenant_id_paid_on", "tenant_id", text("paid_on DESC")),
)


ticket = Table(
    "ticket",
    TENANCY,
    id_column(),
    to("tenancy.tenant", "tenant_id"),
    to("tenancy.subscriber", "subscriber_id", nullable=True, index=True),
    Column("external_id", Text),
    Column("number", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("status", Text, nullable=False, server_default="open"),
    Column("priority", Text, nullable=False, server_default="normal"),
    Column("category", Text, nullable=False, server_default="other"),
    words("tags"),
    Column("notify_customer", Boolean, nullable=False, server_default=text("true")),
    Column("created_by_kind", Text, nullable=False),
    Column("created_by_id", Uuid),
    Column("created_by_name", Text, nullable=False),
    Column("created_by_partner_id", Uuid),
    Column("created_by_partner_name", Text),
    Column("assigned_to_id", Uuid),
    Column("assigned_to_name", Text),
    moment("sla_breach_at"),
    moment("sla_breached_at"),
    Column("clock_from", DateTime(timezone=True), comment="When the clock started anew; null for since the opening"),
    # When the clock of a running ticket runs out: the order of the board, which its index holds.
    Column("pressing_at", DateTime(timezone=True), Computed(_PRESSING, persisted=True)),
    moment("resolved_at"),
    moment("last_response_at"),
    Column("response_count", Integer, nullable=False, server_default="0"),
    Column("version", Integer, nullable=False, server_default="1"),
    created(),
    updated(),
    one_of("status", TICKET_STATUSES),
    one_of("priority", PRIORITIES),
    one_of("created_by_kind", AUTHORS),
    UniqueConstraint("tenant_id", "external_id"),
    UniqueConstraint("tenant_id", "number"),
    Index("ix_ticket_tenant_id_created_at", "tenant_id", text("created_at DESC"), text("id DESC")),
    Index("ix_ticket_created_at", text("created_at DESC"), text("id DESC")),
    Index("ix_ticket_board", "status", "pressing_at", text("created_at DESC"), text("id DESC")),
    Index(
        "ix_ticket_sla_breached",
        "tenant_id",
        "sla_breached_at",
        postgresql_where=text("sla_breached_at IS NOT NULL"),
    ),
    Index(
        "ix_ticket_running",
        "tenant_id",
        postgresql_where=text("status IN ('open', 'pending')"),
        postgresql_include=["priority", "sla_breach_at", "sla_breached_at", "created_at", "subscriber_id"],
    ),
    Index(
        "ix_ticket_sla_due",
        "sla_breach_at",
        postgresql_where=text("status IN ('open', 'pending') AND sla_breached_at IS NULL"),
    ),
)
ticket_comment = Table(
    "ticket_comment",
    TENANCY,
    id_column(),
    to("tenancy.tenant", "tenant_id"),
    to("tenancy.ticket", "ticket_id"),
    Column("content", Text, nullable=False),
    Column("is_internal", Boolean, nullable=False, server_default=text("false")),
    Column("notify_customer", Boolean, nullable=False, server_default=text("true")),
    Column("author_kind", Text, nullable=False),
    Column("author_id", Uuid),
    Column("author_name", Text, nullable=False),
    Column("author_partner_id", Uuid),
    Column("author_partner_name", Text),
    created(),
    one_of("author_kind", AUTHORS),
    Index("ix_ticket_comment_ticket_id", "ticket_id", "created_at"),
)
usage_daily = Table(
    "usage_daily",
    TENANCY,
    to("tenancy.tenant", "tenant_id"),
    Column("metric", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("quantity", MONEY, nullable=False),
    PrimaryKeyConstraint("tenant_id", "metric", "day"),
)
outage = Table(
    "outage",
    TENANCY,
    id_column(),
    to("tenancy.tenant", "tenant_id"),
    Column("external_id", Text),
    moment("started_at", nullable=False),
    moment("ended_at"),
    Column("cause", Text, nullable=False, server_default=""),
    CheckConstraint("ended_at IS NULL OR ended_at >= started_at", name="order"),
    UniqueConstraint("tenant_id", "external_id"),
    Index("ix_outage_tenant_id_started_at", "tenant_id", "started_at", postgresql_include=["ended_at"]),
    Index("ix_outage_ended_at", "ended_at", postgresql_include=["tenant_id", "started_at"]),
)
_DOWNTIME = (
    Column("down_seconds", Double, nullable=False),
    Column("began", Integer, nullable=False, server_default="0", comment="Outages that began on the day"),
    Column("carried", Boolean, nullable=False, server_default=text("false"), comment="One came from the day before"),
    Column("repaired", Integer, nullable=False, server_default="0", comment="Outages that ended on the day"),
    Column("repair_seconds", Double, nullable=False, server_default="0", comment="How long these had lasted"),
)
uptime_daily = Table(
    "uptime_daily",
    TENANCY,
    to("tenancy.tenant", "tenant_id"),
    Column("day", Date, nullable=False),
    *_DOWNTIME,
    PrimaryKeyConstraint("tenant_id", "day", postgresql_include=[column.name for column in _DOWNTIME]),
    CheckConstraint("down_seconds BETWEEN 0 AND 86400", name="down_seconds"),
    comment="Days (UTC) with downtime, of outages that ended: those that overlap or touch are one. Kept by a trigger",
)
posture_snapshot = Table(
    "posture_snapshot",
    TENANCY,
    id_column(),
    to("tenancy.tenant", "tenant_id"),
    moment("taken_at", nullable=False),
    Column("score", Integer, nullable=False),
    Column("critical", Integer, nullable=False, server_default="0"),
    Column("high", Integer, nullable=False, server_default="0"),
    Column("medium", Integer, nullable=False, server_default="0"),
    Column("low", Integer, nullable=False, server_default="0"),
    Column("findings", JSONB, nullable=False, server_default=text("'[]'")),
    CheckConstraint("score BETWEEN 0 AND 100", name="score"),
    UniqueConstraint("tenant_id", "taken_at"),
)

billing_rollup = Table(
    "billing_rollup",
    TENANCY,
    to("tenancy.tenant", "tenant_id"),
    Column("currency", Text, nullable=False),
    Column("outstanding", MONEY, nullable=False, server_default="0"),
    Column("overdue", MONEY, nullable=False, server_default="0"),
    Column("open_count", Integer, nullable=False, server_default="0"),
    Column("last_issued_on", Date),
    Column("listed", Integer, nullable=False, server_default="0"),
    Column("billed", MONEY, nullable=False, server_default="0"),
    Column("paid", MONEY, nullable=False, server_default="0"),
    PrimaryKeyConstraint("tenant_id", "currency"),
    Index(
        "ix_billing_rollup_owed",
        "tenant_id",
        postgresql_where=text("outstanding <> 0 OR overdue <> 0"),
        postgresql_include=["currency", "outstanding", "overdue"],
    ),
)
support_rollup = Table(
    "support_rollup",
    TENANCY,
    to("tenancy.tenant", "tenant_id"),
    Column("open", Integer, nullable=False, server_default="0"),
    Column("pending", Integer, nullable=False, server_default="0"),
    Column("resolved", Integer, nullable=False, server_default="0"),
    Column("closed", Integer, nullable=False, server_default="0"),
    Column("last_number", BigInteger, nullable=False, server_default="0"),
    Column("urgent", Integer, nullable=False, server_default="0"),
    Column("high", Integer, nullable=False, server_default="0"),
    Column("normal", Integer, nullable=False, server_default="0"),
    Column("low", Integer, nullable=False, server_default="0"),
    Column("breached", Integer, nullable=False, server_default="0"),
    Column("late", Integer, nullable=False, server_default="0"),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("done_seconds", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("tenant_id"),
    comment="Tickets by status; open and pending ones by priority; ever breached, and still open or pending;"
    " resolved ones and their time",
)
subscriber_rollup = Table(
    "subscriber_rollup",
    TENANCY,
    to("tenancy.tenant", "tenant_id"),
    Column("active", Integer, nullable=False, server_default="0"),
    Column("suspended", Integer, nullable=False, server_default="0"),
    Column("cancelled", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("tenant_id"),
)
posture_rollup = Table(
    "posture_rollup",
    TENANCY,
    to("tenancy.tenant", "tenant_id"),
    moment("taken_at"),
    Column("score", Integer),
    Column("critical", Integer),
    Column("high", Integer),
    Column("medium", Integer),
    Column("low", Integer),
    PrimaryKeyConstraint("tenant_id"),
    comment="The latest snapshot of each tenant, without its findings",
)
