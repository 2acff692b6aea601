"""What one side of a link offers the other: counter-offers of tenants, wishes of partners for more."""

from datetime import date, datetime, timedelta

from psycopg.types.json import Jsonb

from guildhall.domain.rbac.registry import areas_of, expand, link_permissions
from guildhall.worlds.demo_links import Link
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.ground import Connection, copy, made_id, midnight

_COUNTER = {
    "partner.reports.usage.read": True,
    "partner.support.tickets.list": True,
    "partner.support.tickets.read": True,
}


def seed_offers(connection: Connection, made: list[Link], today: date) -> None:
    """Write one counter-offer of a tenant and one wish of a partner for more, both open, and two decided ones."""
    by_key = {(link.partner.slug, link.slug): link for link in made}
    offers = (
        ("counter", by_key["alderfinch", "fairhaven"], "delegate", "customer_managed", "open"),
        ("change", by_key["northwind", "blue-mesa"], "msp_full", "co_managed", "open"),
        ("change", by_key["northwind", "prairie-link"], "msp_full", "co_managed", "declined"),
        ("change", by_key["northwind", "harborline"], "msp_full", "co_managed", "accepted"),
    )
    copy(
        connection,
        "portal.link_change",
        "id link_id kind access_role custom_permissions permissions areas operating_model ends_at status reason"
        " proposed_by decided_by decided_at created_at",
        (_offer(*offer, midnight(today)) for offer in offers),
    )


def _offer(kind: str, link: Link, role: str, model: str, status: str, now: datetime) -> tuple[object, ...]:
    custom = expand(_COUNTER) if kind == "counter" else {}
    strings = link_permissions(role, custom)
    approver = full_name(f"admin@{link.slug}.example")
    decided = status != "open"
    asked = now - timedelta(days=45 if decided else 2)
    end = now + timedelta(days=180) if kind == "counter" else link.starts_at + timedelta(days=700)
    return (
        made_id("link_change", link.id, kind),
        link.id,
        kind,
        role,
        Jsonb(custom),
        sorted(strings),
        sorted(areas_of(strings)),
        model,
        end,
        status,
        "Reports and tickets are enough for us" if kind == "counter" else "Provisioning in one hand with support",
        approver if kind == "counter" else link.asker,
        approver if decided else None,
        asked + timedelta(days=1) if decided else None,
        asked,
    )
