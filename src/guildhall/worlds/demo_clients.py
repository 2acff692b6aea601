"""API clients of the demo's first partner: in use, about to end, over, revoked. Their secrets are known to nobody."""

from datetime import date, datetime, timedelta

from guildhall.core import crypto
from guildhall.domain.people.client_rules import grantable
from guildhall.domain.rbac.registry import PARTNER, TENANT_PERMISSIONS, areas_of
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_partners import BY_SLUG
from guildhall.worlds.ground import Connection, copy, made_id, midnight

_PRINCIPAL = "principal@northwind.example"
_TICKETS = ("partner.tenants.list", "partner.support.")
_REPORTS = ("partner.tenants.list", "partner.reports.usage", "partner.reports.sla")
_BILLING = ("partner.tenants.list", "partner.money.read", "partner.billing.")
# Name, purpose, what its scopes begin with, networks; age and end in days, hours since last used, days since revoked.
_CAST: tuple[tuple[str, str, tuple[str, ...], list[str], int, int, int, int | None], ...] = (
    ("Ticket sync", "Keeps tickets in step with our service desk", _TICKETS, ["203.0.113.0/24"], 140, 78, 1, None),
    ("Usage warehouse", "Nightly load of usage and SLA figures", _REPORTS, ["2001:db8:40::/48"], 82, 8, 9, None),
    ("Invoice export", "Monthly invoices into accounting", _BILLING, [], 120, -21, 740, None),
    ("Old chat bot", "Opened tickets from the team chat", _TICKETS, [], 260, 90, 2300, 95),
)
_COLUMNS = (
    "id partner_id name purpose responsible_id responsible_name scopes areas networks expires_at revoked_at revoked_by"
    " revoked_because last_used_at last_used_from created_by created_at updated_at"
)


def seed_clients(connection: Connection, today: date) -> None:
    """Write the clients and one secret for each."""
    now, by = midnight(today), full_name(_PRINCIPAL)
    copy(connection, "portal.api_client", _COLUMNS, (_row(now, by, *one) for one in _CAST))
    secrets = [
        (
            made_id("api_client_secret", name),
            made_id("api_client", name),
            crypto.token_hash(crypto.new_token()),
            made_id("hint", name).hex[:4],
            by,
            now - timedelta(hours=used),
            now - timedelta(days=age),
        )
        for name, _, _, _, age, _, used, _ in _CAST
    ]
    copy(
        connection,
        "portal.api_client_secret",
        "id client_id secret_hash hint created_by last_used_at created_at",
        secrets,
    )


def _row(
    now: datetime,
    by: str,
    name: str,
    purpose: str,
    starts: tuple[str, ...],
    networks: list[str],
    age: int,
    end: int,
    used: int,
    revoked: int | None,
) -> tuple[object, ...]:
    """Return the _COLUMNS of one client."""
    scopes = sorted(each for each in grantable(PARTNER) if each.startswith(starts))
    areas = sorted(areas_of(set(scopes) & TENANT_PERMISSIONS))
    revoked_at = now - timedelta(days=revoked) if revoked else None
    born = now - timedelta(days=age)
    return (
        made_id("api_client", name),
        BY_SLUG["northwind"].id,
        name,
        purpose,
        made_id("partner_user", _PRINCIPAL),
        by,
        scopes,
        areas,
        networks,
        now + timedelta(days=end),
        revoked_at,
        by if revoked_at else "",
        "Replaced by Ticket sync" if revoked_at else "",
        now - timedelta(hours=used),
        "203.0.113.20" if not networks or "." in networks[0] else "2001:db8:40::7",
        by,
        born,
        revoked_at or born,
    )
