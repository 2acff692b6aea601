"""The demo world: the vendor Halcyon Cloud, six partners, forty-one customers, eighteen months of their data.

Everything follows from `today`: the same day gives the same world. Times are UTC and
count back from midnight; only open tickets are moved to the hour of seeding.
"""

from collections import Counter
from datetime import date

import psycopg
from msgspec import Struct
from psycopg import sql

from guildhall.worlds.demo_alerts import seed_alerts
from guildhall.worlds.demo_applications import seed_applications
from guildhall.worlds.demo_clients import seed_clients
from guildhall.worlds.demo_comments import seed_comments
from guildhall.worlds.demo_commerce import seed_accounts, seed_subscriptions
from guildhall.worlds.demo_customers import link_code, seed_codes, seed_customers
from guildhall.worlds.demo_files import seed_files
from guildhall.worlds.demo_invoices import invoices, seed_invoices
from guildhall.worlds.demo_links import links, seed_links
from guildhall.worlds.demo_mail import seed_mail
from guildhall.worlds.demo_measures import outages, seed_outages, seed_usage
from guildhall.worlds.demo_notices import seed_notices
from guildhall.worlds.demo_offers import seed_offers
from guildhall.worlds.demo_partners import BY_SLUG, PARTNERS, seed_partners, seed_people, seed_staff
from guildhall.worlds.demo_people import DEMO_PASSWORD, Roll, totp_secret
from guildhall.worlds.demo_platform import seed_platform
from guildhall.worlds.demo_posture import seed_posture
from guildhall.worlds.demo_quotas import seed_quotas
from guildhall.worlds.demo_recovery import seed_recovery
from guildhall.worlds.demo_subscribers import seed_subscribers, subscribers
from guildhall.worlds.demo_team import seed_team
from guildhall.worlds.demo_tenants import seed_tenants, tenants
from guildhall.worlds.demo_ticket_views import seed_ticket_views
from guildhall.worlds.demo_tickets import catch_up, seed_tickets, tickets
from guildhall.worlds.demo_trail import seed_trail
from guildhall.worlds.demo_webhooks import seed_webhooks
from guildhall.worlds.ground import Connection, midnight

__all__ = [
    "DEMO_PASSWORD",
    "SignIn",
    "is_seeded",
    "link_code",
    "people_elsewhere",
    "seed",
    "sign_ins",
    "totp_secret",
]


class SignIn(Struct, frozen=True):
    """Somebody to sign in as: on which surface (label of its host), and what for."""

    email: str
    surface: str
    purpose: str


def seed(url: str, *, prefix: str, today: date) -> dict[str, bytes]:
    """Write the demo world into a migrated database without people, in one transaction; return its files for the store.

    `url` is a psycopg connection string of somebody who may become `<prefix>owner`; `today` is the day (UTC) that
    the world's dates are counted from. `guildhall.core.crypto.set_master` must have been called. Raises
    psycopg.errors.UniqueViolation where the world is there already.
    """
    roll = Roll(midnight(today))
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(f"{prefix}owner")))
        cast = tenants(today)
        made = links(cast, today)
        seed_partners(connection, today)
        seed_people(connection, roll)
        seed_staff(connection, roll)
        seed_clients(connection, today)
        seed_platform(connection, today)
        seed_quotas(connection, today)
        seed_webhooks(connection, cast, today)
        seed_tenants(connection, cast)
        seed_customers(connection, cast, roll)
        seed_recovery(connection, roll.now)
        seed_team(connection, roll)
        seed_codes(connection, today)
        seed_links(connection, made, today)
        seed_offers(connection, made, today)
        seed_subscriptions(connection, made, today)
        seed_notices(connection, made, today)
        seed_mail(connection, today)
        people = subscribers(cast)
        seed_subscribers(connection, people)
        seed_accounts(connection, people, today)
        billed = invoices(people, today)
        seed_invoices(connection, billed)
        opened = tickets(cast, people, made, today)
        seed_tickets(connection, opened)
        seed_comments(connection, opened)
        files = seed_files(connection, opened, billed, made, today)
        catch_up(connection, today)
        seed_ticket_views(connection, today)
        active = Counter(one.tenant.slug for one in people if one.status == "active")
        seed_usage(connection, cast, active, today)
        seed_outages(connection, outages(cast, today))
        seed_posture(connection, cast, today)
        seed_alerts(connection, today)
        seed_trail(connection, cast, made, opened)
        seed_applications(connection, today)
    return files


def is_seeded(connection: Connection) -> bool:
    """Return whether the demo world is in the database. `connection` must be able to read partners."""
    found = connection.execute("SELECT 1 FROM portal.partner WHERE id = %s", [BY_SLUG["northwind"].id]).fetchone()
    return found is not None


def people_elsewhere(connection: Connection) -> bool:
    """Return whether there are people outside `.example`, the names that nobody can own (RFC 2606).

    The demo's password is public, so it must never meet real people. `connection` must be able to read all three
    tables of people; one that may not is refused by the database.
    """
    found = connection.execute(
        "SELECT 1 FROM (SELECT email FROM portal.partner_user UNION ALL SELECT email FROM portal.staff_user"
        " UNION ALL SELECT email FROM tenancy.customer_user) AS person WHERE email NOT LIKE '%.example' LIMIT 1"
    ).fetchone()
    return found is not None


def sign_ins() -> list[SignIn]:
    """Return whom to sign in as first, for people who start the demo."""
    northwind = (
        ("principal", "Northwind: everything, team and links"),
        ("msp_full", "Northwind: operates 24 customers"),
        ("msp_billing", "Northwind: billing of the customers"),
        ("msp_support", "Northwind: tickets of the customers, no money"),
        ("technical", "Northwind: deals without money"),
        ("auditor", "Northwind: reads, changes nothing"),
    )
    return [
        *(SignIn(f"{role}@northwind.example", "partners", purpose) for role, purpose in northwind),
        *(
            SignIn(f"principal@{partner.slug}.example", "partners", f"{partner.name}: {partner.type}, {partner.status}")
            for partner in PARTNERS[1:]
        ),
        SignIn("admin@acme-fiber.example", "customers", "Acme Fiber: sees and stops its partners"),
        SignIn("admin@kestrel.example", "customers", "Kestrel Aviation: has a request to answer"),
        SignIn("it@alpenglow.example", "customers", "Works for two customers"),
        SignIn("lead@halcyon.example", "staff", "Halcyon Cloud: everything of staff"),
        SignIn("support@halcyon.example", "staff", "Halcyon Cloud: support"),
    ]
