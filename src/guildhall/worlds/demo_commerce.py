"""The commercial side of the demo's links, and the subscribers that a reseller looks after at home."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from psycopg.types.json import Jsonb

from guildhall.worlds.demo_links import Link
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_partners import BY_SLUG
from guildhall.worlds.demo_subscribers import Subscriber
from guildhall.worlds.ground import Connection, cents, chance, copy, made_id, midnight

# Plan -> monthly price, capacity of subscribers, gigabytes a day, calls a day.
_PLANS = {
    "essentials": ("290.00", 40, 500, 4_000),
    "growth": ("640.00", 60, 800, 6_000),
    "scale": ("1480.00", 90, 1_200, 9_000),
}
_ADDONS = (
    ("managed-firewall", "Managed firewall", "120.00"),
    ("sd-wan-edge", "SD-WAN edge", "45.00"),
    ("log-retention", "Log retention, one year", "75.00"),
)
_STATES = {"sandpiper": "trial", "meadowlark": "trial", "cascadia-clinics": "trial", "ridgeway": "suspended"}
_KINDS = ("managed", "referral", "reseller")
_RESELLER = "alderfinch"
_ACCOUNTS = 9
_SELLERS = frozenset({"mssp", "reseller", "enterprise_hq"})


def seed_subscriptions(connection: Connection, links: list[Link], today: date) -> None:
    """Write one subscription for each link that stood at some time, of partners that sell."""
    stood = {"active", "paused", "expired", "revoked"}
    copy(
        connection,
        "portal.subscription",
        "id partner_id link_id tenant_id plan status billing_cycle currency mrr addons capacity starts_on renews_on"
        " trial_ends_on created_at updated_at",
        (_subscription(link, today) for link in links if link.status in stood and link.partner.type in _SELLERS),
    )


def _subscription(link: Link, today: date) -> tuple[object, ...]:
    if link.tenant is None:
        raise ValueError("A link that stood has a tenant")
    luck = chance("subscription", link.id)
    price, subscribers, gigabytes, calls = _PLANS[link.tenant.plan]
    chosen = [(*addon, luck.randint(1, 4)) for addon in luck.sample(_ADDONS, luck.choice((0, 1, 1, 2)))]
    addons = {code: {"name": name, "quantity": n, "unit_price": cost} for code, name, cost, n in chosen}
    mrr = Decimal(price) + sum((n * Decimal(cost) for _, _, cost, n in chosen), Decimal())
    over = link.status in {"expired", "revoked"}
    status = "cancelled" if over else _STATES.get(link.slug, "active")
    cycle = "annual" if luck.random() < 0.3 else "monthly"  # noqa: PLR2004
    starts = link.starts_at.date()
    renews = None if over else _next(starts, 365 if cycle == "annual" else 30, today)
    return (
        made_id("subscription", link.id),
        link.partner.id,
        link.id,
        link.tenant.id,
        link.tenant.plan,
        status,
        cycle,
        link.tenant.currency,
        cents(mrr),
        Jsonb(addons),
        Jsonb({"active_subscribers": subscribers, "bandwidth_gb": gigabytes, "api_calls": calls}),
        starts,
        renews,
        today + timedelta(days=12) if status == "trial" else None,
        link.created_at,
        link.created_at,
    )


def _next(start: date, days: int, today: date) -> date:
    """Return the first renewal after `today` of a term of `days` that began on `start`."""
    return start + timedelta(days=days * ((today - start).days // days + 1))


def seed_accounts(connection: Connection, subscribers: list[Subscriber], today: date) -> None:
    """Write the reseller's accounts on subscribers of its home tenant; the last one has ended."""
    home = [one for one in subscribers if one.tenant.slug == _RESELLER][:_ACCOUNTS]
    copy(
        connection,
        "portal.partner_account",
        "id partner_id home_tenant_id subscriber_id engagement_type status created_by ended_at created_at",
        _accounts(home, today),
    )


def _accounts(home: list[Subscriber], today: date) -> Iterator[tuple[object, ...]]:
    partner, by, now = BY_SLUG[_RESELLER], full_name("lead@halcyon.example"), midnight(today)
    for place, one in enumerate(home):
        ended = now - timedelta(days=20) if place == len(home) - 1 else None
        yield (
            made_id("account", one.id),
            partner.id,
            one.tenant.id,
            one.id,
            _KINDS[place % len(_KINDS)],
            "ended" if ended else "active",
            by,
            ended,
            now - timedelta(days=200 - place),
        )
