"""The commercial side of a link (PRODUCT §7, “Subscription”)."""

from typing import Literal, get_args

from sqlalchemy import CheckConstraint, Column, Date, Index, Numeric, Table, Text, Uuid, text

from guildhall.core.columns import created, document, id_column, one_of, to, updated
from guildhall.core.db import PORTAL

SubscriptionStatus = Literal["trial", "active", "suspended", "cancelled"]
BillingCycle = Literal["monthly", "annual"]
SUBSCRIPTION_STATUSES: tuple[SubscriptionStatus, ...] = get_args(SubscriptionStatus)
CYCLES: tuple[BillingCycle, ...] = get_args(BillingCycle)

subscription = Table(
    "subscription",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id"),
    to("portal.partner_tenant_link", "link_id", index=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("plan", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("billing_cycle", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("mrr", Numeric(18, 4), nullable=False),
    document("addons"),
    document("capacity"),
    Column("starts_on", Date, nullable=False),
    Column("renews_on", Date),
    Column("trial_ends_on", Date),
    created(),
    updated(),
    one_of("status", SUBSCRIPTION_STATUSES),
    one_of("billing_cycle", CYCLES),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    Index(
        "uq_subscription_current",
        "partner_id",
        "tenant_id",
        unique=True,
        postgresql_where=text("status <> 'cancelled'"),
        postgresql_include=["status", "plan", "currency", "mrr", "trial_ends_on"],
    ),
)
