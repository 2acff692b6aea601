"""Saved views of tickets in the demo: what Northwind's principal looks at again and again."""

from datetime import date

from psycopg.types.json import Jsonb

from guildhall.worlds.ground import Connection, copy, made_id, midnight

OWNER = "principal@northwind.example"
VIEWS = {
    "Breached": {"view": "list", "status": "unresolved", "clock": "breached", "sort": "due"},
    "My board": {"view": "board", "to": "me"},
    "Urgent": {"view": "board", "priority": "urgent"},
}


def seed_ticket_views(connection: Connection, today: date) -> None:
    """Write the views; none of them comes first, so that the list stays where it is looked for."""
    owner = made_id("partner_user", OWNER)
    made = midnight(today)
    rows = [(made_id("ticket_view", name), owner, name, Jsonb(filters), made) for name, filters in VIEWS.items()]
    copy(connection, "portal.ticket_view", "id user_id name filters created_at", rows)
