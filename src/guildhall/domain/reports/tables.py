"""Sums of a partner's tenants, for reports over so many that their rows take too long to add up.

They are kept by triggers in the transaction that changes their source, and `summed_tenant` says whose rows are in them
(sums.sql).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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
)

from guildhall.core.columns import one_of, to
from guildhall.core.db import PORTAL

SUMMED = ("usage", "revenue", "posture", "uptime", "tickets")
_SUM = Numeric(24, 4)
_SECONDS = Numeric(24, 6)  # exact, whatever comes and goes

summed_tenant = Table(
    "summed_tenant",
    PORTAL,
    Column("report", Text, nullable=False),
    to("portal.partner", "partner_id"),
    Column("tenant_id", Uuid, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),  # no default: an older process brings nobody in
    one_of("report", SUMMED),
    PrimaryKeyConstraint("report", "partner_id", "tenant_id"),
    Index("ix_summed_tenant_tenant_id", "tenant_id", "report"),
    comment="The tenants whose rows are in their partner's sums",
)
usage_sum = Table(
    "usage_sum",
    PORTAL,
    to("portal.partner", "partner_id"),
    Column("metric", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("quantity", _SUM, nullable=False, server_default="0"),
    Column("tenants", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("partner_id", "day", "metric"),
)
revenue_sum = Table(
    "revenue_sum",
    PORTAL,
    to("portal.partner", "partner_id"),
    Column("currency", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("due_on", Date, nullable=False),  # of a payment its own day
    Column("invoiced", _SUM, nullable=False, server_default="0"),
    Column("outstanding", _SUM, nullable=False, server_default="0"),
    Column("paid", _SUM, nullable=False, server_default="0"),
    Column("invoices", Integer, nullable=False, server_default="0"),
    Column("payments", Integer, nullable=False, server_default="0"),
    Column("listed", Integer, nullable=False, server_default="0"),  # invoices, and what was cancelled
    Column("settled", Integer, nullable=False, server_default="0"),
    Column("owed", Integer, nullable=False, server_default="0"),
    Column("received", _SUM, nullable=False),  # what was paid of those invoiced
    PrimaryKeyConstraint("partner_id", "day", "currency", "due_on"),
)
subscription_sum = Table(
    "subscription_sum",
    PORTAL,
    to("portal.partner", "partner_id"),
    Column("status", Text, nullable=False),  # none is kept of those that were cancelled
    Column("plan", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("trial_ends_on", Date),  # of a trial only
    Column("number", Integer, nullable=False, server_default="0"),
    Column("mrr", _SUM, nullable=False, server_default="0"),
    UniqueConstraint(
        *("partner_id", "status", "plan", "currency", "trial_ends_on"),
        name="uq_subscription_sum",
        postgresql_nulls_not_distinct=True,
    ),
    comment="Read with the sums of revenue",
)
balance_sum = Table(
    "balance_sum",
    PORTAL,
    to("portal.partner", "partner_id"),
    Column("currency", Text, nullable=False),
    Column("outstanding", _SUM, nullable=False),
    Column("overdue", _SUM, nullable=False),
    Column("late_payers", Integer, nullable=False),  # each counts in one currency only: over all, they add up
    PrimaryKeyConstraint("partner_id", "currency"),
    comment="Of tenancy.billing_rollup; read with the sums of revenue",
)
posture_sum = Table(
    "posture_sum",
    PORTAL,
    to("portal.partner", "partner_id"),
    Column("measured", Integer, nullable=False, server_default="0"),
    *(
        Column(name, Integer, nullable=False, server_default="0")
        for name in ("score", "critical", "high", "medium", "low")
    ),
    PrimaryKeyConstraint("partner_id"),
)
ticket_sum = Table(
    "ticket_sum",
    PORTAL,
    Column(
        "partner_id", Uuid, nullable=False
    ),  # no reference: who writes a ticket waits for nobody who locks the partner
    *(Column(name, Integer, nullable=False) for name in ("open", "pending", "resolved", "closed")),
    *(
        Column(name, Integer, nullable=False)
        for name in ("urgent", "high", "normal", "low", "breached", "late", "done")
    ),
    Column("done_seconds", BigInteger, nullable=False),
    Index("ix_ticket_sum_partner_id", "partner_id"),
    comment="To be added up: what each change of a tenant's tickets brought; one row of a partner's many each minute",
)
_DOWNTIME = ("down_seconds", "began", "carried", "repaired", "repair_seconds")
partner_downtime = Table(
    "partner_downtime",
    PORTAL,
    to("portal.partner", "partner_id"),
    Column("day", Date, nullable=False),
    Column("tenant_id", Uuid, nullable=False),
    Column("down_seconds", Double, nullable=False),
    *(Column(name, Integer, nullable=False) for name in ("began", "repaired")),
    Column("carried", Boolean, nullable=False),
    Column("repair_seconds", Double, nullable=False),
    PrimaryKeyConstraint("partner_id", "day", "tenant_id", postgresql_include=_DOWNTIME),
    comment="The days of tenancy.uptime_daily of all tenants in the partner's sums, side by side",
)
downtime_sum = Table(
    "downtime_sum",
    PORTAL,
    to("portal.partner", "partner_id"),
    Column("day", Date, nullable=False),
    Column("tenants", Integer, nullable=False),  # that were down
    Column("down_seconds", _SECONDS, nullable=False),
    *(Column(name, Integer, nullable=False) for name in ("began", "carried", "repaired")),
    Column("repair_seconds", _SECONDS, nullable=False),
    PrimaryKeyConstraint("partner_id", "day"),
    comment="What the partner's rows in portal.partner_downtime come to",
)
