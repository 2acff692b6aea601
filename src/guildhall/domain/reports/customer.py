"""One tenant as a partner may see it (API.md, GET /partner/customers/{id}), and the parts of its page."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import DateTime, TextClause, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import NotFound
from guildhall.core.money import Money, money
from guildhall.domain.access import alert_settings
from guildhall.domain.access.gates import Standing
from guildhall.domain.billing.tables import BillingCycle, SubscriptionStatus
from guildhall.domain.reports import portfolio
from guildhall.domain.reports.portfolio import Customer
from guildhall.domain.reports.tenant_parts import (
    WINDOW_DAYS,
    InvoiceLine,
    Outage,
    Posture,
    Usage,
    outages,
    posture_latest,
    recent_invoices,
    shows,
    usage_summary,
)

__all__ = [
    "Contact",
    "CustomerDetail",
    "DetailMetrics",
    "InvoiceLine",
    "Outage",
    "Posture",
    "Subscription",
    "Usage",
    "detail",
    "outages",
    "posture_latest",
    "recent_invoices",
    "shows",
    "usage_summary",
]


class Contact(Struct, frozen=True, kw_only=True):
    """Whom to call at the tenant."""

    name: str
    email: str
    phone: str


class DetailMetrics(Struct, frozen=True, kw_only=True):
    """Further figures; each is None where the link or the person does not allow it, or nothing was measured.

    `users` are the tenant's own active people; `uptime_percentage_30d` comes from recorded downtime.
    """

    users: int | None
    users_max: int | None
    active_subscribers: int | None
    suspended_subscribers: int | None
    uptime_percentage_30d: float | None


class Subscription(Struct, frozen=True, kw_only=True):
    """The commercial side of the link; prices of add-ons and `mrr` are None without money.read."""

    plan: str
    status: SubscriptionStatus
    billing_cycle: BillingCycle
    mrr: Money | None
    addons: dict[str, Any]
    capacity: dict[str, Any]
    starts_on: date
    renews_on: date | None
    trial_ends_on: date | None


class CustomerDetail(Customer, frozen=True, kw_only=True):
    """One tenant in full. `effective_permissions` is what this person may do here: the link's and the own ones."""

    contact: Contact
    address: dict[str, Any]
    region: str
    custom_permissions: dict[str, bool]
    effective_permissions: list[str]
    sla_config: dict[str, Any]
    alert_config: dict[str, Any]
    more: DetailMetrics
    subscription: Subscription | None
    posture: Posture | None


# Uptime is counted as in the SLA report (sla_sql.py): from outages, those that overlap once, nothing where none of the
# tenant's time was ever recorded.
_EXTRAS: TextClause = text(
    """
    SELECT t.contact_name, t.contact_email, t.contact_phone, t.address, t.region, t.users_max,
           l.custom_permissions, l.permissions, l.sla_config, l.alert_config,
           portal.people_count(t.id) AS users, u.active, u.suspended,
           s.plan, s.status, s.billing_cycle, s.mrr, s.currency, s.addons, s.capacity, s.starts_on, s.renews_on,
           s.trial_ends_on, d.measured, d.down
    FROM portal.partner_tenant_link AS l
    JOIN tenancy.tenant AS t ON t.id = l.tenant_id
    LEFT JOIN tenancy.subscriber_rollup AS u ON u.tenant_id = t.id
    LEFT JOIN portal.subscription AS s
        ON s.partner_id = l.partner_id AND s.tenant_id = l.tenant_id AND s.status <> 'cancelled'
    CROSS JOIN LATERAL (SELECT greatest(:since, l.starts_at, l.observed_from) AS since) AS w
    LEFT JOIN LATERAL (
        SELECT extract(epoch FROM :now - w.since) AS measured,
               coalesce(sum(extract(epoch FROM upper(part.span) - lower(part.span))), 0) AS down
        FROM (
            SELECT unnest(range_agg(tstzrange(o.started_at, coalesce(o.ended_at, 'infinity')))
                * tstzmultirange(tstzrange(w.since, :now))) AS span
            FROM tenancy.outage AS o
            WHERE o.tenant_id = l.tenant_id AND o.started_at < :now AND (o.ended_at IS NULL OR o.ended_at > w.since)
        ) AS part
    ) AS d ON w.since < :now AND l.uptime_recorded
    WHERE l.partner_id = :partner_id AND l.tenant_id = :tenant_id AND l.id = :link_id
    """
).bindparams(
    *(bindparam(name, type_=DateTime(timezone=True)) for name in ("since", "now")),
    *(bindparam(name, type_=Uuid) for name in ("partner_id", "tenant_id", "link_id")),
)


async def detail(connection: AsyncConnection, actor: Actor, *, standing: Standing, now: datetime) -> CustomerDetail:
    """Return one tenant in full, in at most three statements; raises NotFound (TENANT_NOT_FOUND)."""
    plain = await portfolio.one(connection, actor, tenant_id=standing.tenant_id)
    values = {
        "since": datetime.combine(now.date() - timedelta(days=WINDOW_DAYS - 1), time(), UTC),
        "now": now,
        "partner_id": actor.partner_id,
        "tenant_id": standing.tenant_id,
        "link_id": standing.link_id,
    }
    row = (await connection.execute(_EXTRAS, values)).mappings().first()
    if row is None:
        raise NotFound(code="TENANT_NOT_FOUND")
    return CustomerDetail(
        **{name: getattr(plain, name) for name in Customer.__struct_fields__},
        contact=Contact(name=row["contact_name"], email=row["contact_email"], phone=row["contact_phone"]),
        **{name: row[name] for name in ("address", "region", "custom_permissions", "sla_config")},
        alert_config=alert_settings.seen(actor, row["alert_config"]),
        effective_permissions=sorted(_usable(actor, standing, row["permissions"])),
        more=_more(actor, standing, dict(row)),
        subscription=_subscription(actor, dict(row)),
        posture=await posture_latest(connection, actor, standing=standing),
    )


def _usable(actor: Actor, standing: Standing, permissions: list[str]) -> Iterator[str]:
    """Yield what this person may use here, of what the link opens."""
    return (permission for permission in permissions if shows(actor, standing, permission))


def _more(actor: Actor, standing: Standing, row: Mapping[str, Any]) -> DetailMetrics:
    """Return the further figures, each by its own permission."""
    served = shows(actor, standing, "partner.provisioning.subscribers.list")
    measured = shows(actor, standing, "partner.reports.sla.read") and row["measured"]
    return DetailMetrics(
        users=row["users"],
        users_max=row["users_max"],
        active_subscribers=row["active"] or 0 if served else None,
        suspended_subscribers=row["suspended"] or 0 if served else None,
        uptime_percentage_30d=round(float(100 - 100 * row["down"] / row["measured"]), 4) if measured else None,
    )


def _subscription(actor: Actor, row: Mapping[str, Any]) -> Subscription | None:
    """Return the subscription; without money.read it names what was bought and no price."""
    if row["plan"] is None:
        return None
    priced = actor.may("partner.money.read")
    addons = row["addons"] if priced else {code: _unpriced(addon) for code, addon in row["addons"].items()}
    kept = ("plan", "status", "billing_cycle", "capacity", "starts_on", "renews_on", "trial_ends_on")
    return Subscription(
        **{name: row[name] for name in kept},
        mrr=money(row["mrr"], row["currency"]) if priced else None,
        addons=addons,
    )


def _unpriced(addon: Mapping[str, Any]) -> dict[str, Any]:
    """Return an add-on as the money-blind see it: what it is and how many."""
    return {name: addon[name] for name in ("name", "quantity") if name in addon}
