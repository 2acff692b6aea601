"""Clients of the vendor's platform in the demo: one in use, one replaced. Nobody knows their secrets."""

from datetime import date, timedelta

from guildhall.core import crypto
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.ground import Connection, copy, made_id, midnight

_LEAD = "lead@halcyon.example"
# Name, purpose, networks, age and end in days, hours since last used, days since revoked.
_CAST: tuple[tuple[str, str, list[str], int, int, int, int | None], ...] = (
    ("Billing and usage feed", "Sends invoices, payments and usage every hour", ["203.0.113.64/27"], 190, 175, 1, None),
    ("Old nightly import", "Sent files of subscribers each night", [], 520, 10, 4400, 180),
)


def seed_platform(connection: Connection, today: date) -> None:
    """Write the clients and one secret for each."""
    now, by = midnight(today), full_name(_LEAD)
    clients, secrets = [], []
    for name, purpose, networks, age, end, used, revoked in _CAST:
        born, last = now - timedelta(days=age), now - timedelta(hours=used)
        over = now - timedelta(days=revoked) if revoked else None
        why = (over, by, "Replaced by the hourly feed") if over else (None, "", "")
        made, ends = made_id("platform_client", name), now + timedelta(days=end)
        seen = (last, "203.0.113.70")
        clients.append((made, name, purpose, networks, ends, *why, *seen, by, born, over or born))
        hint = made_id("hint", name).hex[:4]
        secrets.append((made_id("secret", name), made, crypto.token_hash(crypto.new_token()), hint, by, last, born))
    copy(
        connection,
        "portal.platform_client",
        "id name purpose networks expires_at revoked_at revoked_by revoked_because last_used_at last_used_from"
        " created_by created_at updated_at",
        clients,
    )
    copy(
        connection,
        "portal.platform_client_secret",
        "id client_id secret_hash hint created_by last_used_at created_at",
        secrets,
    )
