"""People of the customers, and the codes that a customer shows to a partner."""

import base64
import hashlib
from datetime import date, timedelta

from guildhall.core import crypto
from guildhall.domain.access.asking import tidy
from guildhall.worlds.demo_people import COLUMNS, Roll
from guildhall.worlds.demo_tenants import Tenant, tenant_id
from guildhall.worlds.ground import Connection, copy, made_id, midnight

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
    code = base64.b32encode(hashlib.sha256(f"code of {slug}".encode()).digest()).decode()
    return f"{code[:4]}-{code[4:8]}-{code[8:12]}"


def seed_customers(connection: Connection, cast: list[Tenant], roll: Roll) -> None:
    """Write the customers' people and their memberships."""
    listed = members(cast)
    since = {tenant.slug: midnight(tenant.since) for tenant in cast}
    language = {"costa-verde": "es"}
    copy(
        connection,
        "tenancy.customer_user",
        COLUMNS,
        (
            roll.row("customer_user", email, born=since[slug], language=language.get(slug, "en"))
            for email, slug in {email: slug for email, slug, _ in reversed(listed)}.items()
        ),
    )
    copy(
        connection,
        "tenancy.customer_membership",
        "user_id tenant_id role status created_at accepted_at",
        (
            (made_id("customer_user", email), tenant_id(slug), role, "active", at, at)
            for email, slug, role, at in (
                (email, slug, role, since[slug] + timedelta(minutes=place))
                for place, (email, slug, role) in enumerate(listed)
            )
        ),
    )


def seed_codes(connection: Connection, today: date) -> None:
    """Write link codes: one that works, one that is too old, one withdrawn."""
    now = midnight(today)
    copy(
        connection,
        "tenancy.link_code",
        "id tenant_id code_hash created_by expires_at withdrawn_at created_at",
        (
            (
                made_id("link_code", slug),
                tenant_id(slug),
                crypto.token_hash(tidy(link_code(slug))),
                made_id("customer_user", f"admin@{slug}.example"),
                now + timedelta(days=left),
                now - timedelta(days=1) if withdrawn else None,
                now - timedelta(days=10),
            )
            for slug, left, withdrawn in _CODES
        ),
    )
