"""People of the customers, and the codes that a customer shows to a partner."""

import base64
import hashlib
from datetime import date, timedelta

from guildhall.core import crypto
from guildhall.worlds.demo_credentials import Credentials
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_tenants import Tenant, tenant_id
from guildhall.worlds.ground import Connection, chance, copy, made_id, midnight

WITHOUT_APPROVER = "quarry-lake"
_WITH_VIEWER = ("acme-fiber", "harborline", "brightwell", "cascadia-ports", "fairhaven", WITHOUT_APPROVER)
# One person who works for two customers: approver of the first, viewer of the second.
TWICE = ("it@alpenglow.example", "alpenglow", "costa-verde")
_CODES = (("fairhaven", 14, False), ("copperline", -3, False), ("stonebridge", 7, True))  # slug, days left, withdrawn


def members(cast: list[Tenant]) -> list[tuple[str, str, str]]:
    """Return address, tenant's slug and role of every membership."""
    email, first, second = TWICE
    return [
        *((f"admin@{one.slug}.example", one.slug, "approver") for one in cast if one.slug != WITHOUT_APPROVER),
        *((f"viewer@{slug}.example", slug, "viewer") for slug in _WITH_VIEWER),
        (email, first, "approver"),
        (email, second, "viewer"),
    ]


def link_code(slug: str) -> str:
    """Return the code that the demo tenant with `slug` shows to partners."""
    return base64.b32encode(hashlib.sha256(f"code of {slug}".encode()).digest()[:10]).decode()


def seed_customers(connection: Connection, cast: list[Tenant], credentials: Credentials, today: date) -> None:
    """Write the customers' people, their memberships, and link codes."""
    now, listed = midnight(today), members(cast)
    since = {tenant.slug: midnight(tenant.since) for tenant in cast}
    copy(
        connection,
        "tenancy.customer_user",
        "id email name status language timezone password_hash totp_secret last_active_at created_at updated_at",
        (
            (
                made_id("customer_user", email),
                email,
                full_name(email),
                "active",
                "es" if slug == "costa-verde" else "en",
                "UTC",
                *credentials.of(email),
                now - timedelta(minutes=chance("seen", email).randint(60, 30_000)),
                since[slug],
                since[slug],
            )
            for email, slug in {email: slug for email, slug, _ in reversed(listed)}.items()
        ),
    )
    copy(
        connection,
        "tenancy.customer_membership",
        "user_id tenant_id role status created_at",
        (
            (made_id("customer_user", email), tenant_id(slug), role, "active", since[slug] + timedelta(minutes=place))
            for place, (email, slug, role) in enumerate(listed)
        ),
    )
    copy(
        connection,
        "tenancy.link_code",
        "id tenant_id code_hash created_by expires_at withdrawn_at created_at",
        (
            (
                made_id("link_code", slug),
                tenant_id(slug),
                crypto.token_hash(link_code(slug)),
                made_id("customer_user", f"admin@{slug}.example"),
                now + timedelta(days=left),
                now - timedelta(days=1) if withdrawn else None,
                now - timedelta(days=10),
            )
            for slug, left, withdrawn in _CODES
        ),
    )
